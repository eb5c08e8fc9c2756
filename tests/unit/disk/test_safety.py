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

from image_pipeline import exceptions
from image_pipeline.disk import safety
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot


def qcow2(
    *,
    version: int = 3,
    backing: int = 0,
    crypt: int = 0,
    snapshots: int = 0,
    incompatible: int = 0,
    extension: int = 0,
) -> bytes:
    head = struct.pack(
        '>4sIQIIQIIQQIIQQQQII', b'QFI\xfb', version, backing, 0, 16, MIB,
        crypt, 1, 65536, 0, 0, snapshots, 0, incompatible, 0, 0, 4, 104,
    )  # fmt: skip
    head += struct.pack('>II', extension, 8 if extension else 0) + bytes(8)
    return head.ljust(3 * 65536, b'\0')


@pytest.fixture
def judged(tmp_path):
    def judge(data: bytes) -> safety.Safety:
        path = tmp_path / 'x'
        path.write_bytes(data)
        return safety.judge(path)

    return judge


@pytest.mark.parametrize(
    ('fields', 'failures'),
    [
        ({}, []),
        ({'version': 2}, []),
        ({'incompatible': 8}, []),
        ({'incompatible': 3}, []),
        ({'incompatible': 0x10}, ['unknown_features']),
        ({'incompatible': 1 << 63}, ['unknown_features']),
        ({'incompatible': 4}, ['data_file']),
        ({'extension': 0x44415441}, ['data_file']),
        ({'extension': 0x6803F857}, []),
        ({'backing': 4096}, ['backing_file']),
        ({'crypt': 1}, ['encryption']),
        ({'crypt': 2}, ['encryption']),
        ({'snapshots': 2}, ['snapshots']),
        ({'version': 4}, ['unknown_features']),
    ],
)
def test_header_of_a_qcow2_tells_why_it_is_refused(judged, fields, failures):
    found = judged(qcow2(**fields))
    assert found.formats == ('qcow2',)
    assert [name for name, _ in found.failures] == failures


def test_circle_of_extensions_ends(judged):
    # An extension of a length that leads back is none; lengths only add up.
    data = bytearray(qcow2(extension=0x6803F857))
    struct.pack_into('>I', data, 108, 0xFFFFFFF8)
    assert judged(bytes(data)).failures == ()


@pytest.mark.parametrize(
    ('change', 'failures'),
    [
        (None, []),
        # A second partition beside the protective one.
        ((462, bytes.fromhex('00000000830000000100000001000000')), ['mbr']),
        ((446, b'\1'), ['mbr']),
        ((446, b'\x80'), []),
    ],
)
def test_boot_record_of_a_raw_disk_is_looked_at(judged, change, failures):
    data = disks.gpt_disk([Slot(start=MIB, size=MIB)])
    if change:
        place, content = change
        data[place : place + len(content)] = content
    found = judged(bytes(data))
    assert found.formats == ('gpt',)
    assert [name for name, _ in found.failures] == failures


def test_disk_with_a_dos_table_is_called_gpt(judged):
    data = disks.mbr_disk([Slot(start=MIB, size=MIB, type='0x83')])
    assert judged(bytes(data)) == safety.Safety(formats=('gpt',))


def test_bare_file_system_is_raw(judged):
    data = bytearray(MIB)
    data[1024 + 56 : 1024 + 58] = b'\x53\xef'
    assert judged(bytes(data)) == safety.Safety(formats=('raw',))


def test_file_of_two_formats_is_called_both(judged):
    data = bytearray(qcow2())
    data[0x8001:0x8006] = b'CD001'
    assert judged(bytes(data)).formats == ('iso', 'qcow2')


@pytest.mark.parametrize(
    ('kind', 'extent', 'fails'),
    [
        ('streamOptimized', 'disk.vmdk', False),
        ('monolithicSparse', 'disk.vmdk', False),
        ('monolithicFlat', 'disk.vmdk', True),
        ('monolithicSparse', '/etc/passwd', True),
    ],
)
def test_descriptor_of_a_vmdk_is_looked_at(judged, kind, extent, fails):
    head = struct.pack(
        '<4sIIQQQQIQQ', b'KDMV', 1, 3, 2048, 128, 1, 20, 512, 0, 21
    )
    text = (
        f'# Disk DescriptorFile\nversion=1\ncreateType="{kind}"\n'
        f'RW 2048 SPARSE "{extent}"\n'
    )
    data = head.ljust(512, b'\0') + text.encode().ljust(20 * 512, b'\0')
    found = judged(data.ljust(MIB, b'\0'))
    assert found.formats == ('vmdk',)
    assert [name for name, _ in found.failures] == (
        ['descriptor'] if fails else []
    )


def test_banned_format_is_told(judged):
    found = judged(b'QED\0'.ljust(MIB, b'\0'))
    assert found.formats == ('qed',)
    assert [name for name, _ in found.failures] == ['banned']


def test_file_that_is_not_there_is_unreadable(tmp_path):
    with pytest.raises(exceptions.ImageUnreadable, match='cannot be read'):
        safety.judge(tmp_path / 'none')


def test_header_cut_short_is_no_pass(judged):
    with pytest.raises(exceptions.ImageUnreadable):
        judged(qcow2()[:40])
