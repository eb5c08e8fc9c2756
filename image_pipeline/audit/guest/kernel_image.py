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

"""Read what the header of a kernel image says."""

import dataclasses
import struct

from image_pipeline.disk import files

#: Documentation/arch/x86/boot.rst: the setup header, its magic at 0x202, and
#: the place of the version's text, less 0x200, at 0x20e.
_BZIMAGE = b'HdrS'
_HEADER_END = 0x268
#: Bytes that are read.
_HEADER = 64 << 10
#: Documentation/arch/arm64/booting.rst: magic at byte 56 of the header.
_ARM64 = b'ARM\x64'
#: drivers/firmware/efi/libstub/zboot-header.S: an EFI program that unpacks
#: a kernel, as distributions ship it for aarch64.
_ZBOOT = b'zimg'
_MACHINES = {0x14C: 'i386', 0x8664: 'x86_64', 0xAA64: 'aarch64'}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Image:
    """A kernel image, by what its header says.

    :param path: where it is.
    :param format: ``bzImage``, ``Image`` (arm64's), ``zboot``, ``PE``,
        ``ELF``, ``gzip``, or None for what is none of them.
    :param architecture: ``x86_64``, ``aarch64``, ``i386``, or None if the
        header does not tell.
    :param version: as ``uname -r`` would say it; None where the header does
        not have it.
    """

    path: str
    format: str | None
    architecture: str | None
    version: str | None


def read(tree: files.FileTree, path: str) -> Image:
    """Return what a kernel image's header says.

    :param tree: the image's files.
    :param path: absolute.
    :raises OSError: there is no such file.
    """
    data = tree.read_bytes(path, _HEADER)
    for look in (_bzimage, _arm64, _zboot, _pe, _elf, _gzip):
        found = look(path, data)
        if found is not None:
            return found
    return Image(path=path, format=None, architecture=None, version=None)


def _bzimage(path: str, data: bytes) -> Image | None:
    if data[0x202:0x206] != _BZIMAGE or len(data) < _HEADER_END:
        return None
    (place,) = struct.unpack_from('<H', data, 0x20E)
    (flags,) = struct.unpack_from('<H', data, 0x236)
    version = None
    if place:
        said = data[0x200 + place :].partition(b'\0')[0]
        version = said.partition(b' ')[0].decode('ascii', 'replace') or None
    return Image(
        path=path,
        format='bzImage',
        # XLF_KERNEL_64 of xloadflags: it can be entered in 64-bit mode.
        architecture='x86_64' if flags & 1 else 'i386',
        version=version,
    )


def _arm64(path: str, data: bytes) -> Image | None:
    if data[56:60] != _ARM64:
        return None
    return Image(
        path=path, format='Image', architecture='aarch64', version=None
    )


def _zboot(path: str, data: bytes) -> Image | None:
    if data[:2] != b'MZ' or data[4:8] != _ZBOOT:
        return None
    return Image(
        path=path,
        format='zboot',
        architecture=_pe_machine(data),
        version=None,
    )


def _pe(path: str, data: bytes) -> Image | None:
    machine = _pe_machine(data)
    if machine is None:
        return None
    return Image(path=path, format='PE', architecture=machine, version=None)


def _pe_machine(data: bytes) -> str | None:
    if data[:2] != b'MZ' or len(data) < 64:
        return None
    (place,) = struct.unpack_from('<I', data, 0x3C)
    if data[place : place + 4] != b'PE\0\0' or len(data) < place + 6:
        return None
    return _MACHINES.get(struct.unpack_from('<H', data, place + 4)[0])


def _elf(path: str, data: bytes) -> Image | None:
    if data[:4] != b'\x7fELF':
        return None
    return Image(path=path, format='ELF', architecture=None, version=None)


def _gzip(path: str, data: bytes) -> Image | None:
    """Ubuntu compresses the kernel of aarch64, for the boot loader."""
    if data[:3] != b'\x1f\x8b\x08':
        return None
    return Image(path=path, format='gzip', architecture=None, version=None)
