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

"""The superblock of XFS, and whether its log is clean.

Offsets are those of the kernel's ``fs/xfs/libxfs/xfs_format.h`` and
``xfs_log_format.h``.
"""

import dataclasses
import struct
import uuid
from collections.abc import Iterator

from image_pipeline.disk import signatures

MAGIC = b'XFSB'
#: Incompatible features of version 5.
INCOMPAT_FTYPE, INCOMPAT_SPINODES, INCOMPAT_META_UUID = 0x1, 0x2, 0x4
INCOMPAT_BIGTIME, INCOMPAT_NEEDSREPAIR, INCOMPAT_NREXT64 = 0x8, 0x10, 0x20
INCOMPAT_EXCHRANGE, INCOMPAT_PARENT, INCOMPAT_METADIR = 0x40, 0x80, 0x100
#: Read-only compatible features.
RO_FINOBT, RO_RMAPBT, RO_REFLINK, RO_INOBTCOUNT = 0x1, 0x2, 0x4, 0x8
_RECORD = b'\xfe\xed\xba\xbe'
_UNMOUNT = 0x20
#: Bytes of log that are searched; the largest log has 2 GiB, those of images
#: have 10 to 64 MiB.
_MOST_LOG = 256 << 20
_STEP = 1 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class XfsSuperblock(signatures.Superblock):
    """The superblock of an XFS.

    :param compat: compatible features of version 5.
    :param ro_compat: read-only compatible ones.
    :param incompat: incompatible ones.
    :param in_progress: whether mkfs did not finish.
    :param log_clean: whether the last thing in its log is an unmount; None
        if that cannot be told.
    :param log_offset: where its log begins, in bytes on the disk.
    """

    compat: int
    ro_compat: int
    incompat: int
    in_progress: bool
    log_clean: bool | None
    log_offset: int


def identify(part: signatures.Part) -> Iterator[signatures.Superblock]:
    """Find an XFS.

    :param part: where to look.
    """
    data = part.read(0, 512)
    if data[:4] != MAGIC or len(data) < 512:
        return
    (block_size,) = struct.unpack_from('>I', data, 4)
    (log_start,) = struct.unpack_from('>Q', data, 48)
    ag_blocks, _, _, log_blocks, version = struct.unpack_from(
        '>IIIIH', data, 84
    )
    block_log, ag_log = data[120], data[124]
    compat = ro_compat = incompat = 0
    if version & 0xF == 5:
        compat, ro_compat, incompat = struct.unpack_from('>III', data, 0xD0)
    if not 512 <= block_size <= 65536 or 1 << block_log != block_size:
        return
    # A block number holds the allocation group above the block within it.
    within = log_start & ((1 << ag_log) - 1) if ag_log < 64 else 0
    place = ((log_start >> ag_log) * ag_blocks + within) * block_size
    yield XfsSuperblock(
        kind='xfs',
        offset=part.start,
        magic=data[:4].hex(),
        version=str(version & 0xF),
        uuid=str(uuid.UUID(bytes=data[32:48])),
        label=data[108:120].partition(b'\0')[0].decode('utf-8', 'replace'),
        compat=compat,
        ro_compat=ro_compat,
        incompat=incompat,
        in_progress=bool(data[126]),
        log_clean=_log_clean(part, place, log_blocks * block_size)
        if log_start
        else None,
        log_offset=part.start + place,
    )


def _log_clean(part: signatures.Part, start: int, length: int) -> bool | None:
    """Tell whether the newest record of the log is an unmount record."""
    newest: tuple[int, int, int] | None = None
    for offset in range(start, start + min(length, _MOST_LOG), _STEP):
        data = part.read(offset, min(_STEP, start + length - offset))
        place = data.find(_RECORD)
        while place >= 0:
            if place % 512 == 0 and place + 48 <= len(data):
                # h_lsn: the cycle, and the block within it.
                cycle, block = struct.unpack_from('>II', data, place + 16)
                newest = max(
                    newest or (0, 0, 0), (cycle, block, offset + place)
                )
            place = data.find(_RECORD, place + 4)
    if newest is None or length > _MOST_LOG:
        return None
    header = part.read(newest[2], 512)
    record = part.read(newest[2] + 512, 12)
    if len(header) < 512 or len(record) < 12:
        return None
    (operations,) = struct.unpack_from('>I', header, 40)
    return operations == 1 and bool(record[9] & _UNMOUNT)
