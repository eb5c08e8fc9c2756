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
from image_pipeline.audit import census, rule
from image_pipeline.disk import files
from image_pipeline.testing.disks import (
    File,
    Folder,
    Link,
    MemoryDisk,
    MemoryFiles,
    MemoryView,
)

TREE = {
    '/usr/bin/su': File('su', mode=0o4755),
    '/usr/lib/a/deep': 'deep',
    '/usr/lib/b': 'b',
    '/bin': Link('usr/bin'),
    '/boot': None,
    '/tmp': Folder(mode=0o1777),
    '/etc/hostname': 'h',
}


def paths(entries) -> list[str]:
    return [entry.path for entry in entries]


class Circle(MemoryFiles):
    """A file system in which a folder is in itself."""

    def children(self, inode):
        found = dict(super().children(inode))
        return {**found, 'self': inode} if found else found


class Damaged(MemoryFiles):
    """A file system with a folder and an inode that cannot be read."""

    def children(self, inode):
        found = super().children(inode)
        if 'deep' in found:
            raise exceptions.ImageUnreadable('the folder is damaged')
        return found

    def stat(self, inode):
        found = super().stat(inode)
        if found.size == len('su'):
            raise exceptions.ImageUnreadable('the inode is damaged')
        return found


def test_every_name_is_there_once_with_what_is_known_of_it():
    taken = census.take(files.FileTree(MemoryFiles(TREE)))
    found = {entry.path: entry.stat for entry in taken.entries}
    assert len(found) == len(taken.entries) == 13
    assert found['/usr/bin/su'].mode == 0o4755
    assert found['/tmp'].mode == 0o1777
    assert found['/bin'].link == 'usr/bin'
    assert found['/'].type is files.FileType.FOLDER
    assert '/bin/su' not in found
    taken.need_whole()


def test_what_lies_below_a_folder_is_found_however_deep():
    taken = census.take(files.FileTree(MemoryFiles(TREE)))
    assert sorted(paths(taken.below('/usr/lib'))) == [
        '/usr/lib/a',
        '/usr/lib/a/deep',
        '/usr/lib/b',
    ]
    assert paths(taken.below('/etc/')) == ['/etc/hostname']
    assert not taken.below('/boot')
    assert not taken.below('/us')
    assert len(taken.below('/')) == len(taken.entries) - 1


def test_other_file_systems_are_there_where_they_are_mounted():
    tree = files.FileTree(
        MemoryFiles(TREE), {'/boot': MemoryFiles({'/grub/grub.cfg': ''})}
    )
    found = paths(census.take(tree).entries)
    assert '/boot/grub/grub.cfg' in found
    assert found.count('/boot') == 1


def test_more_files_than_wanted_are_left_out_and_told():
    tree = files.FileTree(MemoryFiles(TREE))
    taken = census.take(tree, limit=5)
    assert len(taken.entries) == 5
    assert taken.truncated
    with pytest.raises(rule.CannotTell, match='more than 5 files'):
        taken.need_whole()
    assert not census.take(tree, limit=13).truncated


def test_folder_that_contains_itself_is_told_and_read_once():
    taken = census.take(files.FileTree(Circle(TREE)))
    assert len(taken.entries) < 40
    with pytest.raises(rule.CannotTell, match='twice'):
        taken.need_whole()


def test_damaged_folders_and_inodes_are_told_and_the_rest_is_read():
    taken = census.take(files.FileTree(Damaged(TREE)))
    found = paths(taken.entries)
    assert '/usr/lib/b' in found
    assert '/usr/lib/a' in found
    assert '/usr/bin/su' not in found
    assert {why for _, why in taken.unread} == {
        'the folder is damaged',
        'the inode is damaged',
    }
    with pytest.raises(rule.CannotTell, match='is damaged'):
        taken.need_whole()


class Huge(MemoryFiles):
    """A file system whose folders say that they are large."""

    def stat(self, inode):
        found = super().stat(inode)
        if found.type is files.FileType.FOLDER:
            return found._replace(size=60 << 20)
        return found


def test_folders_that_are_too_large_together_are_not_all_read():
    taken = census.take(files.FileTree(Huge(TREE)))
    assert '/usr' in paths(taken.entries)
    with pytest.raises(rule.CannotTell, match='too large'):
        taken.need_whole()


def test_view_takes_the_census_once():
    view = MemoryView(MemoryDisk(), TREE)
    assert view.census is view.census
    with pytest.raises(rule.CannotTell, match='there are none'):
        _ = MemoryView(MemoryDisk()).census
