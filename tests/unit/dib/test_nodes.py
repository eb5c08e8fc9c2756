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

"""DIB's own block-device layer runs our nodes; nothing is packed here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from diskimage_builder.block_device import blockdevice, config, exception

from image_pipeline import elements, exceptions
from image_pipeline.dib import launcher, nodes
from image_pipeline.disk import pack
from image_pipeline.host import workspace

_LAYOUT = elements.path() / 'block-device-tree' / 'block-device-default.yaml'


class _Packed:
    """Stands in for pack.pack, and keeps what it was told."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.failure: Exception | None = None

    def __call__(
        self, disk: Path, partitions: list[pack.Partition], **told: Any
    ) -> None:
        self.calls.append({'partitions': partitions, **told})
        if self.failure:
            raise self.failure
        disk.write_text('disk')


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> _Packed:
    found = _Packed()
    monkeypatch.setattr(pack, 'pack', found)
    monkeypatch.setattr(workspace, 'mounts_below', lambda path: [])
    return found


@pytest.fixture
def device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[blockdevice.BlockDevice]:
    before = config._extensions
    launcher.install()
    monkeypatch.setenv('DIB_TREE_SEED', 'seed')
    monkeypatch.setenv('DIB_TREE_DISK', str(tmp_path / 'out/packed.raw'))
    monkeypatch.setenv('DIB_TREE_MINIMUM_SIZE', '12345')
    (tmp_path / 'out').mkdir()
    tree = tmp_path / 'built'
    (tree / 'boot/efi').mkdir(parents=True)
    (tree / 'etc').mkdir()
    (tree / 'tmp').mkdir()
    (tree / 'var/lib/dpkg').mkdir(parents=True)
    (tree / 'var/lib/dpkg/status').write_text('Package: a\n')
    yield _device(tmp_path, _LAYOUT.read_text())
    config._extensions = before


def _device(folder: Path, layout: str) -> blockdevice.BlockDevice:
    (folder / 'layout.yaml').write_text(layout)
    made = blockdevice.BlockDevice(
        {
            'config': str(folder / 'layout.yaml'),
            'image-dir': str(folder),
            'root-fs-type': 'ext4',
            'root-label': None,
            'root-fs-opts': '-i 4096 -J size=64',
            'mount-base': str(folder / 'mnt'),
            'build-dir': str(folder),
        }
    )
    made.cmd_init()
    return made


def test_the_tree_is_renamed_into_place_and_nothing_is_left_to_copy(
    device: blockdevice.BlockDevice, tmp_path: Path
) -> None:
    device.cmd_create()
    assert (tmp_path / 'mnt/var/lib/dpkg/status').exists()
    assert list((tmp_path / 'built').iterdir()) == []


def test_the_boot_loader_is_told_where_it_will_be(
    device: blockdevice.BlockDevice, tmp_path: Path
) -> None:
    device.cmd_create()
    told = (tmp_path / 'mnt/tmp/tree-layout').read_text().split()
    uuid = pack.derive('seed', 'file-system/mkfs_root')
    assert told[:3] == [
        f'TREE_ROOT_UUID={uuid}',
        'TREE_ROOT_FSTYPE=ext4',
        'TREE_ROOT_NUMBER=3',
    ]


def test_dib_finds_the_state_that_its_own_nodes_leave(
    device: blockdevice.BlockDevice,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    device.cmd_create()
    capsys.readouterr()
    for symbol in (
        'image-path',
        'image-block-device',
        'image-block-devices',
        'root-label',
        'root-fstype',
        'mount-points',
    ):
        device.cmd_getval(symbol)
    lines = capsys.readouterr().out.splitlines()
    disk = str(tmp_path / 'out/packed.raw')
    assert lines[:2] == [disk, disk]
    assert f'[root]={disk}' in lines[2]
    assert lines[3:5] == ['cloudimg-rootfs', 'ext4']
    assert set(lines[5].split('|')) == {'/', '/boot/efi'}


def test_fstab_will_name_uuids(
    device: blockdevice.BlockDevice, tmp_path: Path
) -> None:
    device.cmd_create()
    state = json.loads(
        (tmp_path / 'states/block-device/state.json').read_text()
    )
    assert state['mount_order'] == ['/', '/boot/efi']
    for one in state['filesys'].values():
        assert 'label' not in one
    esp = state['filesys']['mkfs_esp']['uuid']
    assert esp == pack.volume_id(pack.derive('seed', 'file-system/mkfs_esp'))


def test_a_finished_tree_is_packed_once(
    device: blockdevice.BlockDevice, tmp_path: Path, packed: _Packed
) -> None:
    device.cmd_create()
    (tmp_path / 'mnt/boot/efi/EFI').mkdir()
    (tmp_path / nodes.FINISHED).touch()
    device.cmd_umount()
    device.cmd_umount()
    (call,) = packed.calls
    esp, bios, root = call['partitions']
    assert esp.file_system.tree.joinpath('EFI').is_dir()
    assert esp.size == 64 << 20
    assert bios == pack.Partition(name='BIOS', type='EF02', size=1 << 20)
    assert root.file_system.tree == tmp_path / 'mnt'
    assert root.file_system.label == 'cloudimg-rootfs'
    assert root.file_system.options == ('-i', '4096', '-J', 'size=64')
    assert root.size is None
    assert call['seed'] == 'seed'
    assert call['minimum_size'] == 12345
    assert (tmp_path / 'out/dpkg-status').read_text() == 'Package: a\n'


def test_the_mount_point_of_what_was_taken_out_stays(
    device: blockdevice.BlockDevice, tmp_path: Path, packed: _Packed
) -> None:
    device.cmd_create()
    (tmp_path / 'mnt/boot/efi/EFI').mkdir()
    (tmp_path / nodes.FINISHED).touch()
    device.cmd_umount()
    assert list((tmp_path / 'mnt/boot/efi').iterdir()) == []


def test_an_unfinished_tree_is_not_packed(
    device: blockdevice.BlockDevice, packed: _Packed
) -> None:
    device.cmd_create()
    device.cmd_umount()
    assert packed.calls == []


def test_nothing_is_packed_while_something_is_mounted(
    device: blockdevice.BlockDevice,
    tmp_path: Path,
    packed: _Packed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device.cmd_create()
    (tmp_path / nodes.FINISHED).touch()
    monkeypatch.setattr(workspace, 'mounts_below', lambda path: [path / 'dev'])
    with pytest.raises(
        exception.BlockDeviceSetupException, match='still mounted'
    ):
        device.cmd_umount()
    assert packed.calls == []


def test_a_disk_that_could_not_be_packed_is_not_tried_again(
    device: blockdevice.BlockDevice, tmp_path: Path, packed: _Packed
) -> None:
    device.cmd_create()
    (tmp_path / nodes.FINISHED).touch()
    packed.failure = exceptions.StageFailed('too small', hint='enlarge it')
    with pytest.raises(
        exception.BlockDeviceSetupException, match=r'too small \(enlarge it\)'
    ):
        device.cmd_umount()
    device.cmd_umount()
    assert len(packed.calls) == 1


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('image0', 'disk0', 'must be called "image0"'),
        ('name: mkfs_root', 'name: mkfs_slash', 'must be called "mkfs_root"'),
        ('type: vfat', 'type: xfs', 'cannot be made of a tree'),
        ('        type: EF02\n', '', 'has no type'),
    ],
)
def test_a_layout_that_cannot_be_packed_says_why(
    device: blockdevice.BlockDevice,
    tmp_path: Path,
    old: str,
    new: str,
    message: str,
) -> None:
    text = _LAYOUT.read_text()
    assert old in text
    if old == 'name: mkfs_root':
        # Of another name, it gets no file system from DIB either.
        new += '\n          type: ext4\n          label: root'
    changed = _device(tmp_path, text.replace(old, new))
    with pytest.raises(exception.BlockDeviceSetupException, match=message):
        changed.cmd_create()


def test_the_layout_for_arm64_has_no_part_for_bios() -> None:
    folder = elements.path() / 'block-device-tree'
    text = (folder / 'block-device-arm64.yaml').read_text()
    table = yaml.safe_load(text)[1]['tree_gpt']
    assert [one['type'] for one in table['partitions']] == ['EF00', '8305']
