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

"""Which package of the distribution has a program, and how to install it.

The packages are those of bindep.txt; a test compares the two.
"""

import types
from collections.abc import Callable, Iterable
from pathlib import Path

_DEB = 0
_RPM = 1

#: Package by program: on Debian and its family, and on Fedora's and EL.
PACKAGES = types.MappingProxyType(
    {
        'bash': ('bash', 'bash'),
        'chroot': ('coreutils', 'coreutils'),
        'curl': ('curl', 'curl'),
        'debootstrap': ('debootstrap', 'debootstrap'),
        'debugfs': ('e2fsprogs', 'e2fsprogs'),
        'dpkg-query': ('dpkg', 'dpkg'),
        'dumpe2fs': ('e2fsprogs', 'e2fsprogs'),
        'e2fsck': ('e2fsprogs', 'e2fsprogs'),
        'findmnt': ('util-linux', 'util-linux'),
        'fstrim': ('util-linux', 'util-linux'),
        'git': ('git', 'git'),
        'gpgv': ('gpgv', 'gnupg2'),
        'kpartx': ('kpartx', 'kpartx'),
        'losetup': ('mount', 'util-linux'),
        'mcopy': ('mtools', 'mtools'),
        'mke2fs': ('e2fsprogs', 'e2fsprogs'),
        'mkfs.btrfs': ('btrfs-progs', 'btrfs-progs'),
        'mkfs.ext4': ('e2fsprogs', 'e2fsprogs'),
        'mkfs.vfat': ('dosfstools', 'dosfstools'),
        'mkfs.xfs': ('xfsprogs', 'xfsprogs'),
        'mkfs': ('util-linux', 'util-linux'),
        'mmd': ('mtools', 'mtools'),
        'mmdebstrap': ('mmdebstrap', 'mmdebstrap'),
        'mount': ('mount', 'util-linux'),
        'parted': ('parted', 'parted'),
        'qemu-img': ('qemu-utils', 'qemu-img'),
        'qemu-system-x86_64': ('qemu-system-x86', 'qemu-system-x86-core'),
        'setpriv': ('util-linux', 'util-linux'),
        'sfdisk': ('fdisk', 'util-linux'),
        'sgdisk': ('gdisk', 'gdisk'),
        'tar': ('tar', 'tar'),
        'tune2fs': ('e2fsprogs', 'e2fsprogs'),
        'unshare': ('util-linux', 'util-linux'),
        'xz': ('xz-utils', 'xz'),
        'zerofree': ('zerofree', 'zerofree'),
        'zstd': ('zstd', 'zstd'),
    }
)


def remedy(
    programs: Iterable[str], which: Callable[[str], Path | None]
) -> str | None:
    """Return the command that installs programs, or None.

    :param programs: their names; one whose package is not known is left
        out.
    :param which: where a program is; finds out whether this host has apt or
        dnf.
    :returns: such as ``apt-get install mtools qemu-utils``; None where
        there is neither, or no package is known.
    """
    if which('apt-get'):
        family, command = _DEB, 'apt-get install'
    elif which('dnf'):
        family, command = _RPM, 'dnf install'
    else:
        return None
    names = {
        PACKAGES[program][family]
        for program in programs
        if program in PACKAGES
    }
    return f'{command} {" ".join(sorted(names))}' if names else None
