# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

from image_pipeline.disk import kept


def test_what_was_not_used_for_longest_goes_first():
    values = kept.Kept(10)
    values.put(1, 'a', 4)
    values.put(2, 'b', 4)
    assert values.get(1) == 'a'
    values.put(3, 'c', 4)
    assert [values.get(key) for key in (1, 2, 3)] == ['a', None, 'c']


def test_one_value_is_kept_however_large_it_is():
    values = kept.Kept(10)
    values.put(1, 'a', 4)
    values.put(2, 'b', 99)
    assert (values.get(1), values.get(2)) == (None, 'b')
