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
import os

import pytest

from image_pipeline import exceptions
from image_pipeline.store import files


def test_json_comes_back(tmp_path):
    files.save_json(tmp_path / 'new' / 'x.json', {'a': [1]})
    assert files.load_json(tmp_path / 'new' / 'x.json') == {'a': [1]}


@pytest.mark.parametrize('text', ['', '{', '\0'])
def test_a_damaged_file_is_none(tmp_path, text):
    (tmp_path / 'x.json').write_text(text)
    assert files.load_json(tmp_path / 'x.json') is None
    assert files.load_json(tmp_path / 'missing.json') is None


@pytest.mark.parametrize(
    ('number', 'kind', 'words'),
    [
        (errno.ENOSPC, exceptions.StageFailed, 'no space is left'),
        (errno.EDQUOT, exceptions.StageFailed, 'no space is left'),
        (errno.EACCES, exceptions.StateConflict, 'cannot be written'),
        (errno.EROFS, exceptions.StateConflict, 'cannot be written'),
        (errno.EIO, exceptions.StageFailed, 'Input/output error'),
    ],
)
def test_what_the_system_refuses_is_said_in_words(
    tmp_path, monkeypatch, number, kind, words
):
    path = tmp_path / 'x.json'
    files.save_json(path, 'old')

    def fsync(fd):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, 'fsync', fsync)
    with pytest.raises(kind, match=words) as caught:
        files.save_json(path, 'new')
    assert str(path) in caught.value.message
    # The old one is intact, and no temporary file is left.
    assert files.load_json(path) == 'old'
    assert list(tmp_path.iterdir()) == [path]
