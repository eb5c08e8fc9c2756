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

from image_pipeline import exceptions
from image_pipeline.audit.guest import systemd_conf
from image_pipeline.disk import files
from image_pipeline.testing import disks


def tree(content):
    return files.FileTree(disks.MemoryFiles(content))


def test_drop_ins_are_read_by_name_after_the_main_file():
    said = systemd_conf.read(
        tree(
            {
                '/etc/systemd/logind.conf': '[Login]\nNAutoVTs=6\n',
                '/usr/lib/systemd/logind.conf.d/90-b.conf': (
                    '[Login]\nNAutoVTs=2\n'
                ),
                '/etc/systemd/logind.conf.d/10-a.conf': (
                    '# a comment\n\n[Login]\n NAutoVTs = 0\nReserveVT=0\n'
                ),
            }
        ),
        'logind.conf',
    )
    vts = said.get('Login', 'NAutoVTs')
    assert vts and (vts.value, vts.line.path) == (
        '2',
        '/usr/lib/systemd/logind.conf.d/90-b.conf',
    )
    reserve = said.get('Login', 'ReserveVT')
    assert reserve and (reserve.value, reserve.line.number) == ('0', 5)
    assert said.get('Login', 'KillUserProcesses') is None


@pytest.mark.parametrize('mask', ['', disks.Link('/dev/null')])
def test_a_mask_in_etc_hides_a_drop_in_of_its_name(mask):
    found = systemd_conf.paths(
        tree(
            {
                '/etc/sysctl.d/10-a.conf': mask,
                '/usr/lib/sysctl.d/10-a.conf': 'a=1\n',
                '/run/sysctl.d/20-b.conf': 'b=1\n',
                '/usr/lib/sysctl.d/20-b.conf': 'b=2\n',
                '/usr/lib/sysctl.d/README': 'not read\n',
            }
        ),
        'sysctl.d',
    )
    assert found == ['/run/sysctl.d/20-b.conf']


def test_the_main_file_in_etc_hides_that_of_the_distribution():
    said = systemd_conf.read(
        tree(
            {
                '/etc/systemd/journald.conf': '[Journal]\nStorage=none\n',
                '/usr/lib/systemd/journald.conf': (
                    '[Journal]\nSystemMaxUse=1G\n'
                ),
            }
        ),
        'journald.conf',
    )
    assert said.get('Journal', 'SystemMaxUse') is None


def test_an_empty_assignment_resets_a_list():
    said = systemd_conf.parse(
        tree(
            {'/a': '[Unit]\nWants=a b\nWants=\nWants=c\nWants=d \\\n; x\n e\n'}
        ),
        ['/a'],
    )
    assert said.words('Unit', 'Wants') == ['c', 'd', 'e']


def test_a_setting_of_another_section_is_another_setting():
    said = systemd_conf.parse(tree({'/a': '[A]\nx=1\n[B]\nx=2\n'}), ['/a'])
    setting = said.get('A', 'x')
    assert setting and setting.value == '1'


def test_nothing_there_is_nothing_said():
    assert not systemd_conf.read(tree({}), 'logind.conf')


def test_a_folder_of_too_many_files_is_not_known():
    content = {f'/etc/sysctl.d/{number}.conf': '' for number in range(1_001)}
    with pytest.raises(exceptions.ImageUnreadable):
        systemd_conf.paths(tree(content), 'sysctl.d')
