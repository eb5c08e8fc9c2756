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

from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.host import workspace


def test_a_folder_is_made_empty(tmp_path):
    folder = tmp_path / 'work'
    workspace.make_empty(folder)
    (folder / 'x').write_text('')
    workspace.make_empty(folder)
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_tree_goes_whole_even_if_it_is_read_only(tmp_path):
    inner = tmp_path / 'tree' / 'inner'
    inner.mkdir(parents=True)
    (inner / 'file').write_text('')
    inner.chmod(0o500)
    workspace.remove_tree(tmp_path / 'tree')
    assert not (tmp_path / 'tree').exists()


def test_what_is_not_there_is_removed_already(tmp_path):
    workspace.remove_tree(tmp_path / 'missing')


def test_a_link_is_removed_and_not_what_it_points_to(tmp_path):
    (tmp_path / 'keep').mkdir()
    (tmp_path / 'keep' / 'file').write_text('')
    (tmp_path / 'link').symlink_to('keep')
    (tmp_path / 'tree').mkdir()
    (tmp_path / 'tree' / 'link').symlink_to('../keep')
    workspace.remove_tree(tmp_path / 'link')
    workspace.remove_tree(tmp_path / 'tree')
    assert (tmp_path / 'keep' / 'file').exists()


@pytest.mark.parametrize('path', ['/', '/etc', 'relative', '/tmp/../etc/x'])
def test_what_we_would_not_have_made_is_left_alone(path):
    with pytest.raises(exceptions.StateConflict, match='not ours'):
        workspace.remove_tree(Path(path))


def test_a_tree_with_a_mount_in_it_is_left_alone(tmp_path, monkeypatch):
    tree = tmp_path / 'tree'
    (tree / 'dev').mkdir(parents=True)
    (tree / 'file').write_text('')
    monkeypatch.setattr(workspace, 'mounts_below', lambda path: [path / 'dev'])
    with pytest.raises(exceptions.StateConflict, match='is mounted') as caught:
        workspace.remove_tree(tree)
    assert f'umount {tree}/dev' in (caught.value.hint or '')
    assert (tree / 'file').exists()


def test_mount_points_are_found_the_deepest_first(tmp_path, monkeypatch):
    lines = [
        '22 1 0:21 / /proc rw - proc proc rw',
        '23 1 0:5 / /srv/a\\040b rw - tmpfs none rw',
        '24 23 0:5 / /srv/a\\040b/dev/pts rw - tmpfs none rw',
        '25 1 0:5 / /srv/a\\040bc rw - tmpfs none rw',
    ]
    monkeypatch.setattr(
        workspace.Path, 'read_text', lambda path: '\n'.join(lines)
    )
    assert workspace.mounts_below(Path('/srv/a b')) == [
        Path('/srv/a b/dev/pts'),
        Path('/srv/a b'),
    ]
