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

import dataclasses
import json
from pathlib import Path

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import records

RECORD = artifact.ImageRecord(
    id='image-1',
    name='debian-12',
    final_name='debian-12',
    state=artifact.ImageState.CURRENT,
    sha256='a' * 64,
    sha512='b' * 128,
    size=512,
    virtual_size=1024,
    format='qcow2',
    visibility='public',
    hidden=False,
    created_at='2026-01-01T00:00:00Z',
    properties={'os_distro': 'debian'},
    tags=('a', 'b'),
    path=Path('/x/y'),
)


def saved(tmp_path, value, name='image-1'):
    path = tmp_path / f'{name}.json'
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def damaged(path):
    with pytest.raises(exceptions.StateConflict) as caught:
        records.load(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value.message


def test_record_survives_json(tmp_path):
    path = saved(tmp_path, records.to_json(RECORD))
    assert records.load(path) == RECORD


def test_record_says_the_same_with_nothing_but_what_it_must_have():
    bare = {
        key: value
        for key, value in records.to_json(RECORD).items()
        if key not in ('properties', 'tags', 'path')
    }
    assert records.from_json(bare) == dataclasses.replace(
        RECORD, properties={}, tags=(), path=None
    )


@pytest.mark.parametrize(
    ('change', 'what'),
    [
        ({'sha256': None}, 'sha256 is no text'),
        ({'state': 'lost'}, "'lost' is not a valid"),
        ({'colour': 'red'}, 'colour is not known'),
        ({'tags': 7}, 'int'),
        ({'properties': [1]}, ''),
    ],
)
def test_record_with_a_wrong_value_is_damaged(tmp_path, change, what):
    assert what in damaged(saved(tmp_path, records.to_json(RECORD) | change))


@pytest.mark.parametrize('name', ['id', 'state', 'sha512', 'created_at'])
def test_record_that_lacks_a_value_is_damaged(tmp_path, name):
    value = records.to_json(RECORD)
    del value[name]
    assert f'{name} is missing' in damaged(saved(tmp_path, value))


@pytest.mark.parametrize('text', ['', '{', '[]', 'null', '\0\0\0'])
def test_file_that_is_no_record_is_damaged(tmp_path, text):
    assert 'is damaged: ' in damaged(saved(tmp_path, text))


def test_record_under_the_name_of_another_image_is_refused(tmp_path):
    path = saved(tmp_path, records.to_json(RECORD), 'image-2')
    assert 'is that of another image, image-1' in damaged(path)


def test_record_that_is_not_there_is_no_damage(tmp_path):
    with pytest.raises(FileNotFoundError):
        records.load(tmp_path / 'image-1.json')


def test_checksums_are_those_of_the_file_that_users_see():
    assert records.checksums(RECORD) == (
        f'SHA256 (debian-12.qcow2) = {"a" * 64}\n'
        f'SHA512 (debian-12.qcow2) = {"b" * 128}\n'
    )
