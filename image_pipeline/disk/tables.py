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

"""Read whichever partition table a disk has."""

from image_pipeline.disk import gpt, mbr, partitions, reader


def read(disk: reader.Disk) -> partitions.PartitionTable | None:
    """Return a disk's partition table, or None if it has none.

    A boot record without entries is no table, nor is a FAT file system's own
    boot sector.

    :param disk: the disk.
    :raises ImageUnreadable: the file is damaged there.
    """
    first = disk.read(0, 512)
    if len(first) < 512:
        return None
    protected = any(entry.type == 0xEE for entry in mbr.entries(first))
    is_mbr = mbr.signed(first) and not mbr.is_fat(first)
    # A stale backup at the end of a disk that was given an MBR is no table.
    if gpt.sector_size(disk) or (is_mbr and protected):
        table = gpt.read(disk, first)
        if table is not None:
            return table
    if is_mbr and any(entry.type for entry in mbr.entries(first)):
        return mbr.read(disk, first)
    return None
