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

from image_pipeline.audit import mountable, rule
from image_pipeline.testing import disks

MODULES = '/usr/lib/modules/6.1.0'
MODULE = {f'{MODULES}/modules.dep': 'kernel/fs/isofs/isofs.ko.xz:\n'}
BUILTIN = {f'{MODULES}/modules.builtin': 'kernel/fs/isofs/isofs.ko\n'}
CONFIG = {
    f'{MODULES}/modules.dep': 'kernel/fs/ext4/ext4.ko:\n',
    '/boot/config-6.1.0': 'CONFIG_ISO9660_FS=y\n',
}
NEITHER = {f'{MODULES}/modules.dep': 'kernel/fs/ext4/ext4.ko:\n'}
BARRED = {'/etc/modprobe.d/cis.conf': 'install iso9660 /bin/true\n'}


def problems(content):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return list(
        mountable.problems(disks.MemoryView(disk, content), 'iso9660', 'no')
    )


@pytest.mark.parametrize(
    'content', [MODULE, BUILTIN, CONFIG, BUILTIN | BARRED, CONFIG | BARRED]
)
def test_a_module_that_is_there_is_no_problem(content):
    assert not problems(content)


@pytest.mark.parametrize(
    ('content', 'path', 'data'),
    [
        (NEITHER, None, 'Linux 6.1.0 has no iso9660'),
        (NEITHER | BARRED, None, 'Linux 6.1.0 has no iso9660'),
        (
            MODULE | BARRED,
            '/etc/modprobe.d/cis.conf',
            'install iso9660 /bin/true',
        ),
        (
            MODULE | {'/usr/lib/modules/6.9.0/modules.dep': 'a.ko:\n'},
            None,
            'Linux 6.9.0 has no iso9660',
        ),
    ],
)
def test_one_that_is_not_is_told(content, path, data):
    (finding,) = problems(content)
    assert (finding.evidence.path, finding.evidence.data) == (path, data)


@pytest.mark.parametrize('content', [{}, {f'{MODULES}/modules.dep': ''}])
def test_without_a_kernel_it_is_not_known(content):
    with pytest.raises(rule.CannotTell):
        problems(content)
