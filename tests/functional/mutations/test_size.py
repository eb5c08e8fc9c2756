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

"""The size of the disk and what is in it are spoilt; one rule says so."""

import random
import struct
from pathlib import Path

import pytest

from image_pipeline.disk import checksums, free_space, reader, superblocks
from image_pipeline.host import process
from image_pipeline.testing import images, mutations, packages
from image_pipeline.testing.disks import MIB, Link
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
GIB = 1024 * MIB
ROOT = images.ROOT_END - images.ROOT_START


def free_mib(path: Path, place: int) -> int:
    """Return where the first free MiB of the root is, ``place`` on."""
    with reader.open_disk(path) as disk:
        (block,) = superblocks.identify(disk, images.ROOT_START, ROOT)
        for first, last in free_space.free(disk, block, ROOT):
            if last - max(first, place) >= MIB:
                return max(first, place)
    raise AssertionError('the root is full')


def residue(length: int):
    """Leave something where nothing is."""

    def spoil(path: Path) -> None:
        noise = random.Random(1).randbytes(length)
        images.patch(path, free_mib(path, images.ROOT_START + 8 * MIB), noise)

    return spoil


def large(path: Path) -> None:
    """Make the disk larger; the backup of its table goes to its new end."""
    with path.open('r+b') as file:
        file.truncate(9 * GIB)
    HOST.run(['sgdisk', '--move-second-header', path])


def full(path: Path) -> None:
    """Let the root's superblock say that hardly a block is free."""
    place = images.ROOT_START + 1024
    with path.open('r+b') as file:
        file.seek(place)
        data = bytearray(file.read(1024))
        struct.pack_into('<I', data, 12, 10)
        crc = checksums.crc32c(0xFFFFFFFF, bytes(data[:1020]))
        struct.pack_into('<I', data, 1020, crc)
        file.seek(place)
        file.write(data)


def grown(name: str, size: int):
    """Make a file so large; what it gets is a hole."""

    def spoil(path: Path) -> None:
        root = f'{path}?offset={images.ROOT_START}'
        HOST.run(['debugfs', '-w', '-R', f'sif {name} size {size}', root])

    return spoil


MUTATIONS = {
    'SIZE-01 large disk': Mutation(
        rule='EGI-SIZE-01', spoil=large, severity='warning'
    ),
    'SIZE-02 root is full': Mutation(
        rule='EGI-SIZE-02',
        spoil=full,
        severity='warning',
    ),
    'SIZE-03 residue': Mutation(
        rule='EGI-SIZE-03', spoil=residue(MIB), severity='warning'
    ),
    'DATA-01 folder of data': Mutation(
        rule='EGI-DATA-01',
        files={'/srv/set': 'x'},
        spoil=grown('/srv/set', 101 * MIB),
        severity='warning',
        where='/srv',
    ),
    'DATA-01 large file': Mutation(
        rule='EGI-DATA-01',
        files={'/var/lib/set': 'x'},
        spoil=grown('/var/lib/set', 501 * MIB),
        severity='warning',
        where='/var/lib/set',
    ),
    'PKG-01 desktop': Mutation(
        rule='EGI-PKG-01',
        files={
            '/var/lib/dpkg/status': str(images.FILES['/var/lib/dpkg/status'])
            + '\n'
            + packages.dpkg_status('gnome-shell')
        },
        severity='warning',
    ),
    'PKG-01 display manager': Mutation(
        rule='EGI-PKG-01',
        files={
            '/usr/lib/systemd/system/graphical.target': '[Unit]\n'
            'Requires=multi-user.target\n',
            '/usr/lib/systemd/system/gdm.service': '[Service]\n',
            '/etc/systemd/system/default.target': Link(
                '/usr/lib/systemd/system/graphical.target'
            ),
            '/etc/systemd/system/display-manager.service': Link(
                '/usr/lib/systemd/system/gdm.service'
            ),
        },
        severity='warning',
        where='/etc/systemd/system/display-manager.service',
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)
