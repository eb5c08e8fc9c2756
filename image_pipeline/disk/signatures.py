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

"""What all superblocks have, and the part of a disk that they lie in."""

import dataclasses

from image_pipeline.disk import reader


@dataclasses.dataclass(frozen=True, kw_only=True)
class Superblock:
    """What was found in a partition.

    :param kind: as blkid calls it: ``ext4``, ``vfat``, ``swap``, ``luks``.
    :param offset: where its signature is, in bytes on the disk.
    :param magic: the signature, as hexadecimal digits.
    :param version: the format's version, where it has one.
    :param uuid: as ``UUID=`` in fstab names it.
    :param label: as ``LABEL=`` names it.
    """

    kind: str
    offset: int
    magic: str
    version: str = ''
    uuid: str | None = None
    label: str = ''


class Part:
    """A part of a disk, read as if it were one.

    :param disk: the disk.
    :param start: its first byte.
    :param size: its length in bytes.
    """

    def __init__(self, disk: reader.Disk, start: int, size: int) -> None:
        self.disk = disk
        self.start = start
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the part; fewer at its end, none past it.

        :param offset: from the part's own beginning.
        :param length: how many bytes.
        :raises ImageUnreadable: the file is damaged there.
        """
        if offset < 0 or offset >= self.size:
            return b''
        return self.disk.read(
            self.start + offset, min(length, self.size - offset)
        )
