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

from image_pipeline.audit.guest import context_scripts
from image_pipeline.disk import files
from image_pipeline.testing import disks

#: The script of the EGI wiki, as sites have it.
WIKI = '''\
#!/bin/sh
# mount -t iso9660 /dev/comment /mnt
for dev in xvdb sdb hdb vdb cdrom; do
  mount -t iso9660 /dev/$dev /mnt 2>/dev/null && break
done
if [ -f /mnt/init.sh ]; then
  . /mnt/init.sh
fi
[ -f /etc/ssh/ssh_host_dsa_key ] || ssh-keygen -A
'''


def scripts(content):
    return context_scripts.scripts(files.FileTree(disks.MemoryFiles(content)))


@pytest.mark.parametrize(
    'path',
    ['/etc/init.d/opennebula', '/etc/rc.local', '/usr/local/sbin/context'],
)
def test_the_script_of_the_wiki_is_found_with_its_lines(path):
    (script,) = scripts({path: WIKI})
    assert script.path == path
    assert [
        [line.number for line in lines]
        for lines in (script.mounts(), script.runs(), script.dsa_keys())
    ] == [[4], [7], [9]]


@pytest.mark.parametrize(
    'line',
    [
        'source "$MNT/context.sh"',
        'bash ${dir}/init.sh',
        'test -f x && sh /mnt/init.sh start',
        'ExecStart=/bin/sh /run/context/init.sh',
    ],
)
def test_what_runs_the_disk_is_told(line):
    (script,) = scripts({'/etc/rc.local': f'# context.sh\n{line}\n'})
    assert script.runs()


@pytest.mark.parametrize(
    'line', ['echo init.sh', 'cp /mnt/context.sh /root', 'rm -f /x/init.sh']
)
def test_what_only_names_it_is_not(line):
    (script,) = scripts({'/etc/rc.local': f'{line}\n'})
    assert not script.runs()


@pytest.mark.parametrize(
    ('line', 'labelled'),
    [
        ('mount -t iso9660 -o ro /dev/disk/by-label/CONTEXT /run/c', True),
        ('mount -L CONTEXT -t iso9660 /run/c', True),
        ('mount -t iso9660 LABEL=CONTEXT /run/c', True),
        ('mount -t iso9660 /dev/sr0 /run/c', False),
        ('mount /dev/cdrom /mnt # iso9660', False),
        ('mount /dev/vdb1 /mnt # iso9660', False),
    ],
)
def test_a_mount_is_by_label_or_not(line, labelled):
    (script,) = scripts({'/etc/rc.local': f'{line}\n'})
    (mount,) = script.mounts()
    assert context_scripts.is_labelled(mount) is labelled


def test_other_scripts_and_those_of_packages_do_not_count():
    assert not scripts(
        {
            '/etc/init.d/ssh': '#!/bin/sh\nmount /dev/sda1 /mnt\n',
            '/etc/init.d/link': disks.Link('/usr/lib/x/init'),
            '/usr/lib/x/init': WIKI,
            '/etc/init.d/folder': None,
            '/opt/context': WIKI,
        }
    )
