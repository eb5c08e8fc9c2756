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

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.cli import image_names
from image_pipeline.testing import fake_catalogue, fakes

CANDIDATE = artifact.ImageState.CANDIDATE
CURRENT = artifact.ImageState.CURRENT
RETIRED = artifact.ImageState.RETIRED


def record(image_id, *, name='n', state=CANDIDATE, sha256='a' * 64):
    return artifact.ImageRecord(
        id=image_id,
        name=name if state == CURRENT else f'{name}.candidate-{image_id[:8]}',
        final_name=name,
        state=state,
        sha256=sha256,
        sha512='0' * 128,
        size=1,
        virtual_size=1,
        format='raw',
        visibility='private',
        hidden=state != CURRENT,
        created_at=f'2026-01-01T00:00:{image_id[-1]}0Z',
    )


@pytest.fixture
def catalogue():
    return fake_catalogue.FakeCatalogue(fakes.target())


@pytest.fixture
def put(catalogue):
    def add(*args, **more):
        made = record(*args, **more)
        catalogue.images[made.id] = made
        return made.id

    return add


def find(catalogue, text, first=CANDIDATE):
    return image_names.find(catalogue, text, first=first).id


def test_beginning_of_an_id_is_enough_if_it_is_long_enough(catalogue, put):
    one = put('11111111-aaaa-1', sha256='1' * 64)
    put('22222222-aaaa-2', sha256='2' * 64)
    assert find(catalogue, '11111111') == one
    with pytest.raises(exceptions.NotFound):
        find(catalogue, '1111111')


@pytest.mark.parametrize('text', ['b' * 8, 'b' * 64, f'sha256:{"b" * 10}'])
def test_content_is_as_good_as_an_id(catalogue, put, text):
    put('11111111-1')
    two = put('22222222-2', sha256='b' * 64)
    assert find(catalogue, text) == two


def test_images_of_other_content_are_not_told_apart(catalogue, put):
    put('11111111-1', sha256='b' * 8 + '1' * 56)
    put('11111111-2', sha256='b' * 8 + '2' * 56)
    for text in '11111111', 'b' * 8:
        with pytest.raises(exceptions.InvalidInput, match='2 images'):
            find(catalogue, text)


def test_content_of_two_names_is_not_told_apart(catalogue, put):
    put('11111111-1')
    put('22222222-2', name='other')
    with pytest.raises(exceptions.InvalidInput, match='2 images'):
        find(catalogue, 'a' * 64)


def test_of_the_same_content_the_one_in_service_is_meant(catalogue, put):
    put('11111111-1', state=RETIRED)
    two = put('22222222-2', state=CURRENT)
    assert find(catalogue, 'a' * 64) == two


def test_image_of_unknown_content_is_none_other(catalogue, put):
    put('11111111-1', sha256='')
    put('11111111-2', sha256='')
    with pytest.raises(exceptions.InvalidInput, match='2 images'):
        find(catalogue, '11111111')


@pytest.mark.parametrize('first', [CANDIDATE, CURRENT])
def test_command_says_which_image_of_a_name_is_meant(catalogue, put, first):
    ids = {
        CANDIDATE: put('11111111-1'),
        CURRENT: put('22222222-2', state=CURRENT, sha256='b' * 64),
    }
    assert find(catalogue, 'n', first) == ids[first]


def test_candidates_own_name_tells_which_one(catalogue, put):
    put('11111111-1')
    two = put('22222222-2', sha256='b' * 64)
    assert find(catalogue, 'n.candidate-22222222', CURRENT) == two


def test_name_is_not_enough_where_an_id_is_wanted(catalogue, put):
    one = put('11111111-1')
    assert image_names.by_id(catalogue, one[:8]).id == one
    with pytest.raises(exceptions.InvalidInput, match='is a name'):
        image_names.by_id(catalogue, 'n')
    with pytest.raises(exceptions.NotFound):
        image_names.by_id(catalogue, 'other')


def test_image_of_a_name_by_its_content(catalogue, put):
    one = put('11111111-1')
    put('22222222-2', name='other')
    assert image_names.of_name(catalogue, 'n', 'a' * 8).id == one
    with pytest.raises(exceptions.InvalidInput, match='but of other'):
        image_names.of_name(catalogue, 'n', '22222222')
    with pytest.raises(exceptions.NotFound) as caught:
        image_names.of_name(catalogue, 'othre', '33333333')
    assert caught.value.hint == 'did you mean "other"?'
