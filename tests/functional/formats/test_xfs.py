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

"""The reader of XFS against what mkfs.xfs and xfs_db write."""

import os
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import files, reader, xfs_files
from image_pipeline.host import process

HOST = process.Host()
KINDS = {
    'v5': (),
    'v5 of 1 KiB': ('-b', 'size=1024'),
    'v5 with folders of 16 KiB': ('-n', 'size=16384'),
    'v5 with 64 bit counts': ('-i', 'nrext64=1'),
    'v5 with large inodes': ('-i', 'size=2048'),
    'v5 without bigtime': ('-m', 'bigtime=0'),
    'v4': ('-m', 'crc=0'),
    'v4 with types': ('-m', 'crc=0', '-n', 'ftype=1'),
    'v4 of 512 bytes': ('-m', 'crc=0', '-b', 'size=512'),
}
#: Names in a folder of each form: in the inode, one block, leaf, node.
FOLDERS = {'few': 3, 'block': 40, 'leaf': 300, 'node': 6000}
LONG = './' * 400 + 'large'


def name(number: int) -> str:
    return f'a-name-that-is-not-short-{number:05}'


@pytest.fixture(scope='module')
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('source')
    (folder / 'small').write_text('small\n')
    (folder / 'large').write_bytes(os.urandom(1 << 20) * 3)
    (folder / 'empty').touch()
    small, large = folder / 'small', folder / 'large'
    lines = [
        '/boot', '0 0', 'd--755 0 0',
        f'small -u-640 70000 80000 {small}',
        f'large ---644 0 0 {large}',
        f'empty ---600 0 0 {folder}/empty',
        'short l--777 0 0 small',
        f'long l--777 0 0 {LONG}',
        'console c--600 0 0 5 1',
    ]  # fmt: skip
    for form, count in FOLDERS.items():
        lines += [f'{form} d--750 1 2']
        lines += [
            f'{name(number)} ---644 0 0 {folder}/empty'
            for number in range(count)
        ]
        lines += ['$']
    # So short that blocks end with a gap of eight bytes.
    lines += ['short-names d--755 0 0']
    lines += [f'd{number:04} d--755 0 0\n$' for number in range(1000)]
    lines += ['$']
    (folder / 'proto').write_text('\n'.join([*lines, '$', '']))
    return folder


def build(source: Path, path: Path, arguments: tuple[str, ...] = ()) -> Path:
    with path.open('wb') as file:
        file.truncate(320 << 20)
    HOST.run(['mkfs.xfs', '-q', *arguments, '-p', source / 'proto', path])
    return path


def change(path: Path, *commands: str) -> None:
    argv: list[str | Path] = ['xfs_db', '-x']
    for command in commands:
        argv += ['-c', command]
    HOST.run([*argv, path])


@pytest.mark.parametrize('kind', list(KINDS))
def test_everything_is_read_as_it_was_written(source, tmp_path, kind):
    path = build(source, tmp_path / 'fs', KINDS[kind])
    with reader.open_disk(path) as disk:
        system = xfs_files.XfsFileSystem(disk, 0, disk.size)
        tree = files.FileTree(system)
        assert tree.listdir('/') == sorted(
            [
                *FOLDERS,
                'short-names',
                'small',
                'large',
                'empty',
                'short',
                'long',
                'console',
            ]
        )
        for form, count in FOLDERS.items():
            assert tree.listdir(f'/{form}') == [name(n) for n in range(count)]
            found = tree.stat(f'/{form}')
            assert (found.mode, found.uid, found.gid) == (0o750, 1, 2)
        assert len(tree.listdir('/short-names')) == 1000
        large = (source / 'large').read_bytes()
        assert tree.read_bytes('/large') == large
        inode = tree.stat('/large').inode
        assert system.read(inode, 5000, 999_999) == large[999_999:][:5000]
        assert tree.read_bytes('/short') == b'small\n'
        assert tree.read_bytes('/empty') == b''
        found = tree.stat('/small')
        assert (found.uid, found.gid) == (70_000, 80_000)
        assert (found.mode, found.size) == (0o4640, 6)
        now = (source / 'proto').stat().st_mtime
        assert abs(found.mtime - now) < 86_400
        assert tree.lstat('/console').type is files.FileType.OTHER
        assert tree.xattrs('/small') == {}


@pytest.mark.parametrize('kind', ['v5', 'v5 of 1 KiB', 'v4'])
def test_long_link_is_followed(source, tmp_path, kind):
    path = build(source, tmp_path / 'fs', KINDS[kind])
    if 'v5' in kind:
        # mkfs.xfs writes them without the header that the kernel wants.
        with reader.open_disk(path) as disk:
            tree = files.FileTree(xfs_files.XfsFileSystem(disk, 0, disk.size))
            with pytest.raises(exceptions.ImageUnreadable, match='magic'):
                tree.lstat('/long')
        add_header(path)
    with reader.open_disk(path) as disk:
        tree = files.FileTree(xfs_files.XfsFileSystem(disk, 0, disk.size))
        assert tree.lstat('/long').link == LONG
        assert tree.read_bytes('/long') == (source / 'large').read_bytes()


def add_header(path: Path) -> None:
    """Write the link as the kernel does: xfs_format.h, xfs_dsymlink_hdr."""
    done = HOST.run(
        ['xfs_db', '-r', '-c', 'path /long', '-c', 'dblock 0', '-c', 'daddr',
         path]
    )  # fmt: skip
    place = int(done.stdout.split()[-1]) * 512
    with path.open('r+b') as file:
        file.seek(place)
        file.write(b'XSLM'.ljust(56, b'\0') + LONG.encode())


ATTRIBUTES = {
    'in the inode': (('-s selinux -v 30', 'security.selinux', 30),),
    'in a block': (
        ('-s selinux -v 30', 'security.selinux', 30),
        ('-r kept -v 600', 'trusted.kept', 600),
        ('-u note -v 5', 'user.note', 5),
    ),
    'in a tree': tuple(
        (f'-u {name(number)} -v 200', f'user.{name(number)}', 200)
        for number in range(60)
    ),
    'in blocks of its own': (
        ('-u large -v 20000', 'user.large', 20000),
        ('-s selinux -v 30', 'security.selinux', 30),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ('form', 'kind'),
    [
        (form, kind)
        for kind in ('v5', 'v5 of 1 KiB', 'v4')
        for form in ATTRIBUTES
        # xfs_db 6.1 dies of a tree in version 4.
        if (form, kind) != ('in a tree', 'v4')
    ],
)
def test_extended_attributes_are_read(source, tmp_path, form, kind):
    path = build(source, tmp_path / 'fs', KINDS[kind])
    change(
        path,
        'path /small',
        *[f'attr_set {arguments}' for arguments, _, _ in ATTRIBUTES[form]],
    )
    with reader.open_disk(path) as disk:
        tree = files.FileTree(xfs_files.XfsFileSystem(disk, 0, disk.size))
        assert {
            name: len(value) for name, value in tree.xattrs('/small').items()
        } == {name: size for _, name, size in ATTRIBUTES[form]}
        assert tree.xattrs('/large') == {}
        assert tree.read_bytes('/small') == b'small\n'


@pytest.mark.parametrize(
    ('place', 'command', 'what'),
    [
        ('/large', 'write -d u3.bmx[0].startblock 0xfffffffffff', '/large'),
        ('/large', 'write -d core.nextents 4000', '/large'),
        ('/node', 'write -d core.size 0x7fffffffffff', '/node'),
        ('/few', 'write -d u3.sfdir3.hdr.count 200', '/few'),
        ('/short', 'write -d core.size 0x7fffffff', '/short'),
        ('/small', 'write -d core.magic 0', '/small'),
        ('/small', 'write -d core.forkoff 200', '/small'),
    ],
)
def test_damaged_inode_is_told_at_once(source, tmp_path, place, command, what):
    path = build(source, tmp_path / 'fs')
    change(path, f'path {place}', command)
    with reader.open_disk(path) as disk:
        tree = files.FileTree(xfs_files.XfsFileSystem(disk, 0, disk.size))
        with pytest.raises(exceptions.ImageUnreadable, match='damaged'):
            if tree.is_folder(what):
                tree.listdir(what)
            else:
                tree.read_bytes(what)
        assert tree.is_file('/empty')


def test_name_that_is_not_utf_8_is_listed_and_found(tmp_path):
    (tmp_path / 'content').write_text('x')
    proto = b'/boot\n0 0\nd--755 0 0\nn\xff ---644 0 0 content\n$\n'
    (tmp_path / 'proto').write_bytes(
        proto.replace(b'content', os.fsencode(tmp_path / 'content'))
    )
    path = build(tmp_path, tmp_path / 'fs')
    with reader.open_disk(path) as disk:
        tree = files.FileTree(xfs_files.XfsFileSystem(disk, 0, disk.size))
        assert tree.listdir('/') == ['n\udcff']
        assert tree.read_text('/n\udcff') == 'x'


def test_file_system_that_ignores_case_is_told(source, tmp_path):
    path = build(source, tmp_path / 'fs', ('-n', 'version=ci'))
    with (
        reader.open_disk(path) as disk,
        pytest.raises(exceptions.ImageUnreadable, match='ignore case'),
    ):
        xfs_files.XfsFileSystem(disk, 0, disk.size)
