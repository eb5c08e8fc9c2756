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

import errno

import pytest

from image_pipeline.disk import files
from image_pipeline.testing.disks import Link, MemoryFiles

TREE = {
    '/usr/bin/sh': 'shell',
    '/usr/lib/os-release': 'ID=debian\n',
    '/bin': Link('usr/bin'),
    '/etc/os-release': Link('../usr/lib/os-release'),
    '/etc/absolute': Link('/usr/lib/os-release'),
    '/etc/escape': Link('../../../../etc/hostname'),
    '/etc/hostname': 'inside',
    '/etc/self': Link('self'),
    '/etc/a': Link('b'),
    '/etc/b': Link('a'),
    '/etc/nowhere': Link('/not/there'),
    '/etc/.hidden': '',
    '/etc/empty': None,
    '/etc/bytes': b'\xff\xfe',
}


@pytest.fixture
def tree() -> files.FileTree:
    return files.FileTree(MemoryFiles(TREE))


def test_file_is_read_through_relative_and_absolute_links(tree):
    assert tree.read_text('/etc/os-release') == 'ID=debian\n'
    assert tree.read_text('/etc/absolute') == 'ID=debian\n'
    assert tree.read_text('/bin/sh') == 'shell'


def test_parent_of_the_root_is_the_root(tree):
    assert tree.read_text('/etc/escape') == 'inside'
    assert tree.read_text('/../../etc/hostname') == 'inside'


@pytest.mark.parametrize('path', ['/etc/self', '/etc/a', '/etc/b/c'])
def test_links_in_a_circle_are_an_error_that_says_so(tree, path):
    with pytest.raises(OSError) as caught:
        tree.stat(path)
    assert caught.value.errno == errno.ELOOP
    assert not tree.exists(path)


def test_link_that_leads_nowhere_does_not_exist_but_can_be_seen(tree):
    assert not tree.exists('/etc/nowhere')
    assert tree.lstat('/etc/nowhere').link == '/not/there'
    assert '/etc/nowhere' in tree.glob('/etc/*')


def test_path_through_a_file_is_no_folder(tree):
    with pytest.raises(NotADirectoryError):
        tree.stat('/etc/hostname/x')


def test_what_is_not_there_is_told_as_by_the_system(tree):
    with pytest.raises(FileNotFoundError):
        tree.read_text('/etc/shadow')
    with pytest.raises(IsADirectoryError):
        tree.read_text('/etc')
    with pytest.raises(NotADirectoryError):
        tree.listdir('/etc/hostname')


def test_kinds_of_files_are_told_apart(tree):
    assert tree.is_folder('/etc') and tree.is_folder('/bin')
    assert tree.is_file('/etc/os-release') and not tree.is_file('/etc')
    assert tree.lstat('/bin').type is files.FileType.LINK


def test_resolved_path_has_neither_links_nor_dots(tree):
    assert tree.resolve('/bin/./../bin/sh') == '/usr/bin/sh'
    assert tree.resolve('/etc/..') == '/'


def test_reading_is_bounded(tree):
    assert tree.read_bytes('/etc/hostname', 3) == b'ins'


def test_text_that_is_not_utf8_is_replaced(tree):
    assert tree.read_text('/etc/bytes') == '\ufffd\ufffd'


def test_glob_takes_hidden_files_only_if_asked(tree):
    assert tree.glob('/etc/h*') == ['/etc/hostname']
    assert tree.glob('/etc/.h*') == ['/etc/.hidden']
    assert '/etc/.hidden' not in tree.glob('/etc/*')
    assert tree.glob('/bin/s?') == ['/bin/sh']
    assert tree.glob('/nowhere/*') == []
    assert tree.glob('/etc/hostname') == ['/etc/hostname']


def test_walk_gives_everything_without_following_links(tree):
    found = set(tree.walk('/'))
    assert {'/usr/bin/sh', '/bin', '/etc/empty'} <= found
    assert '/bin/sh' not in found


def test_walk_stops_at_its_limit(tree):
    assert len(list(tree.walk('/', 4))) == 4


def test_mounted_file_system_hides_what_lies_below(tree):
    boot = MemoryFiles({'/grub/grub.cfg': 'of the partition'})
    joined = files.FileTree(
        MemoryFiles({'/boot/old': 'x', '/grub': Link('/boot/grub')}),
        {'/boot': boot},
    )
    assert joined.read_text('/boot/grub/grub.cfg') == 'of the partition'
    assert joined.read_text('/grub/grub.cfg') == 'of the partition'
    assert joined.listdir('/boot') == ['grub']
    assert joined.resolve('/boot/..') == '/'


def test_folder_in_a_circle_is_walked_once():
    class Circle(MemoryFiles):
        def children(self, inode):
            return {'again': self.root}

    assert len(list(files.FileTree(Circle({})).walk('/'))) == 1


def test_many_names_are_not_all_remembered():
    class Large(MemoryFiles):
        def children(self, inode):
            return {f'{inode}-{n}': inode + 1 for n in range(20_000)}

        def stat(self, inode):
            return files.Stat(
                inode=inode,
                type=files.FileType.FOLDER,
                mode=0o755,
                uid=0,
                gid=0,
                size=0,
            )

    tree = files.FileTree(Large({}))
    assert tree.exists('/0-1/1-1/2-1/3-1/4-1')
    assert tree._remembered <= 50_000


def test_file_is_read_from_a_byte_on():
    tree = files.FileTree(MemoryFiles({'/a': 'abcdef'}))
    assert tree.read_bytes('/a', 2, 3) == b'de'
    assert tree.read_bytes('/a', 9, 5) == b'f'
    assert tree.read_bytes('/a', 9, 6) == b''
