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
"""What grows the root is spoilt; one rule says so."""

import struct
from pathlib import Path

import pytest

from image_pipeline.disk import checksums
from image_pipeline.host import process
from image_pipeline.testing import images, mutations
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
D = '/etc/cloud/cloud.cfg.d'
SUPERBLOCK = images.ROOT_START + 1024


def reserve_nothing(path: Path) -> None:
    """Take the reserved group descriptors; the checksum stays right."""
    with path.open('r+b') as file:
        file.seek(SUPERBLOCK)
        data = bytearray(file.read(1024))
        struct.pack_into('<H', data, 0xCE, 0)
        crc = checksums.crc32c(0xFFFFFFFF, bytes(data[:1020]))
        struct.pack_into('<I', data, 1020, crc)
        file.seek(SUPERBLOCK)
        file.write(data)


MUTATIONS = {
    '01 growpart is turned off': Mutation(
        rule='EGI-GROW-01',
        files={f'{D}/99-grow.cfg': "growpart: {mode: 'off'}\n"},
        where=f'{D}/99-grow.cfg',
    ),
    '01 the marker that turns it off': Mutation(
        rule='EGI-GROW-01',
        files={'/etc/growroot-disabled': '\n'},
        where='/etc/growroot-disabled',
    ),
    '01 no growpart': Mutation(
        rule='EGI-GROW-01', without=frozenset({'/usr/bin/growpart'})
    ),
    '01 a device by name': Mutation(
        rule='EGI-GROW-01',
        files={f'{D}/99-grow.cfg': 'growpart: {devices: [/dev/vda3]}\n'},
        severity='warning',
        where=f'{D}/99-grow.cfg',
    ),
    '02 resizefs is turned off': Mutation(
        rule='EGI-GROW-02',
        files={f'{D}/99-grow.cfg': 'resize_rootfs: false\n'},
        where=f'{D}/99-grow.cfg',
    ),
    '02 no resize2fs': Mutation(
        rule='EGI-GROW-02', without=frozenset({'/usr/sbin/resize2fs'})
    ),
    '02 no descriptors to grow with': Mutation(
        rule='EGI-GROW-02', spoil=reserve_nothing, severity='warning'
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)
