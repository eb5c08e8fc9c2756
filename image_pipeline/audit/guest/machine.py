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
"""Read which machine a guest is made for."""

import struct

from image_pipeline.disk import files

#: Programs that one of every system has.
_PROGRAMS = (
    '/usr/lib/systemd/systemd',
    '/lib/systemd/systemd',
    '/usr/bin/bash',
    '/bin/bash',
    '/usr/bin/dash',
    '/bin/busybox',
    '/usr/bin/coreutils',
    '/usr/bin/env',
    '/bin/sh',
)
#: ``e_machine`` (elf.h), as ``uname -m`` has it, with the size of a word and
#: the order of bytes.
_MACHINES = {
    (3, 1, '<'): 'i686',
    (8, 1, '<'): 'mipsel',
    (8, 2, '<'): 'mips64el',
    (20, 1, '>'): 'ppc',
    (21, 2, '<'): 'ppc64le',
    (21, 2, '>'): 'ppc64',
    (22, 2, '>'): 's390x',
    (40, 1, '<'): 'armv7l',
    (62, 2, '<'): 'x86_64',
    (183, 2, '<'): 'aarch64',
    (243, 2, '<'): 'riscv64',
    (258, 2, '<'): 'loongarch64',
}


def architecture(tree: files.FileTree) -> str | None:
    """Return what a guest's programs run on, or None if that is not clear.

    :param tree: the image's files.
    :returns: as ``uname -m`` would say it: ``x86_64``, ``aarch64``.
    """
    for path in _PROGRAMS:
        try:
            data = tree.read_bytes(path, 20)
        except OSError:
            continue
        found = _elf(data)
        if found is not None:
            return found
    return None


def _elf(data: bytes) -> str | None:
    if len(data) < 20 or data[:4] != b'\x7fELF' or data[5] not in (1, 2):
        return None
    order = '<' if data[5] == 1 else '>'
    (machine,) = struct.unpack_from(f'{order}H', data, 18)
    return _MACHINES.get((machine, data[4], order))
