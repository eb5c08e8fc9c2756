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

from image_pipeline.audit.guest import file_systems
from image_pipeline.disk import files
from image_pipeline.testing import disks


def tree(content):
    return files.FileTree(disks.MemoryFiles(content))


@pytest.mark.parametrize(
    ('line', 'kind'),
    [
        ('blacklist isofs', 'iso9660'),
        ('install iso9660 /bin/false', 'iso9660'),
        ('install isofs /usr/bin/true # CIS', 'iso9660'),
        ('install vfat /bin/true', 'vfat'),
        ('install squashfs true', 'squashfs'),
    ],
)
def test_modprobe_keeps_a_file_system_out(line, kind):
    path = '/etc/modprobe.d/cis.conf'
    (found,) = file_systems.barred(tree({path: f'# CIS\n{line}\n'}), kind)
    assert (found.path, found.number) == (path, 2)


@pytest.mark.parametrize(
    'line',
    [
        '# blacklist isofs',
        'blacklist udf',
        'install isofs /sbin/modprobe --ignore-install isofs',
        'options isofs x=1',
    ],
)
def test_other_lines_do_not(line):
    content = {'/etc/modprobe.d/a.conf': f'{line}\n'}
    assert not file_systems.barred(tree(content), 'iso9660')


def test_a_module_may_be_called_otherwise():
    assert file_systems.module('iso9660') == 'isofs'
    assert file_systems.module('xfs') == 'xfs'
