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
from image_pipeline.audit import rule, view
from image_pipeline.disk import partitions
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot


def swap(label: str) -> bytes:
    area = bytearray(4096)
    area[1036:1052] = bytes(range(16))
    area[1052 : 1052 + len(label)] = label.encode()
    area[4086:4096] = b'SWAPSPACE2'
    return bytes(area)


def btrfs(label: str = '') -> bytes:
    area = bytearray(0x10000 + 0x400)
    area[0x10040:0x10048] = b'_BHRfS_M'
    area[0x1012B : 0x1012B + len(label)] = label.encode()
    return bytes(area)


def image(*slots: Slot) -> view.ImageView:
    return view.ImageView(disks.MemoryDisk(disks.gpt_disk(slots)))


PLAIN = Slot(start=MIB, size=MIB, content=swap('x'))


def root_at(start: int, **changes) -> Slot:
    fields = {'size': MIB, 'content': btrfs()} | changes
    return Slot(start=start, **fields)


def test_disk_without_a_table_is_one_device():
    found = view.ImageView(disks.MemoryDisk(swap('x')))
    assert found.table is None
    assert found.devices == (found.whole,)
    assert found.whole.name == 'the disk'
    assert found.whole.has('swap')


def test_device_is_found_by_each_of_its_names():
    found = image(PLAIN)
    (device,) = found.parts
    assert device.partition is not None
    for spec in (
        'UUID=00010203-0405-0607-0809-0a0b0c0d0e0f',
        'UUID="00010203-0405-0607-0809-0A0B0C0D0E0F"',
        'LABEL=x',
        f'PARTUUID={device.partition.uuid}',
        'PARTLABEL=part1',
        '/dev/disk/by-label/x',
        '/dev/disk/by-uuid/00010203-0405-0607-0809-0a0b0c0d0e0f',
    ):
        assert found.named(spec) is device, spec
    for spec in ('LABEL=y', 'LABEL=', '/dev/vda1', 'tmpfs', 'ID=x'):
        assert found.named(spec) is None, spec


def test_root_is_the_only_device_that_can_be():
    found = image(PLAIN, root_at(4 * MIB))
    assert found.root is found.parts[1]


def test_root_is_told_by_the_type_of_its_partition():
    found = image(
        root_at(2 * MIB, type=partitions.ROOT_ARM64), root_at(4 * MIB)
    )
    assert found.root is found.parts[0]


def test_root_is_told_by_the_label_of_cloud_images():
    found = image(
        root_at(2 * MIB), root_at(4 * MIB, content=btrfs('cloudimg-rootfs'))
    )
    assert found.root is found.parts[1]


def test_root_that_is_not_clear_cannot_be_told():
    found = image(root_at(2 * MIB), root_at(4 * MIB))
    assert found.root is None
    with pytest.raises(rule.CannotTell, match='not clear'):
        found.need_root()


def test_disk_without_a_file_system_has_no_root():
    with pytest.raises(rule.CannotTell, match='no file system'):
        image(PLAIN).need_root()


def test_file_system_that_is_not_read_says_which_it_is():
    with pytest.raises(rule.CannotTell, match='not read \\(btrfs\\)'):
        _ = image(root_at(2 * MIB)).files


def test_partition_past_the_end_is_no_device():
    found = view.ImageView(
        disks.MemoryDisk(disks.gpt_disk([root_at(8 * MIB)])[: 4 * MIB])
    )
    assert found.parts == ()


def test_what_was_made_of_an_image_is_made_once():
    made = []
    found = image(PLAIN)
    for _ in range(2):
        assert (
            found.remember('letters', lambda: made.append(1) or 'ab') == 'ab'
        )
    assert made == [1]


def test_that_it_cannot_be_told_is_remembered_too():
    made = []

    def fail():
        made.append(1)
        raise exceptions.ImageUnreadable('it is damaged')

    found = image(PLAIN)
    for _ in range(2):
        with pytest.raises(rule.CannotTell, match='it is damaged'):
            found.remember('letters', fail)
    assert made == [1]
