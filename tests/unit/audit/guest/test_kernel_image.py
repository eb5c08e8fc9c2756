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

import struct

import pytest

from image_pipeline.audit.guest import kernel_image
from image_pipeline.disk import files
from image_pipeline.testing import disks, kernels


def read(data: bytes) -> kernel_image.Image:
    tree = files.FileTree(disks.MemoryFiles({'/boot/vmlinuz-x': data}))
    return kernel_image.read(tree, '/boot/vmlinuz-x')


def pe(machine: int, start: bytes = b'MZ') -> bytes:
    data = bytearray(128)
    data[: len(start)] = start
    struct.pack_into('<I', data, 0x3C, 64)
    data[64:70] = b'PE\0\0' + struct.pack('<H', machine)
    return bytes(data)


def test_bz_image_says_its_version_and_that_it_runs_in_64_bits():
    image = read(kernels.bz_image('6.1.0-1-amd64'))
    assert image.format == 'bzImage'
    assert image.version == '6.1.0-1-amd64'
    assert image.architecture == 'x86_64'


def test_bz_image_without_a_version_has_none():
    data = bytearray(kernels.bz_image('6.1'))
    data[0x20E:0x210] = b'\0\0'
    assert read(bytes(data)).version is None


def test_version_beyond_the_header_is_none():
    data = bytearray(kernels.bz_image('6.1'))
    data[0x20E:0x210] = b'\xff\xff'
    assert read(bytes(data)).version is None


@pytest.mark.parametrize(
    ('data', 'form', 'architecture'),
    [
        (bytes(56) + b'ARM\x64' + bytes(4), 'Image', 'aarch64'),
        (b'MZ' + bytes(54) + b'ARM\x64' + bytes(4), 'Image', 'aarch64'),
        (pe(0xAA64, b'MZ\0\0zimg'), 'zboot', 'aarch64'),
        (pe(0x8664), 'PE', 'x86_64'),
        (b'\x7fELF\2\1', 'ELF', None),
        (b'\x1f\x8b\x08\0', 'gzip', None),
        (b'MZ', None, None),
        (b'', None, None),
        (b'not a kernel', None, None),
    ],
)
def test_other_formats_are_told_by_their_magic(data, form, architecture):
    image = read(data)
    assert (image.format, image.architecture) == (form, architecture)
    assert image.version is None


@pytest.mark.parametrize('length', range(0, 700, 7))
def test_header_cut_short_is_no_error(length):
    assert read(kernels.bz_image('6.1')[:length]).version is None
