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

"""Promote, roll back, retire, revoke and adopt on a fake Glance."""

import datetime
import io
import uuid

import pytest

from image_pipeline import exceptions
from image_pipeline.catalogues import (
    base,
    glance_desk,
    glance_intents,
    glance_records,
    glance_swap,
)
from image_pipeline.testing import (
    fake_glance,
    fake_images,
    fakes,
    interleaving,
)

NAME = 'debian-12'
PROJECT = 'project'


@pytest.fixture
def service():
    return fake_glance.FakeGlance()


@pytest.fixture
def place(service):
    return Place(service)


class Place:
    """A service, and whoever comes to it."""

    def __init__(self, service):
        self.service = service
        self.images = fake_images.FakeImages(service, project=PROJECT)
        self.count = 0

    def swaps(self, images=None, *, host='host', lives=False, **target):
        """Return a process's view; no other one is alive."""
        self.count += 1
        return glance_swap.Swaps(
            images or self.images,
            fakes.target('cloud', catalogue='glance', **target),
            project_id=PROJECT,
            me=glance_desk.Client(
                host=host,
                process=f'{self.count}.1',
                lives=lambda process: lives,
            ),
            clock=interleaving.Clock(self.service),
        )

    def candidate(self, data=b'data', *, name=NAME):
        image_id = str(uuid.uuid4())
        self.images.create(
            image_id,
            name=f'{name}.candidate-{image_id[:8]}',
            disk_format='raw',
            hidden=True,
            properties={
                glance_records.ID: image_id,
                glance_records.NAME: name,
                glance_records.STATE: 'candidate',
                glance_records.SHA256: data.hex(),
                'os_distro': 'debian',
            },
        )
        self.images.upload(image_id, io.BytesIO(data), len(data))
        return image_id

    def by_hand(self, images=None, *, name=NAME, **said):
        image_id = str(uuid.uuid4())
        client = images or self.images
        client.create(image_id, name=name, disk_format='raw', **said)
        client.upload(image_id, io.BytesIO(b'x'), 1)
        return image_id

    def current(self, data=b'old', **target):
        image_id = self.candidate(data)
        self.swaps(**target).promote(image_id)
        return image_id

    def visible(self):
        return [
            one.id
            for one in self.service.images.values()
            if not one.hidden and one.name == NAME
        ]

    def check_one(self, request):
        assert len(self.visible()) <= 1

    def state(self, image_id):
        return self.service.images[image_id].properties[glance_records.STATE]

    def left(self):
        return [
            key
            for one in self.service.images.values()
            for prefix in (glance_intents.SWAP, glance_intents.HANDOVER)
            for key in glance_intents.keys(one, prefix)
        ]


def patches(images):
    return [one.image_id for one in images.requests if one.method == 'patch']


def test_promotion_takes_four_patches_and_hides_first(place):
    old = place.current()
    new = place.candidate(b'new')
    images = fake_images.FakeImages(place.service, project=PROJECT)
    seen = []
    images.after.append(lambda request: seen.append(place.visible()))
    swap = place.swaps(images).promote(new, reason='a fix')
    assert patches(images) == [new, old, new, old]
    assert [one for one in seen if len(one) > 1] == []
    assert swap.current.id == new
    assert swap.former.id == old
    image = place.service.images[new]
    assert (image.name, image.protected) == (NAME, True)
    assert image.properties['os_distro'] == 'debian'
    assert place.left() == []


def test_target_may_leave_images_unprotected(place):
    new = place.current(protect=False)
    assert not place.service.images[new].protected


@pytest.mark.parametrize('after', [False, True])
@pytest.mark.parametrize('first', [False, True])
def test_promotion_may_die_at_any_request(place, after, first):
    finished = undone = 0
    for at in range(100):
        # A name that had an image has one again, and never two.
        service = fake_glance.FakeGlance()
        other = Place(service)
        old = None if first else other.current()
        new = other.candidate(b'new')
        images = fake_images.FakeImages(service, project=PROJECT)
        images.die(at, after=after)
        images.before.append(other.check_one)
        try:
            other.swaps(images).promote(new)
        except fake_images.Died:
            pass
        else:
            break
        said = other.swaps().recover()
        assert other.left() == []
        assert len(other.visible()) == (not first) or other.visible() == [new]
        if other.visible() == [new]:
            assert other.state(new) == 'current'
            assert first or other.state(old) == 'previous'
            finished += 1
        else:
            assert other.state(new) == 'candidate'
            assert other.service.images[new].visibility == 'private'
            undone += 1
        assert other.swaps().recover() == []
        assert all(NAME in line for line in said)
    else:
        pytest.fail('it comes to no end')
    assert finished
    assert undone


@pytest.mark.parametrize('after', [False, True])
def test_rollback_may_die_at_any_request(after):
    for at in range(100):
        place = Place(fake_glance.FakeGlance())
        old = place.current()
        bad = place.current(b'bad')
        images = fake_images.FakeImages(place.service, project=PROJECT)
        images.die(at, after=after)
        try:
            place.swaps(images).roll_back(NAME, reason='broken')
        except fake_images.Died:
            pass
        else:
            break
        place.swaps().recover()
        assert place.left() == []
        assert place.visible() in ([old], [bad])
        rolled = place.visible() == [old]
        assert place.state(bad) == ('rejected' if rolled else 'current')
        assert place.state(old) == ('current' if rolled else 'previous')
    else:
        pytest.fail('it comes to no end')


def test_next_command_says_what_it_finished(place):
    old = place.current()
    new = place.candidate(b'new')
    images = fake_images.FakeImages(place.service, project=PROJECT)
    dead = place.swaps(images)

    def die_before_it_is_shown(request):
        if place.service.images[old].hidden:
            raise fake_images.Died

    images.before.append(die_before_it_is_shown)
    with pytest.raises(fake_images.Died):
        dead.promote(new)
    assert place.visible() == []
    other = place.candidate(b'other')
    swap = place.swaps().promote(other)
    assert swap.former.id == new
    assert len(swap.notes) == 1
    assert f'finished the promotion of image {new}' in swap.notes[0]


def test_image_that_is_gone_lets_the_former_one_come_back(place):
    old = place.current()
    new = place.candidate(b'new')
    images = fake_images.FakeImages(place.service, project=PROJECT)

    def gone(request):
        if place.service.images[old].hidden:
            place.images.delete(new)
            images.before.remove(gone)

    images.before.append(gone)
    with pytest.raises(exceptions.NotFound):
        place.swaps(images).promote(new)
    assert place.visible() == [old]
    assert (place.state(old), place.left()) == ('current', [])


def test_image_that_cannot_be_shown_lets_the_former_one_come_back(place):
    old = place.current()
    new = place.candidate(b'new')
    images = fake_images.FakeImages(place.service, project=PROJECT)

    def refuse(request):
        hidden = place.service.images[old].hidden
        if hidden and (request.method, request.image_id) == ('patch', new):
            image = place.service.images[new]
            if glance_intents.of(image):
                raise exceptions.Forbidden('no')

    images.before.append(refuse)
    with pytest.raises(exceptions.PipelineError):
        place.swaps(images).promote(new)
    # Its own user may do nothing more; another one may.
    place.swaps().recover()
    assert len(place.visible()) == 1
    assert place.left() == []


def test_service_that_fails_for_a_moment_is_no_obstacle(place):
    old = place.current()
    new = place.candidate(b'new')
    images = fake_images.FakeImages(place.service, project=PROJECT)
    failures = []

    def fail(request):
        hidden = place.service.images[old].hidden
        if request.method == 'patch' and hidden and len(failures) < 2:
            failures.append(request)
            raise exceptions.Unavailable('down')

    images.after.append(fail)
    assert place.swaps(images).promote(new).current.id == new
    assert len(failures) == 2
    assert (place.visible(), place.left()) == ([new], [])


def test_promotion_is_done_even_if_nobody_can_tidy_up(place):
    place.current()
    new = place.candidate(b'new')
    images = fake_images.FakeImages(place.service, project=PROJECT)

    def fail(request):
        if request.method == 'patch' and place.visible() == [new]:
            raise exceptions.Unavailable('it is down')

    images.before.append(fail)
    swap = place.swaps(images).promote(new)
    assert swap.current.id == new
    assert swap.notes == ('the image is current, but it is down',)
    assert len(place.left()) == 1
    assert place.swaps().recover() == []
    assert place.left() == []


def test_requests_that_are_repeated_after_a_silence_do_no_harm(place):
    old = place.current()
    new = place.candidate(b'new')
    images = fake_images.FakeImages(place.service, project=PROJECT)
    seen = []

    def patch(image_id, changes=None, remove=()):
        type(images).patch(images, image_id, changes, remove)
        seen.append(place.visible())
        return type(images).patch(images, image_id, changes, remove)

    images.patch = patch
    swap = place.swaps(images).promote(new)
    assert (swap.current.id, swap.former.id) == (new, old)
    # Nobody was shown again in between.
    assert seen == [[old], [], [new], [new]]
    assert place.left() == []
    assert place.swaps(images).retire(old).state == 'retired'
    assert place.swaps(images).revoke(new, reason='x', force=True)
    made = place.by_hand()
    assert place.swaps(images).adopt(made, name=NAME).state == 'current'
    assert place.left() == []


def test_intent_of_another_host_holds_for_a_lease(place):
    place.current()
    new = place.candidate(b'new')
    images = fake_images.FakeImages(place.service, project=PROJECT)
    images.die(7)
    with pytest.raises(fake_images.Died):
        place.swaps(images, host='other').promote(new)
    assert len(place.left()) == 1
    # Who only looks leaves it alone; who changes something waits.
    assert place.swaps(lives=True).recover() == []
    assert len(place.left()) == 1
    before = place.service.time
    swap = place.swaps(lives=True).promote(new)
    waited = (place.service.time - before).total_seconds()
    assert waited > glance_desk.LEASE / 2
    assert 'took back the promotion' in swap.notes[0]
    assert place.visible() == [new]


def test_dead_process_of_this_host_is_not_waited_for(place):
    place.current()
    new = place.candidate(b'new')
    images = fake_images.FakeImages(place.service, project=PROJECT)
    images.die(7)
    with pytest.raises(fake_images.Died):
        place.swaps(images).promote(new)
    before = place.service.time
    place.swaps().promote(new)
    assert (place.service.time - before).total_seconds() < glance_desk.LEASE


def test_promoter_that_is_late_at_any_request_does_no_harm():
    for at in range(100):
        place = Place(fake_glance.FakeGlance())
        place.current()
        new, other = place.candidate(b'new'), place.candidate(b'other')
        images = fake_images.FakeImages(place.service, project=PROJECT)

        def sleep(request, at=at, place=place, other=other):
            if request.number == at:
                place.service.time += datetime.timedelta(
                    seconds=glance_desk.LEASE + 1
                )
                fresh = fake_images.FakeImages(place.service, project=PROJECT)
                fresh.before.append(place.check_one)
                place.swaps(fresh, lives=True).promote(other)
            place.check_one(request)

        images.before.append(sleep)
        images.after.append(place.check_one)
        place.swaps(images, lives=True).promote(new)
        assert len(place.visible()) == 1
        assert place.left() == []
        assert sorted(place.state(one) for one in place.service.images) in (
            ['current', 'previous', 'previous'],
            ['candidate', 'current', 'previous'],
        )
        if len(images.requests) <= at:
            break
    else:
        pytest.fail('it comes to no end')


def test_promotion_that_was_replaced_at_once_is_not_done_again(place):
    place.current()
    new, other = place.candidate(b'new'), place.candidate(b'other')
    images = fake_images.FakeImages(place.service, project=PROJECT)

    def replace(request):
        if place.visible() == [new]:
            images.after.remove(replace)
            place.swaps(lives=True).promote(other)

    images.after.append(replace)
    place.swaps(images, lives=True).promote(new)
    assert place.visible() == [other]
    assert place.state(new) == 'previous'


def test_public_is_refused_before_anything_changes(place):
    old = place.current()
    new = place.candidate(b'new')
    before = dict(place.service.images)
    with pytest.raises(exceptions.Forbidden):
        place.swaps(visibility='public').promote(new)
    assert place.service.images == before
    assert place.visible() == [old]


def test_members_are_copied_and_reported(place):
    old = place.current(visibility='shared', members=('a',))
    users = {
        name: fake_images.FakeImages(place.service, project=name)
        for name in 'abc'
    }
    for name in 'bc':
        place.images.add_member(old, name)
    users['b'].set_member(old, 'b', 'accepted')
    users['c'].set_member(old, 'c', 'rejected')
    new = place.candidate(b'new')
    swap = place.swaps(visibility='shared', members=('d',)).promote(new)
    assert swap.members == tuple(
        base.Member(project=name, status='pending') for name in 'abd'
    )
    assert 'a (pending), b (pending), d (pending)' in swap.notes[0]
    assert place.service.images[new].properties[glance_records.EXPOSED]


def test_image_made_by_hand_is_an_obstacle_that_can_be_adopted(place):
    other = place.by_hand()
    new = place.candidate()
    before = dict(place.service.images)
    with pytest.raises(exceptions.StateConflict) as refused:
        place.swaps().promote(new)
    assert other in refused.value.message
    assert f'image adopt {other}' in refused.value.hint
    with pytest.raises(exceptions.StateConflict):
        place.swaps().promote(new, force=True)
    assert place.service.images == before
    record = place.swaps().adopt(other, name=NAME, reason='by hand')
    assert (record.state, record.hidden) == ('current', False)
    assert (record.sha256, len(record.sha512)) == ('', 128)
    swap = place.swaps().promote(new)
    assert swap.former.id == other
    assert place.swaps().roll_back(NAME).current.id == other


def test_image_made_by_hand_meanwhile_is_told(place):
    old = place.current()
    new = place.candidate(b'new')
    images = fake_images.FakeImages(place.service, project=PROJECT)
    made = []

    def make(request):
        if place.service.images[old].hidden and not made:
            made.append(place.by_hand())

    images.after.append(make)
    swap = place.swaps(images).promote(new)
    assert made[0] in swap.notes[0]
    assert 'users see both' in swap.notes[0]


def test_public_image_of_others_is_an_obstacle_unless_forced(place):
    admin = fake_images.FakeImages(place.service, project='x', admin=True)
    other = place.by_hand(admin, visibility='public')
    new = place.candidate()
    with pytest.raises(exceptions.StateConflict, match=other):
        place.swaps().promote(new)
    swap = place.swaps().promote(new, force=True)
    assert other in swap.notes[0]


def test_private_images_of_others_are_none_of_ours(place):
    other = fake_images.FakeImages(place.service, project='x')
    place.by_hand(other)
    new = place.candidate()
    admin = fake_images.FakeImages(place.service, project=PROJECT, admin=True)
    assert place.swaps(admin).promote(new).current.id == new


def test_shared_image_of_others_counts_once_it_is_accepted(place):
    other = fake_images.FakeImages(place.service, project='x')
    image_id = place.by_hand(other, visibility='shared')
    other.add_member(image_id, PROJECT)
    place.current()
    place.images.set_member(image_id, PROJECT, 'accepted')
    with pytest.raises(exceptions.StateConflict, match=image_id):
        place.swaps().promote(place.candidate(b'new'))


def test_snapshot_of_a_server_is_not_taken_for_its_image(place):
    old = place.current()
    image = place.service.images[old]
    snapshot = str(uuid.uuid4())
    place.images.create(
        snapshot,
        name='snap',
        disk_format='raw',
        properties={**image.properties, 'base_image_ref': old},
    )
    place.images.upload(snapshot, io.BytesIO(b'x'), 1)
    assert place.swaps().recover() == []
    new = place.candidate(b'new')
    swap = place.swaps().promote(new)
    assert (swap.former.id, swap.notes) == (old, ())
    assert place.service.images[snapshot].properties['base_image_ref'] == old
    usage = place.swaps().usage(old)
    assert usage.in_use
    assert f'({snapshot}) was made of it' in usage.users[0]
    assert len(usage.users) == 1
    with pytest.raises(exceptions.NotFound):
        place.swaps().promote(snapshot)
    # It can be adopted, and is a candidate without a past then.
    record = place.swaps().adopt(snapshot, name='other')
    assert (record.state, record.promoted_at) == ('candidate', None)
    assert record.hidden


def test_adopted_image_is_previous_where_another_one_is_current(place):
    old = place.current()
    other = place.by_hand()
    record = place.swaps().adopt(other, name=NAME)
    assert (record.state, record.name) == ('previous', NAME)
    assert place.visible() == [old]
    assert place.swaps().roll_back(NAME).current.id == other


def test_adopted_image_is_read_if_asked_to(place):
    other = place.by_hand()
    record = place.swaps().adopt(other, name=NAME, read=True)
    assert record.sha256 == (
        '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'
    )


def test_adopting_again_changes_nothing(place):
    other = place.by_hand()
    first = place.swaps().adopt(other, name=NAME)
    assert place.swaps().adopt(other, name=NAME) == first
    with pytest.raises(exceptions.StateConflict):
        place.swaps().adopt(other, name='other')


def test_adoption_that_died_is_taken_back(place):
    other = place.by_hand()
    before = place.service.images[other].properties
    for at in range(50):
        images = fake_images.FakeImages(place.service, project=PROJECT)
        images.die(at)
        try:
            place.swaps(images).adopt(other, name=NAME)
        except fake_images.Died:
            place.swaps().recover()
        else:
            break
        assert place.service.images[other].properties == before
    assert place.state(other) == 'current'


def test_image_of_another_project_is_not_adopted(place):
    other = fake_images.FakeImages(place.service, project='x')
    image_id = place.by_hand(other, visibility='community')
    with pytest.raises(exceptions.StateConflict, match='belongs to'):
        place.swaps().adopt(image_id, name=NAME)


def test_deletion_is_asked_for_twice(place):
    old = place.current()
    place.current(b'new')
    with pytest.raises(exceptions.StateConflict) as refused:
        place.swaps().retire(old, delete=True)
    assert 'delete = true in [target:cloud]' in refused.value.hint
    assert place.state(old) == 'previous'
    place.swaps(delete=True).retire(old, delete=True)
    assert old not in place.service.images


def test_image_that_is_gone_when_it_is_to_be_deleted_is_deleted(place):
    image_id = place.candidate()
    images = fake_images.FakeImages(place.service, project=PROJECT)

    def repeat(request):
        if request.method == 'delete':
            place.images.delete(image_id)

    images.before.append(repeat)
    place.swaps(images).discard(image_id, reason='newer ones exist')
    assert image_id not in place.service.images


def test_retired_image_is_not_protected_any_more(place):
    old = place.current()
    place.current(b'new')
    assert place.service.images[old].protected
    place.swaps().retire(old)
    assert not place.service.images[old].protected


def test_image_that_others_may_use_is_not_deleted(place):
    old = place.current(visibility='community')
    place.current(b'new')
    usage = place.swaps().in_use(old)
    assert (usage.in_use, usage.users) == (None, ())
    assert usage.unseen == (
        'servers, volumes and snapshots of other projects',
    )
    with pytest.raises(exceptions.StateConflict, match='could not be found'):
        place.swaps(delete=True).retire(old, delete=True)
    assert place.state(old) == 'previous'
    # Making it private again does not help: it may have been used.
    place.images.patch(old, {'visibility': 'private'})
    assert place.swaps().in_use(old).in_use is None


def test_members_use_an_image(place):
    old = place.current(visibility='shared', members=('a',))
    usage = place.swaps().in_use(old)
    assert usage.in_use
    assert usage.users == ('shared with project a (pending)',)


def test_digest_of_a_deleted_image_stays_rejected(place):
    place.current()
    bad = place.current(b'bad')
    place.swaps().roll_back(NAME)
    place.swaps(delete=True).retire(bad, delete=True)
    kept = [
        glance_records.rejects(one) for one in place.service.images.values()
    ]
    assert kept == [[b'bad'.hex()]]


def test_revoked_image_is_deactivated(place):
    old = place.current()
    bad = place.current(b'bad')
    record = place.swaps().revoke(bad, reason='a key is in it')
    assert (record.state, record.reason) == ('rejected', 'a key is in it')
    assert place.service.images[bad].status == 'deactivated'
    assert place.visible() == [old]
    with pytest.raises(exceptions.StateConflict, match='is deactivated'):
        place.swaps().promote(bad, force=True)


def test_revoked_image_says_if_it_could_not_be_deactivated(place):
    place.current()
    bad = place.current(b'bad')

    def refuse(request):
        if request.method == 'deactivate':
            raise exceptions.Forbidden('not you')

    images = fake_images.FakeImages(place.service, project=PROJECT)
    images.before.append(refuse)
    with pytest.raises(exceptions.Forbidden) as refused:
        place.swaps(images).revoke(bad, reason='leaked')
    assert 'is hidden and rejected, but' in refused.value.message
    assert f'--deactivate {bad}' in refused.value.hint
    assert place.state(bad) == 'rejected'


def test_rollback_passes_over_what_is_deactivated(place):
    oldest = place.current(b'1')
    old = place.current(b'2')
    place.current(b'3')
    place.images.deactivate(old)
    assert place.swaps().roll_back(NAME).current.id == oldest


def test_two_visible_images_of_ours_become_one_again(place):
    old = place.current()
    new = place.current(b'new')
    place.images.patch(old, {'os_hidden': False})
    said = place.swaps().recover()
    assert place.visible() == [new]
    assert said == [f'{NAME}: hid {old}, as {new} is current']


def test_patch_that_was_under_way_all_the_time_is_repaired(place):
    old = place.current()
    new = place.candidate(b'new')
    other = fake_images.FakeImages(place.service, project=PROJECT)

    def meanwhile(image_id):
        # Somebody sets a property: Glance has read the image, and now the
        # whole promotion comes, before it writes it back.
        place.service.torn = lambda image_id: None
        place.swaps().promote(new)

    place.service.torn = meanwhile
    other.patch(old, {'note': 'x'})
    place.swaps().recover()
    assert place.visible() == [new]
    assert (place.state(old), place.state(new)) == ('previous', 'current')
