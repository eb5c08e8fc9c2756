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

"""Clients that change images of a name at once, die, and are late.

Whatever they do: at every moment at most one image of a name is visible; in
the end somebody else recovers, and nothing is lost.
"""

import datetime
import uuid

import hypothesis
from hypothesis import stateful
from hypothesis import strategies as st

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
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
STATE = artifact.ImageState
#: Somebody does some requests, and then something happens.
SCHEDULES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(1, 16) | st.just(60),
        st.sampled_from(interleaving.Event),
    ),
    max_size=14,
).map(
    lambda parts: [
        turn
        for number, steps, event in parts
        for turn in [(number, interleaving.Event.STEP)] * steps
        + [(number, event)]
    ]
)
#: What a client does, and to which image.
WORK = st.tuples(
    st.sampled_from(
        [
            'promote',
            'promote',
            'promote',
            'force',
            'roll_back',
            'retire',
            'revoke',
            'withdraw',
            'take_back',
            'recover',
        ]
    ),
    st.integers(0, 9),
)


class SwapMachine(stateful.RuleBasedStateMachine):
    """A service, and clients that come and go."""

    def __init__(self):
        super().__init__()
        self.service = fake_glance.FakeGlance()
        self.count = 0
        self.dead = set()
        self.target = fakes.target(catalogue='glance', visibility='shared')

    def swaps(self, client):
        return glance_swap.Swaps(
            client.images,
            self.target,
            project_id='project',
            me=client.me(lambda process: process not in self.dead),
            clock=client.clock,
        )

    def client(self, work):
        self.count += 1
        return interleaving.Client(f'client-{self.count}', self.service, work)

    def ids(self):
        return [
            one.id
            for one in self.service.images.values()
            if glance_records.is_registered(one)
        ]

    def work(self, what, number):
        """Return what a client does with one of the images."""

        def do(client):
            swaps = self.swaps(client)
            known = self.ids()
            one = known[number % len(known)]
            match what:
                case 'promote':
                    return swaps.promote(one, reason='because')
                case 'force':
                    return swaps.promote(one, force=True)
                case 'roll_back':
                    return swaps.roll_back(NAME, reason='broken')
                case 'retire':
                    return swaps.retire(one)
                case 'revoke':
                    return swaps.revoke(one, reason='leaked')
                case 'withdraw':
                    return swaps.revoke(one, reason='leaked', force=True)
                case 'take_back':
                    return swaps.take_back(swaps.promote(one))
                case _:
                    return swaps.recover()

        return do

    def run(self, works, schedule):
        clients = [self.client(self.work(*one)) for one in works]

        def look():
            self.dead |= {one.name for one in clients if one.dead}
            self.at_most_one_is_visible()

        interleaving.run(self.service, clients, schedule, look=look)
        return clients

    @stateful.initialize(promoted=st.booleans())
    def first(self, promoted):
        for _ in range(3):
            self.register()
        if promoted:
            self.run([('promote', 0)], [])

    @stateful.rule()
    def one_more(self):
        self.register()

    def register(self):
        image_id = str(uuid.UUID(int=len(self.service.images) + 1, version=4))
        sha256 = f'{len(self.service.images):064}'
        client = fake_images.FakeImages(self.service)
        client.create(
            image_id,
            name=f'{NAME}.candidate-{sha256[-8:]}',
            disk_format='raw',
            hidden=True,
            properties={
                glance_records.ID: image_id,
                glance_records.NAME: NAME,
                glance_records.STATE: 'candidate',
                glance_records.SHA256: sha256,
            },
        )
        self.service.fill(image_id, b'data', None)

    @stateful.rule(
        works=st.lists(WORK, min_size=1, max_size=3), when=SCHEDULES
    )
    def work_at_once(self, works, when):
        before = set(self.service.images)
        current = self.visible()
        clients = self.run(works, when)
        # Nobody waits for the dead.
        self.service.time += datetime.timedelta(seconds=2 * glance_desk.LEASE)
        self.run([('recover', 0)], [])
        assert set(self.service.images) == before, 'an image is lost'
        if 'withdraw' not in {what for what, _ in works}:
            assert self.visible() or not current, 'users have no image'
        self.is_sound()
        if interleaving.Event.LATE not in {event for _, event in when}:
            for client in clients:
                assert not isinstance(client.error, exceptions.Unavailable)

    def visible(self):
        return [one for one in self.service.images.values() if not one.hidden]

    @stateful.invariant()
    def at_most_one_is_visible(self):
        assert len(self.visible()) <= 1, 'two visible images of a name'

    def is_sound(self):
        """Nobody is at it, so records and listings agree."""
        records = []
        for image in self.service.images.values():
            for prefix in (glance_intents.SWAP, glance_intents.HANDOVER):
                assert not glance_intents.keys(image, prefix)
            assert glance_intents.WIDENED not in image.properties
            reigns = glance_intents.keys(image, glance_intents.REIGN)
            record = glance_records.record(image)
            records.append(record)
            assert record.hidden == (record.state != STATE.CURRENT), record
            assert len(reigns) == (record.state == STATE.CURRENT)
            if record.state == STATE.CANDIDATE:
                assert image.name != NAME
                assert record.visibility == 'private'
            if record.state == STATE.CURRENT:
                assert image.name == NAME
                assert (image.visibility, image.protected) == ('shared', True)
                assert record.promoted_at
            if record.state == STATE.RETIRED:
                assert not image.protected
        current = [one for one in records if one.state == STATE.CURRENT]
        assert [one.id for one in current] == [
            one.id for one in self.visible()
        ]


TestSwapMachine = SwapMachine.TestCase
TestSwapMachine.settings = hypothesis.settings(
    max_examples=40,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
