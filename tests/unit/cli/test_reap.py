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

import json


def test_reap_of_a_clean_host_has_nothing_to_do(program, fake_recipe):
    program('bake', fake_recipe)
    status, out, _ = program('reap', '-f', 'json')
    assert (status, json.loads(out)) == (0, [])
