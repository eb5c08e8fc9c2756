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

import contextlib
import socket
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.dib import elements, layout

_LVM = """
- local_loop:
    name: image0
- partitioning:
    base: image0
    label: gpt
    partitions:
      - name: ESP
        type: 'EF00'
        size: 64MiB
      - name: pv
        size: 100%
- lvm:
    name: lvm
"""


def _choose(*names: str, file: Path | None = None) -> layout.Layout:
    return layout.choose(
        names, elements.search_path(), architecture='amd64', file=file
    )


def test_our_layout_is_added_where_no_element_brings_one() -> None:
    chosen = _choose('debian-minimal', 'vm')
    assert chosen.elements == ('debian-minimal', 'vm', 'block-device-tree')
    assert chosen.tree


def test_an_element_that_brings_a_layout_is_left_alone() -> None:
    chosen = _choose('debian-minimal', 'block-device-gpt')
    assert chosen.elements == ('debian-minimal', 'block-device-gpt')
    assert not chosen.tree


def test_a_layout_that_comes_as_a_dependency_is_named_too(
    tmp_path: Path,
) -> None:
    # Otherwise DIB would add block-device-mbr to `vm`.
    (tmp_path / 'own').mkdir()
    (tmp_path / 'own/element-deps').write_text('block-device-efi\n')
    chosen = layout.choose(
        ['own', 'vm'],
        elements.search_path([tmp_path]),
        architecture='amd64',
    )
    assert chosen.elements == ('own', 'vm', 'block-device-efi')


@pytest.mark.parametrize(
    ('text', 'element'),
    [
        ('- tree_image:\n    name: image0\n', 'block-device-tree'),
        (_LVM, 'block-device-efi'),
        ('- partitioning:\n    label: gpt\n', 'block-device-gpt'),
        ('- partitioning:\n    label: mbr\n', 'block-device-mbr'),
    ],
)
def test_a_layout_of_ones_own_gets_the_boot_loader_that_fits(
    tmp_path: Path, text: str, element: str
) -> None:
    file = tmp_path / 'layout.yaml'
    file.write_text(text)
    chosen = _choose('debian-minimal', file=file)
    assert chosen.elements[-1] == element


def test_a_layout_that_is_not_there_is_invalid(tmp_path: Path) -> None:
    with pytest.raises(exceptions.InvalidInput, match='cannot be read'):
        _choose('debian-minimal', file=tmp_path / 'gone.yaml')


def test_stock_nodes_are_refused_without_their_devices(
    tmp_path: Path,
) -> None:
    file = tmp_path / 'layout.yaml'
    file.write_text(_LVM)
    chosen = _choose('debian-minimal', file=file)
    messages = [
        one.message for one in layout.problems(chosen, devices=tmp_path)
    ]
    assert len(messages) == 2
    assert any('needs device-mapper' in text for text in messages)
    assert any('needs loop devices' in text for text in messages)


def test_a_node_with_no_driver_behind_it_is_no_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / 'layout.yaml'
    file.write_text(_LVM)
    (tmp_path / 'mapper').mkdir()
    # As a node without a driver, a socket cannot be opened: ENXIO.
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as node:
        # A socket's path is short.
        monkeypatch.chdir(tmp_path)
        node.bind('mapper/control')
        messages = [
            one.message
            for one in layout.problems(
                _choose('debian-minimal', file=file), devices=tmp_path
            )
        ]
    assert any('needs device-mapper' in text for text in messages)


def test_stock_nodes_are_fine_with_their_devices(tmp_path: Path) -> None:
    file = tmp_path / 'layout.yaml'
    file.write_text(_LVM)
    (tmp_path / 'mapper').mkdir()
    (tmp_path / 'mapper/control').touch()
    (tmp_path / 'loop-control').touch()
    chosen = _choose('debian-minimal', file=file)
    assert list(layout.problems(chosen, devices=tmp_path)) == []


def test_our_layout_needs_no_device(tmp_path: Path) -> None:
    chosen = _choose('debian-minimal')
    assert list(layout.problems(chosen, devices=tmp_path)) == []


_TREE = """
- tree_image:
    name: image0
- tree_gpt:
    base: image0
    name: gpt
    partitions:
      - name: root
        type: "8304"
        mkfs:
          name: mkfs_root
          type: ext4
          mount:
            mount_point: /
"""


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('type: ext4', 'type: btrfs', None),
        ('type: ext4', 'type: xfs', 'mkfs.xfs cannot fill'),
        ('type: ext4', 'type: f2fs', 'f2fs file system cannot be made'),
        ('type: ext4', 'type: vfat', 'needs a size'),
        ('mkfs_root', 'other', 'called "mkfs_root"'),
        ('mount_point: /', 'mount_point: /srv', 'mounted at "/"'),
        ('name: image0', 'name: disk', 'called "image0"'),
        ('"8304"', 'linux', 'no partition type'),
        ('partitions:', 'parts:', 'no list of partitions'),
        ('name: gpt', ': [', 'no list of partitions'),
    ],
)
def test_a_layout_that_cannot_be_packed_is_refused_in_time(
    tmp_path: Path, old: str, new: str, message: str | None
) -> None:
    file = tmp_path / 'layout.yaml'
    file.write_text(_TREE.replace(old, new))
    chosen = _choose('debian-minimal', file=file)
    found = [one.message for one in layout.problems(chosen)]
    assert (found == []) if message is None else (message in found[0])


def test_the_two_kinds_of_nodes_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / 'layout.yaml'
    file.write_text('- tree_image:\n    name: image0\n- lvm:\n    name: x\n')
    chosen = _choose('debian-minimal', file=file)
    found = list(layout.problems(chosen, devices=tmp_path))
    assert 'does not go with' in found[0].message
