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

"""The readers of image formats against what qemu-img writes and reads."""

import os
import struct
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.audit import view
from image_pipeline.disk import checksums, reader
from image_pipeline.host import process
from image_pipeline.testing import images

HOST = process.Host()
#: What qemu-img calls the format, its options, and what we call it.
FORMS = {
    'vmdk': ('vmdk', ('subformat=monolithicSparse',), 'vmdk'),
    'vmdk compressed': ('vmdk', ('subformat=streamOptimized',), 'vmdk'),
    'vmdk flat': ('vmdk', ('subformat=monolithicFlat',), 'vmdk'),
    'vmdk split': ('vmdk', ('subformat=twoGbMaxExtentSparse',), 'vmdk'),
    'vmdk split flat': ('vmdk', ('subformat=twoGbMaxExtentFlat',), 'vmdk'),
    'vhd': ('vpc', ('subformat=dynamic',), 'vhd'),
    'vhd fixed': ('vpc', ('subformat=fixed',), 'vhd'),
    'vhdx': ('vhdx', ('subformat=dynamic', 'block_size=1M'), 'vhdx'),
    'vhdx fixed': ('vhdx', ('subformat=fixed',), 'vhdx'),
    'vdi': ('vdi', (), 'vdi'),
    'vdi fixed': ('vdi', ('static=on',), 'vdi'),
}
STEP = 1 << 20


@pytest.fixture(scope='module')
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('sound')
    return images.build(folder / 'disk.raw', host=HOST)


def pack(raw: Path, folder: Path, form: str) -> Path:
    qemu_format, options, _ = FORMS[form]
    path = folder / f'image.{qemu_format}'
    argv: list[str | Path] = [
        'qemu-img', 'convert', '-f', 'raw', '-O', qemu_format,
    ]  # fmt: skip
    for option in options:
        argv += ['-o', option]
    HOST.run([*argv, raw, path])
    return path


def unpack(path: Path, form: str) -> Path:
    raw = path.with_suffix('.raw')
    HOST.run(
        ['qemu-img', 'convert', '-f', FORMS[form][0], '-O', 'raw', path, raw]
    )
    return raw


def pieces(disk: reader.Disk) -> Iterator[bytes]:
    for offset in range(0, disk.size, STEP):
        yield disk.read(offset, STEP)


@pytest.mark.parametrize('form', list(FORMS))
def test_disk_is_that_which_qemu_reads(sound, tmp_path, form):
    path = pack(sound, tmp_path, form)
    raw = unpack(path, form)
    with reader.open_disk(path) as disk, raw.open('rb') as file:
        assert disk.format == FORMS[form][2]
        assert disk.size == raw.stat().st_size
        for piece in pieces(disk):
            assert piece == file.read(STEP)
        assert disk.read(disk.size - 3, 100) == raw.read_bytes()[-3:]
        assert disk.read(disk.size, 100) == b''
        file.seek(STEP - 5)
        assert disk.read(STEP - 5, 4099) == file.read(4099)


@pytest.mark.parametrize('form', list(FORMS))
def test_files_are_read_without_a_copy(sound, tmp_path, form):
    path = pack(sound, tmp_path, form)
    with reader.open_disk(path) as disk:
        image = view.ImageView(disk)
        assert image.files.read_text('/etc/hostname') == 'localhost\n'
        assert len(image.census.entries) > 20


@pytest.mark.parametrize('form', list(FORMS))
@pytest.mark.parametrize('kept', [0.02, 0.5, 0.9])
def test_file_cut_short_is_refused_or_read_without_what_is_gone(
    sound, tmp_path, form, kept
):
    path = pack(sound, tmp_path, form)
    os.truncate(path, max(int(path.stat().st_size * kept), 512))
    try:
        with reader.open_disk(path) as disk:
            for piece in pieces(disk):
                assert piece
    except exceptions.ImageUnreadable as exc:
        assert str(path) in exc.message


def refused(path: Path) -> str:
    with (
        pytest.raises(exceptions.ImageUnreadable) as caught,
        reader.open_disk(path),
    ):
        pass
    return caught.value.message


@pytest.mark.parametrize(
    ('name', 'why'),
    [
        ('/etc/passwd', 'is not a file beside it'),
        ('../secret', 'is not a file beside it'),
        ('link', 'cannot be opened'),
        ('folder', 'is no plain file'),
        ('pipe', 'is no plain file'),
        ('missing', 'is not there'),
        ('short', 'has 6 bytes'),
    ],
)
def test_extent_that_is_elsewhere_is_refused_unread(
    sound, tmp_path, name, why
):
    (tmp_path / 'secret').write_bytes(b'secret' * 4096)
    folder = tmp_path / 'images'
    folder.mkdir()
    (folder / 'link').symlink_to('../secret')
    (folder / 'folder').mkdir()
    os.mkfifo(folder / 'pipe')
    (folder / 'short').write_text('secret')
    path = pack(sound, folder, 'vmdk flat')
    path.write_text(path.read_text().replace('image-flat.vmdk', name))
    assert why in refused(path)


def test_extents_named_by_an_image_that_holds_itself_are_refused(
    sound, tmp_path
):
    path = pack(sound, tmp_path, 'vmdk')
    data = path.read_bytes()
    for old, new in (
        (b'SPARSE "image.vmdk"', b'FLAT "/etc/passwd" '),
        (b'monolithicSparse', b'monolithicFlat"\n'),
    ):
        path.write_bytes(data.replace(old, new))
        assert 'is not safe to open' in refused(path)


@pytest.mark.parametrize('form', ['vmdk', 'vhd', 'vdi'])
def test_disk_that_needs_a_parent_is_refused(sound, tmp_path, form):
    path = pack(sound, tmp_path, form)
    data = bytearray(path.read_bytes())
    if form == 'vmdk':
        place = data.index(b'parentCID=ffffffff')
        data[place : place + 18] = b'parentCID=12345678'
    elif form == 'vdi':
        struct.pack_into('<I', data, 0x4C, 4)
    else:
        for place in (0, len(data) - 512):
            struct.pack_into('>I', data, place + 60, 4)
            struct.pack_into('>I', data, place + 64, 0)
            total = ~sum(data[place : place + 512]) & 0xFFFFFFFF
            struct.pack_into('>I', data, place + 64, total)
    path.write_bytes(data)
    assert 'needs a parent' in refused(path)


def test_vhdx_whose_log_was_not_replayed_is_refused(sound, tmp_path):
    path = pack(sound, tmp_path, 'vhdx')
    with path.open('r+b') as file:
        for place in (64 << 10, 128 << 10):
            file.seek(place)
            data = bytearray(file.read(4096))
            data[48:64] = b'log of a machine'
            data[4:8] = bytes(4)
            total = checksums.crc32c(0xFFFFFFFF, data) ^ 0xFFFFFFFF
            struct.pack_into('<I', data, 4, total)
            file.seek(place)
            file.write(data)
    assert 'its log is not empty' in refused(path)


def test_vhdx_with_sectors_of_4_kib_is_read(sound, tmp_path):
    path = pack(sound, tmp_path, 'vhdx')
    data = path.read_bytes()
    # MS-VHDX, section 2.6.2.4: the item of the logical sector size.
    item = uuid.UUID('8141BF1D-A96F-4709-BA47-F233A8FAAB5F').bytes_le
    region = data.index(b'metadata')
    entry = data.index(item, region)
    (offset,) = struct.unpack_from('<I', data, entry + 16)
    assert struct.unpack_from('<I', data, region + offset) == (512,)
    images.patch(path, region + offset, struct.pack('<I', 4096))
    with reader.open_disk(path) as disk, sound.open('rb') as file:
        for piece in pieces(disk):
            assert piece == file.read(STEP)


def test_raw_disk_with_a_cookie_at_its_end_stays_raw(sound, tmp_path):
    path = images.copy(sound, tmp_path / 'x.raw')
    images.patch(path, images.SIZE - 512, b'conectix')
    with reader.open_disk(path) as disk:
        assert disk.format == 'raw'
