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

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base, states

STATE = artifact.ImageState
NOW = '2026-11-21T12:00:00Z'
IMAGE = artifact.Artifact(
    kind=artifact.IMAGE,
    path=None,
    digest='sha256:' + 'ab' * 32,
    size=512,
    properties={'sha512': 'c' * 128, 'virtual_size': 1024, 'format': 'raw'},
)


def new(image_id='1', image=IMAGE, name='debian-12', *, rejected=False):
    return states.candidate(
        image,
        image_id=image_id,
        name=name,
        recipe='r',
        run_id='run-1',
        properties={'os_distro': 'debian'},
        tags=['t'],
        created_at='2026-01-01T00:00:00Z',
        rejected=rejected,
    )


def image(image_id='1', state=STATE.CANDIDATE, **changes):
    """An image in a state, as that state looks."""
    changes.setdefault('hidden', state != STATE.CURRENT)
    if state != STATE.CANDIDATE:
        changes.setdefault('name', 'debian-12')
    return dataclasses.replace(new(image_id), state=state, **changes)


def promote(record, former=None, **options):
    given = {'visibility': 'public', 'reason': None, 'force': False}
    return states.promote(record, former, now=NOW, **given | options)


def test_candidate_is_private_hidden_and_bears_another_name():
    found = new()
    assert (found.state, found.visibility, found.hidden) == (
        STATE.CANDIDATE,
        'private',
        True,
    )
    assert found.name == 'debian-12.candidate-abababab'
    assert found.final_name == 'debian-12'
    assert found.sha256 == 'ab' * 32


def test_content_that_was_rolled_back_comes_rejected_with_the_reason():
    found = new(rejected=True)
    assert found.state == STATE.REJECTED
    assert found.reason == 'the same content was rolled back before'
    assert found.hidden
    assert new().reason is None


def test_registering_again_changes_properties_and_tags_only():
    there = image('1', STATE.CURRENT)
    found = states.updated(there, properties={'a': 'b'}, tags=['u'])
    assert found == dataclasses.replace(
        there, properties={'a': 'b'}, tags=('u',)
    )


def test_images_are_listed_the_newest_first():
    records = [
        image('1', STATE.CURRENT, created_at='2026-01-02'),
        image('2', created_at='2026-01-03'),
        image('3', created_at='2026-01-01'),
        image('4', created_at='2026-01-04', final_name='debian-13'),
    ]

    def ids(name=None, wanted=()):
        found = states.listed(records, name=name, states=wanted)
        return [one.id for one in found]

    assert ids() == ['4', '2', '1', '3']
    assert ids('debian-12') == ['2', '1', '3']
    assert ids('debian-12', [STATE.CANDIDATE]) == ['2', '3']
    assert ids(wanted=[STATE.CURRENT, STATE.RETIRED]) == ['1']


@pytest.mark.parametrize('state', sorted(set(STATE) - {STATE.RETIRED}))
def test_same_content_is_the_image_that_is_there(state):
    there = image('1', state)
    assert states.same_content([image('2', sha256='0'), there], IMAGE,
                               'debian-12') is there  # fmt: skip


@pytest.mark.parametrize(
    'other',
    [
        {'state': STATE.RETIRED},
        {'final_name': 'debian-13'},
        {'format': 'qcow2'},
        {'sha256': '00' * 32},
    ],
)
def test_what_differs_in_anything_that_counts_is_another_image(other):
    there = dataclasses.replace(image(), **other)
    assert states.same_content([there], IMAGE, 'debian-12') is None


def test_promotion_gives_users_the_image_and_hides_the_former():
    former = image('1', STATE.CURRENT, visibility='public')
    swap = promote(image('2'), former, reason='it is good')
    assert swap.current == image(
        '2',
        STATE.CURRENT,
        name='debian-12',
        visibility='public',
        promoted_at=NOW,
        previous_id='1',
        reason='it is good',
    )
    assert swap.former == dataclasses.replace(
        former, state=STATE.PREVIOUS, hidden=True
    )


def test_former_image_keeps_its_name():
    swap = promote(image('2'), image('1', STATE.CURRENT))
    assert swap.former.name == 'debian-12'


def test_first_promotion_has_no_former():
    swap = promote(image())
    assert swap.former is None
    assert swap.current.previous_id is None


def test_retired_image_is_not_promoted_even_by_force():
    with pytest.raises(exceptions.StateConflict, match='is retired'):
        promote(image('1', STATE.RETIRED), force=True)


def test_rejected_image_is_promoted_by_force_only():
    rejected = image('1', STATE.REJECTED, reason='it burns')
    with pytest.raises(exceptions.StateConflict) as caught:
        promote(rejected)
    assert caught.value.message == 'debian-12 (1) was rejected: it burns'
    assert 'image promote --force 1' in caught.value.hint
    swap = promote(rejected, force=True)
    assert swap.current.state == STATE.CURRENT
    assert swap.current.reason is None


def back(*records, name='debian-12'):
    return states.roll_back(records, name, reason='it burns', now=NOW)


def test_rollback_brings_back_what_the_current_one_replaced():
    swap = back(
        image('1', STATE.PREVIOUS, promoted_at='2026-01-01'),
        image('2', STATE.PREVIOUS, promoted_at='2026-02-01'),
        image('3', STATE.CURRENT, previous_id='1'),
    )
    assert (swap.current.id, swap.former.id) == ('1', '3')
    assert swap.current.state == STATE.CURRENT
    assert not swap.current.hidden
    assert swap.current.promoted_at == NOW
    assert swap.former.state == STATE.REJECTED
    assert swap.former.hidden
    assert swap.former.reason == 'it burns'


def test_rollback_takes_the_latest_where_that_is_gone():
    swap = back(
        image('1', STATE.PREVIOUS, promoted_at='2026-01-01'),
        image('2', STATE.PREVIOUS, promoted_at='2026-02-01'),
        image('3', STATE.CURRENT, previous_id='gone'),
    )
    assert swap.current.id == '2'


def test_rollback_never_takes_an_image_of_another_name():
    other = dataclasses.replace(
        image('1', STATE.PREVIOUS), final_name='debian-13'
    )
    with pytest.raises(exceptions.StateConflict, match='no previous image'):
        back(other, image('3', STATE.CURRENT))


def test_rollback_without_a_current_image_is_refused():
    with pytest.raises(exceptions.StateConflict, match='no current image'):
        back(image('1', STATE.PREVIOUS))


def test_rollback_of_an_unknown_name_is_guessed_at():
    with pytest.raises(exceptions.NotFound) as caught:
        back(image('1', STATE.CURRENT), name='debain-12')
    assert caught.value.hint == 'did you mean "debian-12"?'
    with pytest.raises(exceptions.NotFound) as caught:
        back(image('1', STATE.CURRENT), name='x')
    assert 'image list' in caught.value.hint


@pytest.mark.parametrize('state', sorted(set(STATE) - {STATE.CURRENT}))
def test_any_image_but_the_current_one_is_retired(state):
    found = states.retire(image('1', state, reason='old'), reason=None)
    assert (found.state, found.hidden, found.reason) == (
        STATE.RETIRED,
        True,
        'old',
    )
    assert states.retire(found, reason='new').reason == 'new'


def test_current_image_is_never_retired():
    with pytest.raises(exceptions.StateConflict) as caught:
        states.retire(image('1', STATE.CURRENT), reason=None)
    assert caught.value.hint == 'promote another one first'


def test_current_image_is_that_of_the_name():
    one = image('1', STATE.CURRENT)
    other = dataclasses.replace(one, id='2', final_name='debian-13')
    assert states.current([image('3'), other, one], 'debian-12') is one
    assert states.current([image('3'), other], 'debian-12') is None


def test_change_of_properties_leaves_everything_else():
    found = states.changed(image(), {'os_distro': None, 'os_version': '12'})
    assert found == image(properties={'os_version': '12'})


@pytest.mark.parametrize('key', ['', 'image_pipeline_x', 'os_glance_x'])
def test_reserved_properties_are_not_set(key):
    with pytest.raises(exceptions.InvalidInput):
        states.changed(image(), {key: None})


TESTED = base.Tested(sha256='ab' * 32, ram=512)


def test_least_memory_that_was_found_out_outlives_a_registration():
    found = states.changed(image(), {'min_ram': '512'}, TESTED)
    assert (found.tested_sha256, found.tested_ram) == ('ab' * 32, 512)
    again = states.updated(found, properties={'a': '1'}, tags=[])
    assert again.properties == {'a': '1', 'min_ram': '512'}
    again = states.updated(found, properties={'min_ram': '256'}, tags=[])
    assert again.properties == {'min_ram': '256'}


def test_least_memory_that_a_person_said_does_not_outlive_a_registration():
    found = states.changed(image(), {'min_ram': '2048'}, TESTED)
    again = states.updated(found, properties={}, tags=[])
    assert again.properties == {}


def test_rollback_goes_where_it_is_asked_to():
    found = [
        image('1', STATE.PREVIOUS, promoted_at='2026-01-01T00:00:00Z'),
        image('2', STATE.PREVIOUS, promoted_at='2026-02-01T00:00:00Z'),
        image('3', STATE.CURRENT, previous_id='2'),
        image('4', STATE.REJECTED),
    ]

    def back(to):
        return states.roll_back(
            found, 'debian-12', to=to, reason=None, now=NOW
        ).current.id

    assert (back(None), back('1')) == ('2', '1')
    with pytest.raises(exceptions.StateConflict, match='is rejected, not'):
        back('4')
    with pytest.raises(exceptions.NotFound, match='no image 5'):
        back('5')


def test_content_of_an_adopted_image_is_known_by_its_sha512():
    adopted = image(sha256='', sha512='c' * 128)
    assert states.same_content([adopted], IMAGE, 'debian-12') is adopted
    other = dataclasses.replace(adopted, sha512='d' * 128)
    assert states.same_content([other], IMAGE, 'debian-12') is None
