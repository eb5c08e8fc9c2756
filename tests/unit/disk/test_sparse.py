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

import errno
import hashlib
import random

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import sparse


def make_disk(path, *, size, parts):
    with path.open('wb') as file:
        file.truncate(size)
        for offset, content in parts:
            file.seek(offset)
            file.write(content)
    return path


def test_data_ranges_leave_the_holes_out(tmp_path):
    path = make_disk(
        tmp_path / 'disk',
        size=1 << 22,
        parts=[(0, b'x'), (1 << 21, b'y' * 8192)],
    )
    with path.open('rb') as file:
        found = list(sparse.data(file.fileno()))
    assert found == [(0, 4096), (1 << 21, (1 << 21) + 8192)]


def test_digests_are_those_of_the_content(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'abc')
    found = sparse.digests(path)
    # FIPS 180-4, example of one block.
    assert found['sha256'].startswith('ba7816bf8f01cfea')
    assert found['sha512'].startswith('ddaf35a193617aba')


def test_digests_of_many_pieces_are_in_order(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(random.Random(1).randbytes(2 * sparse.PIECE + 17))
    seen = []
    found = sparse.digests(path, progress=seen.append)
    assert found['sha512'] == hashlib.sha512(path.read_bytes()).hexdigest()
    assert seen[-1] == path.stat().st_size


def test_a_failure_leaves_no_file(tmp_path):
    with (
        pytest.raises(exceptions.StageFailed, match='could not be') as no,
        sparse.complete(tmp_path / 'image') as path,
    ):
        path.write_bytes(b'half')
        raise OSError(errno.ENOSPC, 'No space left on device')
    assert 'free some space' in no.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_complete_file_gets_its_name(tmp_path):
    with sparse.complete(tmp_path / 'image') as path:
        path.write_bytes(b'whole')
    assert (tmp_path / 'image').read_bytes() == b'whole'
    assert len(list(tmp_path.iterdir())) == 1
