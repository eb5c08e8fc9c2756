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

import datetime

import pytest

from image_pipeline import artifact
from image_pipeline.catalogues import policy

STATE = artifact.ImageState
NOW = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)


def image(image_id, state, days, *, name='debian-12', promoted=None):
    def ago(count):
        moment = NOW - datetime.timedelta(days=count)
        return moment.isoformat().replace('+00:00', 'Z')

    return artifact.ImageRecord(
        id=image_id,
        name=name,
        final_name=name,
        state=state,
        sha256='',
        sha512='',
        size=0,
        virtual_size=0,
        format='raw',
        visibility='private',
        hidden=True,
        created_at=ago(days),
        promoted_at=None if promoted is None else ago(promoted),
    )


def chosen(records, **options):
    found = policy.Policy(**options).choose(records, now=NOW)
    return {record.id: why for record, why in found}


FORMER = [
    image('b', STATE.PREVIOUS, 20),
    image('a', STATE.PREVIOUS, 30),
    image('c', STATE.PREVIOUS, 10),
]


def test_latest_former_images_stay():
    assert chosen(FORMER, keep=1) == {
        'b': 'number 2 of the previous ones',
        'a': 'number 3 of the previous ones',
    }
    assert chosen(FORMER, keep=3) == {}
    assert set(chosen(FORMER, keep=0)) == {'a', 'b', 'c'}


def test_former_images_of_each_name_are_counted_apart():
    other = image('d', STATE.PREVIOUS, 5, name='debian-13')
    assert set(chosen([*FORMER, other], keep=2)) == {'a'}


def test_images_that_were_rolled_back_are_counted_apart():
    bad = [image('x', STATE.REJECTED, 1), image('y', STATE.REJECTED, 2)]
    assert chosen([*FORMER, *bad], keep=1)['y'] == (
        'number 2 of the rejected ones'
    )
    assert 'x' not in chosen([*FORMER, *bad], keep=1)


def test_image_counts_from_its_promotion():
    late = image('z', STATE.PREVIOUS, 100, promoted=1)
    assert 'z' not in chosen([*FORMER, late], keep=1)
    assert 'c' in chosen([*FORMER, late], keep=1)


def test_what_is_younger_stays():
    assert chosen(FORMER, keep=0, older_than=15) == {
        'b': 'number 2 of the previous ones, 20 days old',
        'a': 'number 3 of the previous ones, 30 days old',
    }


def test_candidates_go_by_age_alone():
    candidate = image('n', STATE.CANDIDATE, 9)
    assert chosen([candidate], keep=0) == {}
    assert chosen([candidate], keep=5, older_than=8) == {
        'n': 'never promoted, 9 days old'
    }
    assert chosen([candidate], keep=0, older_than=10) == {}


def test_retired_images_are_chosen_for_deletion_only():
    retired = image('r', STATE.RETIRED, 9)
    assert chosen([retired], keep=0) == {}
    assert chosen([retired], keep=0, delete=True) == {'r': 'retired before'}
    assert chosen([retired], keep=0, delete=True, older_than=10) == {}


@pytest.mark.parametrize('older_than', [None, 0])
def test_current_image_always_stays(older_than):
    current = image('c', STATE.CURRENT, 1000)
    assert chosen([current], keep=0, older_than=older_than, delete=True) == {}
