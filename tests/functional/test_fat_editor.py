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

"""mtools changes files of an EFI system partition; our reader sees it."""

import pytest

from image_pipeline import exceptions
from image_pipeline.audit import view
from image_pipeline.disk import edits, fat_editor, reader
from image_pipeline.host import process
from image_pipeline.testing import images

HOST = process.Host()


@pytest.fixture
def disk(tmp_path):
    return images.build(tmp_path / 'disk.raw', host=HOST)


def apply(disk, *changes):
    fat_editor.FatEditor(disk, images.ESP_START, host=HOST).apply(changes)


def test_files_and_folders_are_changed(disk):
    apply(
        disk,
        edits.Write(path='/loader/random-seed', content=b'seed'),
        edits.Write(path='/EFI/debian/grub.cfg', content=b'other'),
        edits.Truncate(path='/EFI/BOOT/BOOTX64.EFI'),
        edits.Remove(path='/never/was'),
    )
    with reader.open_disk(disk) as opened:
        tree = view.ImageView(opened).files
        assert tree.read_text('/boot/efi/loader/random-seed') == 'seed'
        assert tree.read_text('/boot/efi/EFI/debian/grub.cfg') == 'other'
        assert tree.stat('/boot/efi/EFI/BOOT/BOOTX64.EFI').size == 0
    apply(disk, edits.Remove(path='/loader'))
    with reader.open_disk(disk) as opened:
        tree = view.ImageView(opened).files
        assert not tree.exists('/boot/efi/loader')
        assert tree.exists('/boot/efi/EFI')


def test_link_is_refused(disk):
    with pytest.raises(exceptions.StageFailed) as caught:
        apply(disk, edits.Link(path='/a', target='b'))
    assert 'no links' in caught.value.message
