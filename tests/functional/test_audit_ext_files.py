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

"""The reader of ext file systems against what mke2fs and the kernel write."""

import os
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import ext_files, files, reader
from image_pipeline.host import process

HOST = process.Host()
KINDS = {
    'ext2 of 1 KiB': ('-t', 'ext2', '-b', '1024'),
    'ext2 of revision 0': ('-t', 'ext2', '-r', '0', '-b', '1024'),
    'ext3 of 4 KiB': ('-t', 'ext3', '-b', '4096'),
    'ext4 of 1 KiB': ('-t', 'ext4', '-b', '1024'),
    'ext4 of 4 KiB': ('-t', 'ext4', '-b', '4096'),
    'ext4 without 64bit': ('-t', 'ext4', '-O', '^64bit'),
    'ext4 with inline data': ('-t', 'ext4', '-O', 'inline_data', '-I', '256'),
    'ext4 with bigalloc': (
        '-t', 'ext4', '-O', 'bigalloc,^has_journal', '-b', '1024',
        '-C', '4096', '-N', '4096',
    ),
    'ext4 with meta_bg': (
        '-t', 'ext4', '-b', '1024', '-O', 'meta_bg,^resize_inode',
    ),
    'ext4 of many groups': ('-t', 'ext4', '-b', '1024', '-g', '512'),
}  # fmt: skip


@pytest.fixture(scope='module')
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp('source') / 'tree'
    (tree / 'many').mkdir(parents=True)
    for number in range(2000):
        (tree / 'many' / f'a-name-that-is-not-short-{number:05}').touch()
    noise = os.urandom(1 << 20)
    (tree / 'large').write_bytes(noise * 3)
    (tree / 'small').write_text('small\n')
    (tree / 'middle').write_bytes(noise[:150])
    (tree / 'empty').touch()
    (tree / 'short').symlink_to('small')
    (tree / 'long').symlink_to('./' * 60 + 'large')
    (tree / os.fsdecode(b'not-\xff-utf8')).write_text('x')
    with (tree / 'holes').open('wb') as file:
        file.write(b'begin')
        file.seek(2 << 20)
        file.write(b'end')
    os.utime(tree / 'middle', (0, 1_700_000_000))
    os.chown(tree / 'small', 70_000, 80_000)
    (tree / 'small').chmod(0o4640)
    return tree


def build(source: Path, path: Path, arguments: tuple[str, ...]) -> Path:
    with path.open('wb') as file:
        file.truncate(16 << 20)
    HOST.run(['mke2fs', '-q', '-F', *arguments, '-d', source, path])
    return path


@pytest.mark.parametrize('kind', list(KINDS))
def test_everything_is_read_as_it_was_written(source, tmp_path, kind):
    path = build(source, tmp_path / 'fs', KINDS[kind])
    with reader.open_disk(path) as disk:
        system = ext_files.ExtFileSystem(disk, 0, disk.size)
        tree = files.FileTree(system)
        names = set(os.listdir(source))
        assert set(tree.listdir('/')) - {'lost+found'} == names
        assert tree.listdir('/many') == sorted(os.listdir(source / 'many'))
        for name in names - {'many'}:
            assert tree.read_bytes(f'/{name}') == (source / name).read_bytes()
        for name in ('short', 'long'):
            assert tree.lstat(f'/{name}').link == os.readlink(source / name)
        inode = tree.stat('/large').inode
        assert (
            system.read(inode, 5000, 999_999)
            == ((source / 'large').read_bytes()[999_999 : 999_999 + 5000])
        )
        found = tree.stat('/small')
        if kind != 'ext2 of revision 0':
            assert (found.uid, found.gid) == (70_000, 80_000)
        assert (found.mode, found.size) == (0o4640, 6)
        assert tree.stat('/middle').mtime == 1_700_000_000


def test_file_that_was_deleted_is_not_there(source, tmp_path):
    path = build(source, tmp_path / 'fs', KINDS['ext4 of 1 KiB'])
    HOST.run(['debugfs', '-w', '-R', 'rm /small', path])
    with reader.open_disk(path) as disk:
        tree = files.FileTree(ext_files.ExtFileSystem(disk, 0, disk.size))
        assert not tree.exists('/small')
        assert tree.exists('/middle')


@pytest.mark.parametrize(
    ('command', 'what'),
    [
        ('sif /short size 0x7fffffffffff', '/short'),
        ('sif / size 0x7fffffffffff', '/'),
        ('sif /large block[0] 0xffffffff', '/large'),
        ('sif /large block[5] 0xffffffff', '/large'),
        ('sif /many block[0] 0', '/many'),
    ],
    ids=['link', 'root', 'extent magic', 'extent place', 'folder'],
)
def test_damaged_inode_is_told_at_once(source, tmp_path, command, what):
    path = build(source, tmp_path / 'fs', KINDS['ext4 of 1 KiB'])
    HOST.run(['debugfs', '-w', '-R', command, path])
    with reader.open_disk(path) as disk:
        system = ext_files.ExtFileSystem(disk, 0, disk.size)
        with pytest.raises(exceptions.ImageUnreadable, match='damaged'):
            tree = files.FileTree(system)
            if tree.is_folder(what):
                tree.listdir(what)
            else:
                tree.read_bytes(what)


def change(path: Path, *commands: str) -> None:
    for command in commands:
        HOST.run(['debugfs', '-w', '-R', command, path])


def test_attributes_times_and_flags_are_read(source, tmp_path):
    path = build(source, tmp_path / 'fs', KINDS['ext4 of 1 KiB'])
    label = tmp_path / 'label'
    label.write_bytes(b'system_u:object_r:shadow_t:s0\0')
    large = tmp_path / 'large'
    large.write_bytes(b'v' * 700)
    change(
        path,
        f'ea_set -f {label} /small security.selinux',
        f'ea_set -f {large} /small user.large',
        'sif /small mtime @100',
        'sif /small mtime_extra 1',
        'sif /middle flags 0x80010',
    )
    with reader.open_disk(path) as disk:
        tree = files.FileTree(ext_files.ExtFileSystem(disk, 0, disk.size))
        assert tree.xattrs('/small') == {
            'security.selinux': label.read_bytes(),
            'user.large': large.read_bytes(),
        }
        assert tree.xattrs('/middle') == {}
        assert tree.stat('/small').mtime == 100 + (1 << 32)
        assert tree.stat('/middle').immutable
        assert not tree.stat('/small').immutable


@pytest.mark.parametrize(
    ('flags', 'why'),
    [('0x80800', 'is encrypted'), ('0x40080000', 'ignores case')],
)
def test_folder_that_only_its_kernel_can_read_is_told(
    source, tmp_path, flags, why
):
    path = build(source, tmp_path / 'fs', KINDS['ext4 of 1 KiB'])
    change(path, f'sif /many flags {flags}')
    with reader.open_disk(path) as disk:
        tree = files.FileTree(ext_files.ExtFileSystem(disk, 0, disk.size))
        assert tree.is_folder('/many')
        with pytest.raises(exceptions.ImageUnreadable, match=why):
            tree.listdir('/many')
        assert tree.is_file('/small')
