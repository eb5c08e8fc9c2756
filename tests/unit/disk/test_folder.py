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

import os
import stat

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import edits, files, folder


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / 'root'
    (root / 'etc').mkdir(parents=True)
    (root / 'etc' / 'a').write_text('hello')
    (root / 'etc' / 'link').symlink_to('/etc/a')
    (root / 'etc' / 'out').symlink_to(tmp_path)
    (tmp_path / 'secret').write_text('of the host')
    return root


def apply(root, *changes):
    folder.FolderEditor(root).apply(changes)


def test_files_are_read_as_in_an_image(tree):
    found = files.FileTree(folder.FolderFiles(tree))
    assert found.read_text('/etc/link') == 'hello'
    assert found.listdir('/etc') == ['a', 'link', 'out']
    assert found.lstat('/etc/link').link == '/etc/a'
    assert found.stat('/etc/a').mtime > 0


def test_link_does_not_lead_out_of_the_tree(tree):
    found = files.FileTree(folder.FolderFiles(tree))
    assert not found.exists('/etc/out/secret')


def test_folder_that_became_a_link_is_not_followed(tree):
    system = folder.FolderFiles(tree)
    found = files.FileTree(system)
    assert found.exists('/etc/a')
    (tree / 'etc').rename(tree / 'old')
    (tree / 'etc').symlink_to('/')
    with pytest.raises(OSError):
        system.stat(system.children(0)['etc'] + 1)
    with pytest.raises(exceptions.StageFailed):
        apply(tree, edits.Remove(path='/etc/passwd'))


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(exceptions.ImageUnreadable):
        folder.FolderFiles(tmp_path / 'none')


def test_folder_is_removed_with_all_in_it(tree):
    apply(tree, edits.Remove(path='/etc'), edits.Remove(path='/etc'))
    assert list(tree.iterdir()) == []


def test_link_is_removed_and_not_what_it_leads_to(tree):
    apply(tree, edits.Remove(path='/etc/out'))
    assert (tree.parent / 'secret').exists()
    assert not os.path.lexists(tree / 'etc' / 'out')


def test_file_is_emptied_and_keeps_its_mode(tree):
    (tree / 'etc' / 'a').chmod(0o600)
    apply(tree, edits.Truncate(path='/etc/a'))
    found = (tree / 'etc' / 'a').stat()
    assert (found.st_size, stat.S_IMODE(found.st_mode)) == (0, 0o600)


def test_file_is_written_with_its_folders(tree):
    apply(
        tree,
        edits.Write(path='/new/deep/x', content=b'1'),
        edits.Write(path='/etc/a', content=b'2', mode=0o640),
    )
    assert (tree / 'new/deep/x').read_bytes() == b'1'
    assert (tree / 'etc/a').read_bytes() == b'2'
    assert stat.S_IMODE((tree / 'etc/a').stat().st_mode) == 0o640


def test_write_takes_a_link_s_place(tree):
    apply(tree, edits.Write(path='/etc/link', content=b'x'))
    assert not (tree / 'etc/link').is_symlink()
    assert (tree / 'etc/a').read_text() == 'hello'


def test_link_and_mode_are_set(tree):
    apply(
        tree,
        edits.Link(path='/etc/a', target='../b'),
        edits.Mode(path='/etc', mode=0o700),
    )
    assert os.readlink(tree / 'etc/a') == '../b'
    assert stat.S_IMODE((tree / 'etc').stat().st_mode) == 0o700


def test_root_itself_is_never_changed(tree):
    with pytest.raises(exceptions.StageFailed):
        apply(tree, edits.Remove(path='/'))
