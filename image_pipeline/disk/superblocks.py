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

"""Tell what a partition or a whole disk holds, by its superblocks.

Like blkid, but every signature that is there is returned: a swap area over
the remains of a file system is both.  Places of the signatures are those of
util-linux's libblkid and of the formats' own documents.
"""

import struct
import uuid as uuids
from collections.abc import Iterator

from image_pipeline.disk import ext, fat, reader, signatures, xfs

#: What holds files that a guest may have as its root.
ROOT_KINDS = frozenset({'ext2', 'ext3', 'ext4', 'xfs', 'btrfs'})
#: Page sizes of Linux; a swap area's signature ends its first page.
PAGES = (4096, 8192, 16384, 32768, 65536)
_SWAP = {b'SWAPSPACE2': 'swap', b'SWAP-SPACE': 'swap'}
_HIBERNATED = (b'S1SUSPEND\0', b'S2SUSPEND\0', b'LINHIB0001')
_RAID = b'\xfc\x4e\x2b\xa9'
_BCACHE = bytes.fromhex('c68573f64e1a45ca8265f57f48ba6d81')
#: Where LUKS2 may keep its second header.
_LUKS_SECOND = tuple(0x4000 << n for n in range(9))


def identify(
    disk: reader.Disk, start: int = 0, size: int | None = None
) -> tuple[signatures.Superblock, ...]:
    """Return the superblocks of a part of a disk.

    :param disk: the disk.
    :param start: first byte of the part.
    :param size: its length; None: to the disk's end.
    :raises ImageUnreadable: the file is damaged there.
    """
    size = disk.size - start if size is None else size
    part = signatures.Part(disk, start, min(size, disk.size - start))
    if part.size < 512:
        return ()
    found: list[signatures.Superblock] = []
    for probe in _PROBES:
        found += probe(part)
    return tuple(found)


def _swap(part: signatures.Part) -> Iterator[signatures.Superblock]:
    for page in PAGES:
        magic = part.read(page - 10, 10)
        if magic in _SWAP or magic in _HIBERNATED:
            ours = magic == b'SWAPSPACE2'
            yield signatures.Superblock(
                kind='swap',
                offset=part.start + page - 10,
                magic=magic.hex(),
                version='hibernated' if magic in _HIBERNATED else f'{page}',
                uuid=_uuid(part.read(1024 + 12, 16)) if ours else None,
                label=_text(part.read(1024 + 28, 16)) if ours else '',
            )


def _luks(part: signatures.Part) -> Iterator[signatures.Superblock]:
    head = part.read(0, 512)
    places = [(0, b'LUKS\xba\xbe')]
    places += [(place, b'SKUL\xba\xbe') for place in _LUKS_SECOND]
    for place, magic in places:
        found = head if place == 0 else part.read(place, 512)
        if found[:6] != magic or len(found) < 512:
            continue
        (version,) = struct.unpack_from('>H', found, 6)
        if version in (1, 2):
            yield signatures.Superblock(
                kind='luks',
                offset=part.start + place,
                magic=found[:8].hex(),
                version=str(version),
                uuid=_text(found[168:208]) or None,
                label=_text(found[24:72]) if version == 2 else '',
            )
            return


def _lvm(part: signatures.Part) -> Iterator[signatures.Superblock]:
    for sector in range(4):
        data = part.read(sector * 512, 512)
        if data[:8] == b'LABELONE' and data[24:32] == b'LVM2 001':
            yield signatures.Superblock(
                kind='lvm',
                offset=part.start + sector * 512,
                magic=data[:8].hex(),
                version='2',
                uuid=_text(data[32:64]) or None,
            )
            return


def _mdraid(part: signatures.Part) -> Iterator[signatures.Superblock]:
    # Linux md: drivers/md/md.c, super_1_load and super_90_load.
    sectors = part.size // 512
    places = [
        ('1.1', 0),
        ('1.2', 4096),
        ('1.0', ((sectors - 16) & ~7) * 512),
        ('0.90', (part.size & ~0xFFFF) - 0x10000),
    ]
    for version, place in places:
        data = part.read(place, 256) if place >= 0 else b''
        if len(data) < 256 or data[:4] != _RAID:
            continue
        (major,) = struct.unpack_from('<I', data, 4)
        if major != (0 if version == '0.90' else 1):
            continue
        yield signatures.Superblock(
            kind='mdraid',
            offset=part.start + place,
            magic=data[:4].hex(),
            version=version,
            uuid=None if version == '0.90' else _uuid(data[16:32]),
            label='' if version == '0.90' else _text(data[32:64]),
        )


def _bcache(part: signatures.Part) -> Iterator[signatures.Superblock]:
    data = part.read(4096, 64)
    if data[24:40] == _BCACHE:
        yield signatures.Superblock(
            kind='bcache', offset=part.start + 4096 + 24, magic=_BCACHE.hex()
        )


def _btrfs(part: signatures.Part) -> Iterator[signatures.Superblock]:
    data = part.read(0x10000, 0x400)
    if data[0x40:0x48] == b'_BHRfS_M':
        (log_root,) = struct.unpack_from('<Q', data, 0x60)
        yield signatures.Superblock(
            kind='btrfs',
            offset=part.start + 0x10040,
            magic=data[0x40:0x48].hex(),
            version='log' if log_root else '',
            uuid=_uuid(data[0x20:0x30]),
            label=_text(data[0x12B : 0x12B + 256]),
        )


def _squashfs(part: signatures.Part) -> Iterator[signatures.Superblock]:
    data = part.read(0, 96)
    if data[:4] == b'hsqs' and len(data) == 96:
        (major,) = struct.unpack_from('<H', data, 28)
        yield signatures.Superblock(
            kind='squashfs',
            offset=part.start,
            magic=data[:4].hex(),
            version=str(major),
        )


def _iso9660(part: signatures.Part) -> Iterator[signatures.Superblock]:
    data = part.read(0x8000, 2048)
    if data[1:6] == b'CD001' and len(data) == 2048:
        yield signatures.Superblock(
            kind='iso9660',
            offset=part.start + 0x8001,
            magic=data[1:6].hex(),
            label=data[40:72].decode('ascii', 'replace').rstrip(),
        )


def _ntfs(part: signatures.Part) -> Iterator[signatures.Superblock]:
    data = part.read(0, 512)
    if data[3:11] == b'NTFS    ':
        yield signatures.Superblock(
            kind='ntfs',
            offset=part.start + 3,
            magic=data[3:11].hex(),
            uuid=data[0x48:0x50][::-1].hex().upper(),
        )


#: The order is that in which blkid would prefer them.
_PROBES = (
    _luks,
    _lvm,
    _mdraid,
    _bcache,
    ext.identify,
    xfs.identify,
    _btrfs,
    fat.identify,
    _ntfs,
    _squashfs,
    _iso9660,
    _swap,
)


def _uuid(data: bytes) -> str | None:
    if len(data) != 16 or data == bytes(16):
        return None
    return str(uuids.UUID(bytes=data))


def _text(data: bytes) -> str:
    return data.partition(b'\0')[0].decode('utf-8', 'replace')


def file_system(
    found: tuple[signatures.Superblock, ...],
) -> signatures.Superblock | None:
    """Return the superblock that has files a guest may mount, or None.

    :param found: what :func:`identify` returned.
    """
    kinds = ROOT_KINDS | {'vfat', 'ntfs', 'squashfs', 'iso9660'}
    return next((block for block in found if block.kind in kinds), None)


def describe(block: signatures.Superblock) -> str:
    """Return a few words for a person.

    :param block: what was found.
    """
    names = {
        'luks': f'LUKS{block.version} encryption',
        'lvm': 'an LVM physical volume',
        'mdraid': f'a software RAID member (version {block.version})',
        'bcache': 'a bcache device',
        'swap': 'a swap area',
        'iso9660': 'an ISO 9660 file system',
    }
    return names.get(block.kind, f'a file system ({block.kind})')
