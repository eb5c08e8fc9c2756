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

"""The header of a qcow2 file, as a value."""

import dataclasses

#: Incompatible feature bits that are known; others are refused.
DIRTY, CORRUPT, DATA_FILE, COMPRESSION = 1, 2, 4, 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Header:
    """The header of a qcow2 file; the fields that matter to a reader.

    :param version: 2 or 3.
    :param cluster_bits: log2 of the cluster size in bytes.
    :param size: bytes that the guest sees.
    :param crypt_method: 0 none, 1 AES, 2 LUKS.
    :param l1_entries: entries of the first-level table.
    :param l1_offset: where that table is.
    :param snapshots: how many internal snapshots there are.
    :param incompatible: incompatible feature bits.
    :param compression: 0 zlib, 1 zstd.
    """

    version: int
    cluster_bits: int
    size: int
    crypt_method: int
    l1_entries: int
    l1_offset: int
    snapshots: int
    incompatible: int
    compression: int

    @property
    def cluster_size(self) -> int:
        """Bytes in a cluster."""
        return 1 << self.cluster_bits

    @property
    def dirty(self) -> bool:
        """Whether it was not closed properly."""
        return bool(self.incompatible & DIRTY)

    @property
    def corrupt(self) -> bool:
        """Whether QEMU itself marked it as damaged."""
        return bool(self.incompatible & CORRUPT)
