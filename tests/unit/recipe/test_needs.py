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

import dataclasses

import pytest

from image_pipeline.recipe import needs
from image_pipeline.stages import base
from image_pipeline.testing import fakes


@dataclasses.dataclass
class Step:
    stage_name: str
    host_needs: base.HostNeeds

    def needs(self):
        return self.host_needs


def step(name, **values):
    return Step(name, base.HostNeeds(**values))


def test_needs_of_several_steps_come_together():
    found = needs.together(
        [
            step('a', executables={'x': '1.9'}, disk_bytes=1, memory_bytes=5),
            step('b', executables={'x': '1.10'}, disk_bytes=2, root=True),
            step('b', executables={'x': None, 'w': None}, memory_bytes=3),
        ]
    )
    assert found == needs.Needs(
        executables={'w': (None, ('b',)), 'x': ('1.10', ('a', 'b'))},
        root=('b',),
        disk_bytes=3,
        memory_bytes=5,
    )


def test_no_step_needs_nothing(tmp_path):
    assert needs.check([], settings=fakes.settings(tmp_path)) == []


@pytest.mark.parametrize(
    ('found', 'least', 'fits'),
    [
        ('1.47.0', '1.47', True),
        ('1.47', '1.47.0', True),
        ('1.9', '1.10', False),
        ('10.0', '9.9.9', True),
        (None, '1.0', True),
    ],
)
def test_version_is_compared_by_numbers(tmp_path, host, found, least, fits):
    host = dataclasses.replace(host, version_of=lambda name: found)
    steps = [step('a', executables={'x': least})]
    problems = needs.check(steps, settings=fakes.settings(tmp_path), host=host)
    assert (problems == []) == fits


def test_facts_of_this_host_are_of_a_folder_that_is_not_there_yet(tmp_path):
    facts = needs.host_facts()
    assert facts.free_bytes(tmp_path / 'a' / 'b') > 0
    assert facts.writable(tmp_path / 'a' / 'b')


def test_file_in_the_way_of_the_state_folder_is_found(tmp_path):
    (tmp_path / 'file').write_text('')
    assert not needs.host_facts().writable(tmp_path / 'file' / 'state')


def test_memory_of_this_host_is_known():
    assert (needs.host_facts().memory_bytes() or 0) > 2**20
