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
import zlib

import pytest

from image_pipeline.audit import registry, subjects, view
from image_pipeline.disk import reader
from image_pipeline.testing import disks

RULE = registry.get('EGI-FMT-01')


def qcow2(
    *, bits: int = 16, version: int = 3, zstd: bool = False,
    compressed: int = 9, plain: int = 1,
) -> bytes:  # fmt: skip
    """Return a file of clusters that all have the same bytes."""
    cluster = 1 << bits
    packer = zlib.compressobj(wbits=-12)
    data = packer.compress(bytes(cluster)) + packer.flush()
    shift = 62 - (bits - 8)
    sectors = (len(data) - 1) // 512
    entries = [1 << 62 | sectors << shift | 4 * cluster] * compressed
    entries += [3 * cluster | 1 << 63] * plain
    size = max(len(entries), 1) * cluster
    head = struct.pack(
        '>4sIQIIQIIQQIIQQQQIIB7x', b'QFI\xfb', version, 0, 0, bits, size, 0,
        1, cluster, 0, 0, 0, 0, 8 if zstd else 0, 0, 0, 4, 112, int(zstd),
    )  # fmt: skip
    table = struct.pack(f'>{len(entries)}Q', *entries)
    parts = [head, struct.pack('>Q', 2 * cluster), table, bytes(cluster), data]
    return b''.join(part.ljust(cluster, b'\0') for part in parts)


@pytest.fixture
def check(tmp_path):
    def judge(data: bytes, **options):
        path = tmp_path / 'x.qcow2'
        path.write_bytes(data)
        with reader.open_disk(path) as disk:
            return RULE.check(
                subjects.ArtifactView(path=path, image=view.ImageView(disk)),
                options,
            )

    return judge


@pytest.mark.parametrize(
    ('fields', 'outcome'),
    [
        ({}, 'pass'),
        ({'zstd': True}, 'pass'),
        ({'compressed': 8, 'plain': 2}, 'pass'),
        ({'compressed': 7, 'plain': 3}, 'fail'),
        ({'compressed': 0, 'plain': 5}, 'fail'),
        ({'compressed': 0, 'plain': 0}, 'pass'),
        ({'version': 2}, 'fail'),
        ({'bits': 12}, 'fail'),
        ({'bits': 21}, 'fail'),
    ],
)
def test_compressed_clusters_of_64_kib_are_asked_for(check, fields, outcome):
    verdict = check(qcow2(**fields))
    assert verdict.outcome == outcome
    assert verdict.severity is None


@pytest.mark.parametrize(
    ('zstd', 'outcome'), [(True, 'fail'), (False, 'pass')]
)
def test_zlib_alone_is_an_option(check, zstd, outcome):
    data = qcow2(zstd=zstd)
    assert check(data, compression=['zlib']).outcome == outcome


def test_clusters_of_another_size_are_an_option(check):
    assert check(qcow2(bits=12), cluster_kib=[4, 64]).outcome == 'pass'


@pytest.mark.parametrize(
    ('formats', 'outcome'), [(['qcow2'], 'fail'), (['qcow2', 'raw'], 'pass')]
)
def test_raw_disk_is_for_clouds_that_want_it(formats, outcome):
    image = view.ImageView(disks.MemoryDisk(bytes(512)))
    verdict = RULE.check(
        subjects.ArtifactView(path=image.path, image=image),
        {'formats': formats},
    )
    assert verdict.outcome == outcome


def test_ova_is_judged_by_another_rule(tmp_path):
    path = tmp_path / 'x.ova'
    path.write_bytes(bytes(1024))
    image = view.ImageView(disks.MemoryDisk(bytes(512)))
    verdict = RULE.check(subjects.ArtifactView(path=path, image=image))
    assert verdict.outcome == 'not-applicable'
