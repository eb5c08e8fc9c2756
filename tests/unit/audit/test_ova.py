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

import hashlib
import io
import tarfile

import pytest

from image_pipeline.audit import ova

VMDK = b'KDMV' + bytes(508) + b'createType="streamOptimized"\n' + bytes(512)


def write(path, *members, kind=None):
    with tarfile.open(path, 'w') as tar:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            if kind and name.startswith('other'):
                entry.type, entry.size, data = kind, 0, b''
            tar.addfile(entry, io.BytesIO(data))
    return path


def test_members_are_read_in_their_order_with_their_digests(tmp_path):
    digits = hashlib.sha256(VMDK).hexdigest()
    manifest = f'SHA256(a.vmdk)= {digits}\nMD4(a.ovf)= 00\n'.encode()
    found = ova.read(
        write(
            tmp_path / 'a.ova',
            ('a.ovf', b'<x/>'),
            ('a.mf', manifest),
            ('a.vmdk', VMDK),
        )
    )
    assert [one.name for one in found.members] == ['a.ovf', 'a.mf', 'a.vmdk']
    assert found.manifest == {'a.vmdk': ('SHA256', digits)}
    assert found.members[2].digests == {'SHA256': digits}
    assert found.members[2].create_type == 'streamOptimized'
    assert found.members[0].create_type is None


def test_there_may_be_no_manifest(tmp_path):
    found = ova.read(write(tmp_path / 'a.ova', ('a.vmdk', VMDK)))
    assert found.manifest is None
    assert found.members[0].digests == {}


@pytest.mark.parametrize('kind', [tarfile.SYMTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_it_are_refused(tmp_path, kind):
    path = write(tmp_path / 'a.ova', ('other', b''), kind=kind)
    with pytest.raises(ova.Damaged, match='no plain file'):
        ova.read(path)


def test_more_files_than_any_ova_has_are_refused(tmp_path):
    members = [(f'{number}', b'') for number in range(201)]
    with pytest.raises(ova.Damaged, match='more than 200'):
        ova.read(write(tmp_path / 'a.ova', *members))


@pytest.mark.parametrize('length', [0, 100, 600, 1100])
def test_file_cut_short_is_damaged(tmp_path, length):
    path = write(tmp_path / 'a.ova', ('a.ovf', b'x' * 2000))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ova.Damaged):
        ova.read(path)


def test_ova_is_told_by_its_name_or_its_bytes(tmp_path):
    tar = write(tmp_path / 'x', ('a', b''))
    assert ova.is_ova(tar)
    assert ova.is_ova(tmp_path / 'none.OVA')
    (tmp_path / 'y').write_bytes(bytes(2048))
    assert not ova.is_ova(tmp_path / 'y')
