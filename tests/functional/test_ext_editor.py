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

"""debugfs changes files; e2fsck and our own reader agree with it."""

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import edits, ext_editor, ext_files, files, reader
from image_pipeline.host import process
from image_pipeline.testing import images
from image_pipeline.testing.disks import File, Link

HOST = process.Host()
SIZE = images.ROOT_END - images.ROOT_START
FILES = {
    '/etc/a file': File('hello\n', mode=0o640, uid=3, gid=4),
    '/etc/quo"te': 'x',
    '/var/log/deep/er/log': 'x' * 100_000,
    '/var/log/link': Link('/etc'),
}


@pytest.fixture
def disk(tmp_path):
    return images.build(tmp_path / 'disk.raw', host=HOST, files=FILES)


def apply(disk, *changes):
    ext_editor.ExtEditor(disk, images.ROOT_START, SIZE, host=HOST).apply(
        changes
    )
    HOST.run(['e2fsck', '-f', '-n', f'{disk}?offset={images.ROOT_START}'])


def seen(disk, look):
    with reader.open_disk(disk) as opened:
        system = ext_files.ExtFileSystem(opened, images.ROOT_START, SIZE)
        return look(files.FileTree(system))


def test_every_kind_of_change_is_made(disk):
    apply(
        disk,
        edits.Remove(path='/var/log/deep'),
        edits.Remove(path='/var/log/link'),
        edits.Remove(path='/etc/quo"te'),
        edits.Remove(path='/etc/never/was'),
        edits.Write(path='/etc/a file', content=b'bye\n'),
        edits.Write(path='/etc/new.d/x.conf', content=b'1', mode=0o600),
        edits.Write(path='/etc/new.d/x.conf', content=b'2', mode=0o600),
        edits.Link(path='/etc/l', target='a file'),
        edits.Mode(path='/var/log', mode=0o700),
        edits.Truncate(path='/etc/fstab'),
    )

    def look(tree):
        assert not {'deep', 'link'} & set(tree.listdir('/var/log'))
        assert not tree.exists('/etc/quo"te')
        kept = tree.stat('/etc/a file')
        assert (kept.mode, kept.uid, kept.gid) == (0o640, 3, 4)
        assert tree.read_text('/etc/l') == 'bye\n'
        assert tree.read_text('/etc/new.d/x.conf') == '2'
        assert tree.stat('/etc/new.d/x.conf').mode == 0o600
        assert tree.stat('/var/log').mode == 0o700
        assert tree.stat('/etc/fstab').size == 0
        assert tree.exists('/etc')

    seen(disk, look)


def test_nothing_to_do_leaves_the_disk_as_it_is(disk):
    before = disk.read_bytes()
    apply(disk)
    assert disk.read_bytes() == before


def test_name_with_a_line_break_is_refused(disk):
    with pytest.raises(exceptions.StageFailed) as caught:
        apply(disk, edits.Write(path='/etc/a\nrm /etc', content=b''))
    assert 'line break' in caught.value.message


def test_what_debugfs_complains_of_is_an_error(disk):
    with pytest.raises(exceptions.StageFailed) as caught:
        apply(disk, edits.Truncate(path='/etc/nothing'))
    assert 'debugfs' in caught.value.message
