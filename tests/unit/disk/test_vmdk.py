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

from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import reader, vmdk

SIZE = 8192


def descriptor(
    path: Path,
    extents: str = 'RW 16 FLAT "flat" 0',
    kind: str = 'monolithicFlat',
    parent: str = 'ffffffff',
) -> Path:
    path.write_text(
        '# Disk DescriptorFile\nversion=1\nCID=12345678\n'
        f'parentCID={parent}\ncreateType="{kind}"\n\n'
        f'# Extent description\n{extents}\n\n'
        '# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = "4"\n'
    )
    return path


def refused(path: Path) -> str:
    with pytest.raises(exceptions.ImageUnreadable) as caught:
        reader.open_disk(path)
    return caught.value.message


def test_descriptor_is_told_by_its_first_line():
    assert vmdk.is_descriptor(b'# Disk DescriptorFile\nversion=1')
    assert vmdk.is_descriptor(b'# DISK DESCRIPTORFILE')
    assert not vmdk.is_descriptor(b'KDMV')
    assert not vmdk.is_descriptor(b'')


def test_files_beside_the_descriptor_are_one_disk(tmp_path):
    (tmp_path / 'one').write_bytes(b'1' * SIZE)
    (tmp_path / 'two').write_bytes(b'2' * SIZE)
    path = descriptor(
        tmp_path / 'x.vmdk',
        'RW 16 FLAT "one" 0\nRW 16 FLAT "two" 0',
        'twoGbMaxExtentFlat',
    )
    with reader.open_disk(path) as disk:
        assert (disk.format, disk.size) == ('vmdk', 2 * SIZE)
        assert disk.read(SIZE - 2, 4) == b'1122'


@pytest.mark.parametrize(
    'name', ['/etc/passwd', '../x', 'a/b', '..', '.', r'..\x', '']
)
def test_extent_elsewhere_is_refused(tmp_path, name):
    path = descriptor(tmp_path / 'x.vmdk', f'RW 16 FLAT "{name}" 0')
    found = refused(path)
    assert 'is not safe to open' in found or 'is damaged' in found


def test_extent_that_begins_within_its_file_is_refused(tmp_path):
    (tmp_path / 'flat').write_bytes(bytes(2 * SIZE))
    path = descriptor(tmp_path / 'x.vmdk', 'RW 16 FLAT "flat" 1')
    assert 'begins within its file' in refused(path)


def test_extent_that_is_a_link_is_refused(tmp_path):
    (tmp_path / 'secret').write_bytes(bytes(SIZE))
    (tmp_path / 'flat').symlink_to('secret')
    assert 'cannot be opened' in refused(descriptor(tmp_path / 'x.vmdk'))


def test_extent_that_is_missing_or_short_is_told(tmp_path):
    path = descriptor(tmp_path / 'x.vmdk')
    assert 'is not there' in refused(path)
    (tmp_path / 'flat').write_bytes(bytes(100))
    assert 'has 100 bytes' in refused(path)


@pytest.mark.parametrize('kind', ['fullDevice', 'vmfsRaw', 'custom'])
def test_disk_that_is_a_device_is_refused(tmp_path, kind):
    path = descriptor(tmp_path / 'x.vmdk', kind=kind)
    found = refused(path)
    assert 'is not safe to open' in found or 'is damaged' in found


def test_disk_that_needs_a_parent_is_refused(tmp_path):
    path = descriptor(tmp_path / 'x.vmdk', parent='12345678')
    assert 'needs a parent' in refused(path)
