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
import uuid
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import pack, pack_ext4, pack_fat, pack_grub
from image_pipeline.testing import fakes

MIB = 1 << 20


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / 'tree'
    (root / 'etc').mkdir(parents=True)
    (root / 'etc/hostname').write_text('x')
    for path in (root / 'etc/hostname', root / 'etc'):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return root


def _ext4(tree: Path | None) -> pack.FileSystem:
    return pack.FileSystem(
        kind='ext4', label='root', uuid=uuid.UUID(int=1), tree=tree
    )


def _raw(name: str, size: int) -> pack.Partition:
    return pack.Partition(name=name, type='8300', size=size)


def test_the_same_seed_gives_the_same_uuids() -> None:
    assert pack.derive('a', 'disk') == pack.derive('a', 'disk')
    assert pack.derive('a', 'disk') != pack.derive('b', 'disk')
    assert pack.derive('a', 'disk') != pack.derive('a', 'root')


def test_a_fat_volume_is_called_as_linux_calls_it() -> None:
    assert pack.volume_id(uuid.UUID('1fbc381a' + 24 * '0')) == '1FBC-381A'


@pytest.mark.parametrize('code', ['ef00', 'EF00'])
def test_types_are_sgdisks_codes(code: str) -> None:
    assert pack.type_guid(code) == 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'


def test_types_are_guids_too() -> None:
    guid = '12345678-1234-1234-1234-123456789ABC'
    assert pack.type_guid(guid.lower()) == guid


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(exceptions.StageFailed, match='no partition type'):
        pack.type_guid('ZZ00')


def test_partitions_follow_each_other_on_whole_mebibytes() -> None:
    placed = pack.place([_raw('a', MIB + 1), _raw('b', 5)])
    assert [(one.offset, one.size) for one in placed] == [
        (MIB, 2 * MIB),
        (3 * MIB, MIB),
    ]


def test_the_last_partition_grows_to_the_disks_least_size(tree: Path) -> None:
    root = pack.Partition(name='r', type='8304', file_system=_ext4(tree))
    (placed,) = pack.place([root], minimum_size=5 << 30)
    assert placed.offset + placed.size + MIB == 5 << 30


def test_a_size_that_was_given_stays() -> None:
    (placed,) = pack.place([_raw('a', 8 * MIB)], minimum_size=5 << 30)
    assert placed.size == 8 * MIB


@pytest.mark.parametrize('tree_too', [True, False])
def test_a_partition_that_says_no_size_is_refused(
    tree: Path, tree_too: bool
) -> None:
    fat = pack.FileSystem(
        kind='vfat', label='ESP', uuid=uuid.UUID(int=1), tree=tree
    )
    partition = pack.Partition(
        name='a', type='EF00', file_system=fat if tree_too else None
    )
    with pytest.raises(exceptions.StageFailed, match='size'):
        pack.place([partition])


def test_the_table_is_written_with_ids_that_derive_from_the_seed(
    tmp_path: Path,
) -> None:
    host = fakes.FakeHost()
    disk = tmp_path / 'disk.raw'
    pack.pack(disk, [_raw('a', MIB)], seed='s', host=host)
    assert disk.stat().st_size == 3 * MIB
    (call,) = host.calls
    assert call.argv[0] == 'sfdisk'
    assert call.stdin is not None
    assert f'label-id: {pack.derive("s", "disk")}' in call.stdin
    assert f'uuid={pack.derive("s", "partition/a")}' in call.stdin
    assert 'start=2048, size=2048' in call.stdin


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    host = fakes.FakeHost()
    host.fail_at = 1
    with pytest.raises(exceptions.CommandFailed):
        pack.pack(tmp_path / 'disk.raw', [_raw('a', MIB)], seed='s', host=host)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_no_tool_can_fill_is_refused(
    tmp_path: Path, tree: Path
) -> None:
    xfs = pack.FileSystem(
        kind='xfs', label='r', uuid=uuid.UUID(int=1), tree=tree
    )
    partition = pack.Partition(
        name='r', type='8304', size=MIB, file_system=xfs
    )
    with pytest.raises(exceptions.StageFailed, match='cannot be made'):
        pack.pack(tmp_path / 'd', [partition], seed='s', host=fakes.FakeHost())


def test_a_disk_for_bios_needs_a_boot_loader(
    tmp_path: Path, tree: Path
) -> None:
    bios = pack.Partition(name='BIOS', type='EF02', size=MIB)
    with pytest.raises(exceptions.StageFailed, match=r'lacks boot\.img'):
        pack.pack(
            tmp_path / 'd',
            [bios],
            seed='s',
            host=fakes.FakeHost(),
            boot_tree=tree,
        )


def test_boot_code_says_where_the_rest_of_it_is(
    tmp_path: Path, tree: Path
) -> None:
    folder = tree / pack_grub.FOLDER
    folder.mkdir(parents=True)
    (folder / 'boot.img').write_bytes(b'\xaa' * 512)
    (folder / 'core.img').write_bytes(b'\xbb' * 1500)
    disk = tmp_path / 'd'
    disk.write_bytes(bytes(3 * MIB))
    pack_grub.embed(disk, tree, offset=2 * MIB, size=MIB)
    content = disk.read_bytes()
    first = 2 * MIB // 512
    assert content[0x5C:0x64] == first.to_bytes(8, 'little')
    assert content[0x66:0x68] == b'\x90\x90'
    # The signature and the table after it are not touched.
    assert content[440:512] == bytes(72)
    core = content[2 * MIB : 2 * MIB + 1500]
    assert core[500:508] == (first + 1).to_bytes(8, 'little')
    assert core[:500] == b'\xbb' * 500


def test_boot_code_that_does_not_fit_is_refused(
    tmp_path: Path, tree: Path
) -> None:
    folder = tree / pack_grub.FOLDER
    folder.mkdir(parents=True)
    (folder / 'boot.img').write_bytes(bytes(512))
    (folder / 'core.img').write_bytes(bytes(MIB + 1))
    with pytest.raises(exceptions.StageFailed, match='does not fit'):
        pack_grub.embed(tmp_path / 'd', tree, offset=MIB, size=MIB)


def test_hard_links_and_holes_take_no_space(tree: Path) -> None:
    before = pack_ext4.usage(tree)
    os.link(tree / 'etc/hostname', tree / 'etc/again')
    with (tree / 'etc/hole').open('wb') as file:
        file.truncate(1 << 30)
    blocks, inodes = pack_ext4.usage(tree)
    assert blocks == before[0]
    assert inodes == before[1] + 1


def test_a_file_system_has_room_to_work_in(tree: Path) -> None:
    with (tree / 'big').open('wb') as file:
        file.write(os.urandom(MIB))
    size = pack_ext4.size_for(tree)
    assert size % MIB == 0
    assert size > (300 + 64 + 1) * MIB


@pytest.mark.parametrize(
    ('given', 'words', 'extended'),
    [
        # diskimage-builder's own words: no wish for that many inodes.
        (
            ['-i', '4096', '-J', 'size=64'],
            ['-i', '16384', '-J', 'size=64'],
            {},
        ),
        (['-i', '8192'], ['-i', '8192', '-J', 'size=64'], {}),
        (
            ['-E', 'resize=99,nodiscard', '-N', '7'],
            ['-N', '7', '-J', 'size=64'],
            {'resize': '99', 'nodiscard': None},
        ),
    ],
)
def test_options_of_mkfs_are_merged(
    given: list[str], words: list[str], extended: dict[str, str | None]
) -> None:
    assert pack_ext4.split_options(given) == (words, extended)


def test_users_extended_options_win_over_ours(
    tmp_path: Path, tree: Path
) -> None:
    host = fakes.FakeHost()
    disk = tmp_path / 'd'
    disk.write_bytes(bytes(4096))
    pack_ext4.write(
        disk,
        offset=0,
        size=1 << 30,
        label='l',
        uuid='u',
        tree=tree,
        options=['-E', 'resize=99'],
        timestamp=5,
        host=host,
    )
    argv = host.argvs[0]
    extended = argv[argv.index('-E') + 1].split(',')
    assert 'resize=99' in extended
    assert 'hash_seed=u' in extended
    assert argv.count('-E') == 1
    assert host.calls[0].env['E2FSPROGS_FAKE_TIME'] == '5'


def test_zeros_are_not_written_into_the_disk(tmp_path: Path) -> None:
    source, disk = tmp_path / 's', tmp_path / 'd'
    source.write_bytes(b'a' + bytes(3 * MIB - 2) + b'z')
    with disk.open('wb') as file:
        file.truncate(5 * MIB)
    pack_fat.copy_sparse(source, disk, MIB)
    content = disk.read_bytes()
    assert content[MIB : 4 * MIB] == source.read_bytes()
    assert disk.stat().st_blocks * 512 < MIB


def test_the_youngest_file_is_the_age_of_a_tree(tree: Path) -> None:
    assert pack.newest(tree) == 1_700_000_000
