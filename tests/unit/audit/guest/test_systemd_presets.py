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

from image_pipeline.audit.guest import systemd_presets
from image_pipeline.disk import files
from image_pipeline.testing import disks


def tree(content):
    return files.FileTree(disks.MemoryFiles(content))


@pytest.mark.parametrize(
    ('content', 'first'),
    [
        ({}, True),
        ({'/etc/machine-id': 'uninitialized\n'}, True),
        ({'/etc/machine-id': ''}, False),
        ({'/etc/machine-id': 'b08dfa6083e7567a1921a715000001fb\n'}, False),
    ],
)
def test_first_boot_is_where_there_is_no_machine_id(content, first):
    assert systemd_presets.is_first_boot(tree(content)) is first


def test_the_first_line_that_fits_counts_and_none_enables():
    presets = systemd_presets.Presets(
        tree(
            {
                '/usr/lib/systemd/system-preset/90-a.preset': (
                    'enable ssh.service\ndisable *.timer\n# disable x\n'
                ),
                '/etc/systemd/system-preset/10-b.preset': (
                    'disable ssh.*\nenable\n'
                ),
            }
        )
    )
    assert not presets.enables('ssh.service')
    assert not presets.enables('apt-daily.timer')
    assert presets.enables('x.service')
