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

import pytest

from image_pipeline.disk import ext_free


@pytest.mark.parametrize(
    ('data', 'free', 'used'),
    [
        ([(0, 10)], [], [(0, 10)]),
        ([(0, 10)], [(0, 10)], []),
        ([(0, 10)], [(3, 5)], [(0, 3), (5, 10)]),
        ([(0, 10)], [(3, 20)], [(0, 3)]),
        ([(5, 10)], [(0, 7)], [(7, 10)]),
        ([(0, 4), (6, 10)], [(2, 8)], [(0, 2), (8, 10)]),
        ([(0, 4), (6, 10)], [(4, 6)], [(0, 4), (6, 10)]),
        ([(0, 9)], [(1, 2), (3, 4), (5, 9)], [(0, 1), (2, 3), (4, 5)]),
        ([(0, 2), (4, 6), (8, 9)], [(1, 20)], [(0, 1)]),
    ],
)
def test_used_is_data_without_what_is_free(data, free, used):
    assert list(ext_free._without(data, free)) == used


def test_ranges_are_merged_across_groups():
    found = ext_free._ranges(['1-2, 5', '6-7', ' '], 1000, 100, 10)
    assert list(found) == [(1010, 1030), (1050, 1080)]


def test_hole_is_clean_and_data_is_not(tmp_path):
    path = tmp_path / 'disk'
    with path.open('wb') as file:
        file.truncate(1 << 20)
        file.seek(65536)
        file.write(bytes(100) + b'x')
    assert ext_free.first_dirty(path, [(0, 65536)]) is None
    assert ext_free.first_dirty(path, [(0, 1 << 20)]) == 65636
    assert ext_free.first_dirty(path, [(65637, 1 << 20)]) is None
