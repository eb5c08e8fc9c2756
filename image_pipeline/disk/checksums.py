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

"""Checksums that the standard library does not have."""


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC32C = _table()


def crc32c(seed: int, data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of data, as ext4 and XFS use it.

    The value is not inverted at the end, which is how the kernel's
    ``crc32c_le`` has it.

    :param seed: the value so far; 0xFFFFFFFF to begin with.
    :param data: a few kilobytes at most: it is a loop in Python.
    """
    table = _CRC32C
    for byte in data:
        seed = (seed >> 8) ^ table[(seed ^ byte) & 0xFF]
    return seed
