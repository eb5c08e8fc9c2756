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

from image_pipeline.audit import registry, subjects, view
from image_pipeline.testing import disks

RULE = registry.get('EGI-OVA-01')


def vmdk(kind: str) -> bytes:
    text = f'createType="{kind}"\n'.encode()
    return (b'KDMV' + bytes(508) + text).ljust(4096, b'\0')


GOOD = {
    'x.ovf': b'<Envelope/>',
    'x.mf': b'',
    'x.vmdk': vmdk('streamOptimized'),
}


def ova(path, content, *, kind='SHA256', wrong=False, without=()):
    lines = ''
    for name, data in content.items():
        if name.endswith('.mf') or name in without:
            continue
        digits = hashlib.new(kind.lower(), data).hexdigest()
        lines += f'{kind}({name})= {digits[::-1] if wrong else digits}\n'
    with tarfile.open(path, 'w') as tar:
        for name, data in content.items():
            data = lines.encode() if name.endswith('.mf') else data
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def check(path, **options):
    image = view.ImageView(disks.MemoryDisk(bytes(512)))
    return RULE.check(
        subjects.ArtifactView(
            path=path, image=image, side_files=subjects.beside(path)
        ),
        options,
    )


def test_ova_with_all_its_parts_passes(tmp_path):
    assert check(ova(tmp_path / 'x.ova', GOOD)).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'how', 'severity'),
    [
        (dict(reversed(GOOD.items())), {}, None),
        ({'x.ovf': b'<x/>', 'x.mf': b''}, {}, None),
        (GOOD | {'x.vmdk': vmdk('monolithicSparse')}, {}, None),
        (GOOD | {'x.vmdk': b'# Disk DescriptorFile\n'}, {}, None),
        ({'x.ovf': b'<x/>', 'x.vmdk': GOOD['x.vmdk']}, {}, None),
        (GOOD | {'../x.vmdk': GOOD['x.vmdk']}, {}, None),
        (GOOD, {'without': ['x.vmdk']}, None),
        (GOOD, {'wrong': True}, 'error'),
        (GOOD, {'kind': 'SHA1'}, 'info'),
    ],
)
def test_what_an_importer_stumbles_over_is_told(
    tmp_path, content, how, severity
):
    verdict = check(ova(tmp_path / 'x.ova', content, **how))
    assert (verdict.outcome, verdict.severity) == ('fail', severity)


def test_ova_that_is_damaged_is_told(tmp_path):
    path = ova(tmp_path / 'x.ova', GOOD)
    path.write_bytes(path.read_bytes()[:3000])
    assert check(path).outcome == 'fail'


def test_ova_beside_the_image_is_judged(tmp_path):
    image = tmp_path / 'x.qcow2'
    image.write_bytes(bytes(2048))
    assert check(image).outcome == 'not-applicable'
    assert check(image, required=True).outcome == 'fail'
    ova(tmp_path / 'x.ova', GOOD)
    assert check(image, required=True).outcome == 'pass'
