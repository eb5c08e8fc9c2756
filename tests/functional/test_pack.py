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

"""Disks are really packed, and the tools of their file systems agree."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from image_pipeline.disk import pack, pack_grub
from image_pipeline.host import process

MIB = 1 << 20
_ROOT = 66 * MIB

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason='owners and capabilities need root'
)


def _run(*argv: str | os.PathLike[str], ok: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode in ok, (argv, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope='module')
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('packed') / 'tree'
    boot = root / pack_grub.FOLDER
    boot.mkdir(parents=True)
    (boot / 'boot.img').write_bytes(os.urandom(512))
    (boot / 'core.img').write_bytes(os.urandom(30000))
    (root / 'etc').mkdir()
    (root / 'etc/hostname').write_text('host\n')
    (root / 'etc/hostname').chmod(0o640)
    os.chown(root / 'etc/hostname', 0, 42)
    os.link(root / 'etc/hostname', root / 'etc/linked')
    (root / 'etc/mtab').symlink_to('/proc/self/mounts')
    (root / 'etc/long').symlink_to('x' * 200)
    (root / 'boot/efi').mkdir()
    many = root / 'usr/share/many'
    many.mkdir(parents=True)
    for number in range(2000):
        (many / f'a-file-of-some-length-{number}').write_text(str(number))
    with (root / 'usr/sparse').open('wb') as file:
        file.truncate(50 * MIB)
        file.seek(20 * MIB)
        file.write(b'middle')
    program = root / 'usr/ping'
    program.write_bytes(os.urandom(100_000))
    # cap_net_raw+ep, as setcap writes it (VFS_CAP_REVISION_2).
    capability = bytes.fromhex('0100000200200000000000000000000000000000')
    os.setxattr(program, 'security.capability', capability)
    os.mknod(root / 'usr/fifo', 0o10644)
    for path in (root, *root.rglob('*')):
        os.utime(path, (1_700_000_123, 1_700_000_000), follow_symlinks=False)
    return root


@pytest.fixture(scope='module')
def esp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('esp')
    (folder / 'EFI/BOOT').mkdir(parents=True)
    (folder / 'EFI/BOOT/BOOTX64.EFI').write_bytes(b'MZ' + os.urandom(200_000))
    (folder / 'EFI/debian').mkdir()
    (folder / 'EFI/debian/grub.cfg').write_text('configfile\n')
    return folder


def _pack(
    disk: Path, tree: Path, esp: Path, *, kind: str = 'ext4', **changes: int
) -> tuple[pack.Placed, ...]:
    return pack.pack(
        disk,
        [
            pack.Partition(
                name='ESP',
                type='EF00',
                size=64 * MIB,
                file_system=pack.FileSystem(
                    kind='vfat',
                    label='ESP',
                    uuid=pack.derive('s', 'esp'),
                    tree=esp,
                ),
            ),
            pack.Partition(name='BIOS', type='EF02', size=MIB),
            pack.Partition(
                name='root',
                type='8304',
                file_system=pack.FileSystem(
                    kind=kind,
                    label='cloudimg-rootfs',
                    uuid=pack.derive('s', 'root'),
                    tree=tree,
                ),
            ),
        ],
        seed='s',
        host=process.Host(),
        boot_tree=tree,
        **changes,
    )


@pytest.fixture(scope='module')
def disk(
    tmp_path_factory: pytest.TempPathFactory, tree: Path, esp: Path
) -> Path:
    path = tmp_path_factory.mktemp('disk') / 'disk.raw'
    _pack(path, tree, esp)
    return path


def _debugfs(disk: Path, command: str) -> str:
    return _run('debugfs', '-R', command, f'{disk}?offset={_ROOT}')


def test_the_file_systems_are_clean(disk: Path, tmp_path: Path) -> None:
    _run('e2fsck', '-fn', f'{disk}?offset={_ROOT}')
    image = tmp_path / 'esp'
    with disk.open('rb') as file:
        file.seek(MIB)
        image.write_bytes(file.read(64 * MIB))
    _run('fsck.vfat', '-n', image)
    listed = _run('mdir', '-b', '-/', '-i', image, '::/').split()
    assert '::/EFI/BOOT/BOOTX64.EFI' in listed
    assert '::/EFI/debian/grub.cfg' in listed


def test_the_table_is_what_was_asked_for(disk: Path) -> None:
    dump = _run('sfdisk', '--dump', disk)
    rows = re.findall(r'start= *(\d+), size= *(\d+), type=([0-9A-F-]+)', dump)
    assert [int(start) for start, _, _ in rows] == [2048, 133120, 135168]
    assert rows[0][2] == pack.type_guid('EF00')
    assert int(rows[2][0]) * 512 == _ROOT
    assert f'label-id: {pack.derive("s", "disk")}'.upper() in dump.upper()
    _run('sfdisk', '--verify', disk)


def test_a_copy_of_the_tree_gives_the_same_disk(
    disk: Path, tree: Path, esp: Path, tmp_path: Path
) -> None:
    # Another order of creation, other inode and status-change times.
    copy = tmp_path / 'tree'
    _run('cp', '-a', tree, copy)
    (copy / 'usr/share/many/x').touch()
    (copy / 'usr/share/many/x').unlink()
    os.utime(copy / 'usr/share/many', (1, 1_700_000_000))
    esp_copy = tmp_path / 'esp'
    shutil.copytree(esp, esp_copy)
    again = tmp_path / 'again.raw'
    _pack(again, copy, esp_copy)
    _run('cmp', disk, again)


def test_owners_links_and_capabilities_are_kept(disk: Path) -> None:
    status = _debugfs(disk, 'stat /etc/hostname')
    assert re.search(r'Mode: +0640', status)
    assert re.search(r'Group: +42', status)
    assert re.search(r'Links: 2', status)
    assert 'proc/self/mounts' in _debugfs(disk, 'stat /etc/mtab')
    assert 'security.capability' in _debugfs(disk, 'ea_list /usr/ping')
    assert 'Type: FIFO' in _debugfs(disk, 'stat /usr/fifo')


def test_times_are_those_of_the_content(disk: Path) -> None:
    status = _debugfs(disk, 'stat /etc/hostname')
    times = dict(re.findall(r'(\w+): 0x([0-9a-f]{8})', status))
    wanted = f'{1_700_000_000:08x}'
    assert (times['ctime'], times['atime'], times['mtime']) == (wanted,) * 3


def test_holes_stay_holes(disk: Path) -> None:
    assert disk.stat().st_blocks * 512 < 40 * MIB
    status = _debugfs(disk, 'stat /usr/sparse')
    assert int(re.findall(r'Blockcount: (\d+)', status)[0]) <= 16
    content = _debugfs(disk, 'cat /usr/sparse')
    assert content[20 * MIB : 20 * MIB + 6] == 'middle'


def _superblock(disk: Path) -> dict[str, str]:
    text = _run('dumpe2fs', '-h', f'{disk}?offset={_ROOT}')
    lines = (line.partition(':') for line in text.splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def test_the_root_has_room_and_can_grow_a_thousandfold(disk: Path) -> None:
    block = _superblock(disk)
    free = int(block['Free blocks']) - int(block['Reserved block count'])
    assert free * 4096 >= 300 * MIB
    assert free >= 0.1 * int(block['Block count'])
    groups = int(block['Reserved GDT blocks']) * (4096 // 64)
    assert groups * 32768 >= 1000 * int(block['Block count'])


def test_guests_with_older_tools_can_read_the_root(disk: Path) -> None:
    features = _superblock(disk)['Filesystem features'].split()
    assert 'metadata_csum_seed' not in features
    assert 'orphan_file' not in features
    assert {'metadata_csum', '64bit', 'resize_inode'} <= set(features)


def test_the_least_size_is_kept(tree: Path, esp: Path, tmp_path: Path) -> None:
    path = tmp_path / 'disk.raw'
    _pack(path, tree, esp, minimum_size=2 << 30)
    assert path.stat().st_size == 2 << 30
    _run('e2fsck', '-fn', f'{path}?offset={_ROOT}')


def test_a_root_that_grew_is_still_clean(disk: Path, tmp_path: Path) -> None:
    grown = tmp_path / 'root'
    with disk.open('rb') as file:
        file.seek(_ROOT)
        grown.write_bytes(file.read())
    os.truncate(grown, 20 << 30)
    _run('e2fsck', '-fy', grown, ok=(0, 1))
    _run('resize2fs', grown)
    _run('e2fsck', '-fn', grown)


@pytest.mark.skipif(
    shutil.which('mkfs.btrfs') is None, reason='needs btrfs-progs'
)
def test_a_btrfs_root_is_clean_and_has_the_files(
    tree: Path, esp: Path, tmp_path: Path
) -> None:
    path = tmp_path / 'disk.raw'
    placed = _pack(path, tree, esp, kind='btrfs')
    image = tmp_path / 'root'
    with path.open('rb') as file:
        file.seek(placed[-1].offset)
        image.write_bytes(file.read(placed[-1].size))
    _run('btrfs', 'check', '--readonly', image)
    # The kernel mounts none that is larger than its partition.
    told = _run('btrfs', 'inspect-internal', 'dump-super', image)
    (total,) = re.findall(r'^total_bytes\s+(\d+)', told, re.MULTILINE)
    assert int(total) <= placed[-1].size
    restored = tmp_path / 'restored'
    restored.mkdir()
    _run('btrfs', 'restore', image, restored)
    assert (restored / 'etc/hostname').read_text() == 'host\n'
    assert len(list((restored / 'usr/share/many').iterdir())) == 2000
