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

"""Read the virtual disk in VMDK files, with libvmdk.

One file that holds its own descriptor (monolithicSparse, streamOptimized),
or a descriptor and the files beside it that it names.  The format is
VMware's "Virtual Disk Format 5.0".
"""

import os
import stat
from typing import Any

from image_pipeline import exceptions
from image_pipeline.disk import libyal, reader

#: The first line of a descriptor that is a file of its own.
DESCRIPTOR = b'# disk descriptorfile'
_EMBEDDED = b'KDMV'
#: The content id of a disk without a parent.
_NO_PARENT = 0xFFFFFFFF
#: Disk types of pyvmdk.disk_types by the name that a descriptor has for
#: them; others are of a device, or need a host of VMware's.
_IN_ONE_FILE = {7: 'monolithicSparse', 8: 'streamOptimized'}
_IN_SEVERAL = {
    1: 'twoGbMaxExtentFlat',
    2: 'twoGbMaxExtentSparse',
    6: 'monolithicFlat',
    9: 'vmfs',
    10: 'vmfsPreallocated',
    11: 'vmfsEagerZeroedThick',
}
#: Types of extents: plain ones (FLAT, VMFS), and sparse.
_FLAT, _SPARSE = frozenset({1, 3}), frozenset({2})
#: Files of at most 2 GB each: two terabytes.
_MOST_EXTENTS = 1024


def is_descriptor(head: bytes) -> bool:
    """Tell whether a file is a descriptor, and its disk in others.

    :param head: its first bytes.
    """
    return head[: len(DESCRIPTOR)].lower() == DESCRIPTOR


class VmdkDisk(libyal.LibraryDisk):
    """The virtual disk in a VMDK file; see the base class."""

    def _open(self) -> Any:
        # Imported here: few audits need it.  It has no type information.
        import pyvmdk  # type: ignore[import-not-found,unused-ignore]

        handle = pyvmdk.handle()
        handle.open_file_object(self._file())
        if handle.parent_content_identifier != _NO_PARENT:
            raise _unsafe(self, 'it needs a parent')
        count = int(handle.number_of_extents)
        if not 0 < count <= _MOST_EXTENTS:
            raise _unsafe(self, f'it names {count} extents')
        embedded = self._pread(4, 0) == _EMBEDDED
        known = _IN_ONE_FILE if embedded else _IN_SEVERAL
        if handle.disk_type not in known:
            raise _unsafe(self, 'its subformat is not read')
        if embedded and count > 1:
            raise _unsafe(self, 'it names further files')
        # By number: its iterators are not safe to be left half-way.
        files = [
            self._file()
            if embedded
            else self._extent(handle.get_extent_descriptor(number))
            for number in range(count)
        ]
        handle.open_extent_data_files_as_file_objects(files)
        return handle

    def _extent(self, extent: Any) -> Any:
        """Open a file that the descriptor names, if it lies beside it."""
        name = extent.filename or ''
        shown = f'the extent {name!r}'
        if extent.type not in _FLAT | _SPARSE:
            raise _unsafe(self, f'{shown} is no plain file')
        if extent.offset:
            # libvmdk 20260714 would read it from the file's beginning.
            raise _unsafe(self, f'{shown} begins within its file')
        if not name or name in ('.', '..') or set(name) & set('/\\\0'):
            raise _unsafe(self, f'{shown} is not a file beside it')
        try:
            # No link: it would lead elsewhere.
            fd = os.open(
                self.path.parent / name,
                os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK,
            )
        except FileNotFoundError as exc:
            raise exceptions.ImageUnreadable(
                f'{self.path}: {shown} is not there',
                hint='put the files that belong together into one folder',
            ) from exc
        except OSError as exc:
            raise _unsafe(
                self, f'{shown} cannot be opened: {exc.strerror}'
            ) from exc
        file = self._file(fd)
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise _unsafe(self, f'{shown} is no plain file')
        if extent.type in _FLAT and extent.size > status.st_size:
            raise self._damaged(f'{shown} has {status.st_size} bytes')
        return file


def _unsafe(disk: reader.Disk, why: str) -> exceptions.ImageUnreadable:
    return exceptions.ImageUnreadable(
        f'{disk.path}: is not safe to open: {why}',
        hint='make one file of it, on a host that you trust: '
        'qemu-img convert -f vmdk -O qcow2 IN OUT',
    )
