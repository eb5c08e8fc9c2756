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

from image_pipeline.audit.guest import rpm_header
from image_pipeline.testing import packages

HEADER = packages.rpm_header(
    'kernel-core', '5.14.0', '427.el9', epoch=3, size=1 << 33, vendor='Ex'
)


def test_package_is_told_by_its_tags():
    found = rpm_header.parse(HEADER)
    assert found.name == 'kernel-core'
    assert found.full_version == '3:5.14.0-427.el9'
    assert (found.arch, found.vendor) == ('x86_64', 'Ex')
    assert found.size == 1 << 33


def test_package_without_epoch_and_vendor_is_one_too():
    found = rpm_header.parse(packages.rpm_header('bash', size=7))
    assert (found.epoch, found.vendor, found.size) == (0, None, 7)


@pytest.mark.parametrize('length', range(0, len(HEADER), 7))
def test_header_cut_short_is_damaged(length):
    with pytest.raises(rpm_header.Damaged):
        rpm_header.parse(HEADER[:length])


@pytest.mark.parametrize(
    'damage',
    [
        struct.pack('>II', 0xFFFFFFFF, 8),
        struct.pack('>II', 1, 0xFFFFFFFF),
        struct.pack('>IIIIII', 1, 4, 1000, 6, 0xFFFFFFF0, 1) + b'abc\0',
        struct.pack('>IIIIII', 1, 4, 1000, 6, 0, 1) + b'abcd',
        struct.pack('>IIIIII', 1, 4, 1003, 4, 2, 1) + b'abcd',
        packages.rpm_header('', ''),
    ],
)
def test_header_that_points_out_of_itself_is_damaged(damage):
    with pytest.raises(rpm_header.Damaged):
        rpm_header.parse(damage)
