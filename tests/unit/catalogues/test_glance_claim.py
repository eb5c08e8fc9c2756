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
import hashlib
import random
import threading
import uuid

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import glance_claim, glance_records, states
from image_pipeline.host import cancellation
from image_pipeline.testing import fake_images
from image_pipeline.testing.conformance import catalogue_fixtures

NAME = 'debian-12'


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(glance_claim, '_PAUSE', 0.0)


@pytest.fixture
def image(tmp_path):
    return catalogue_fixtures.make_image(tmp_path)


@pytest.fixture
def token():
    return cancellation.CancellationToken()


def fresh(image, image_id=None):
    return states.candidate(
        image,
        image_id=image_id or str(uuid.uuid4()),
        name=NAME,
        recipe='recipe',
        run_id='run-1',
        properties={},
        tags=(),
        created_at='',
        rejected=False,
    )


def uploaded(client, image, image_id=None, **properties):
    """Make an image as it is before its claim."""
    record = fresh(image, image_id)
    client.create(
        record.id,
        name=record.name,
        disk_format=record.format,
        hidden=True,
        properties={
            glance_records.ID: record.id,
            glance_records.NAME: NAME,
            glance_records.SHA256: record.sha256,
            glance_records.UPLOAD: glance_records.SENDING,
            **properties,
        },
    )
    with image.path.open('rb') as file:
        client.upload(record.id, file, image.size)
    return record


def sent(client, image, **fields):
    record = uploaded(client, image)
    return dataclasses.replace(client.get(record.id), **fields)


def test_image_with_the_same_bytes_is_verified(image, token):
    client = fake_images.FakeImages()
    assert glance_claim.verify(image, sent(client, image), token) == {}


def test_image_with_other_bytes_is_refused(image, token):
    client = fake_images.FakeImages()
    other = sent(client, image, hash_value='0' * 128)
    with pytest.raises(exceptions.DigestMismatch, match='sha512'):
        glance_claim.verify(image, other, token)


def test_image_that_was_cut_short_is_refused(image, token):
    client = fake_images.FakeImages()
    with pytest.raises(exceptions.DigestMismatch, match='511 bytes'):
        glance_claim.verify(image, sent(client, image, size=511), token)


@pytest.mark.parametrize('algorithm', ['sha256', 'sha384', 'sha3_512', 'md5'])
def test_digest_of_another_algorithm_is_computed(image, token, algorithm):
    client = fake_images.FakeImages()
    value = hashlib.new(
        algorithm, image.path.read_bytes(), usedforsecurity=False
    ).hexdigest()
    other = sent(client, image, hash_algo=algorithm, hash_value=value)
    assert glance_claim.verify(image, other, token) == {
        glance_records.SHA512: image.properties['sha512']
    }
    with pytest.raises(exceptions.DigestMismatch):
        glance_claim.verify(
            image, dataclasses.replace(other, hash_value='0'), token
        )


def test_checksum_is_compared_where_there_is_no_digest(image, token):
    client = fake_images.FakeImages()
    old = sent(client, image, hash_algo=None, hash_value=None)
    assert glance_claim.verify(image, old, token)
    with pytest.raises(exceptions.DigestMismatch, match='md5'):
        glance_claim.verify(
            image, dataclasses.replace(old, checksum='0' * 32), token
        )


def test_image_without_any_digest_is_not_trusted(image, token):
    client = fake_images.FakeImages()
    none = sent(client, image, hash_algo=None, hash_value=None, checksum=None)
    with pytest.raises(exceptions.StageFailed, match='tells no digest'):
        glance_claim.verify(image, none, token)


def test_algorithm_that_is_not_known_here_is_said(image, token):
    client = fake_images.FakeImages()
    odd = sent(client, image, hash_algo='gost')
    with pytest.raises(exceptions.StageFailed, match='gost'):
        glance_claim.verify(image, odd, token)


def test_cloud_that_converts_images_is_told_what_to_set(image, token):
    client = fake_images.FakeImages()
    converted = sent(client, image, disk_format='qcow2')
    with pytest.raises(exceptions.StageFailed) as caught:
        glance_claim.verify(image, converted, token)
    assert 'formats = qcow2' in (caught.value.hint or '')


def test_image_without_rivals_may_finish(image, token):
    client = fake_images.FakeImages()
    mine = uploaded(client, image)
    claim = glance_claim.Claim(client, 'project', mine)
    assert claim.settle(token) is None


@pytest.mark.parametrize(
    'other',
    [
        {'image_pipeline_sha256': 'f' * 64},
        {'image_pipeline_name': 'another'},
        {'image_pipeline_id': 'of-a-snapshot'},
        {'image_pipeline_state': 'retired'},
    ],
)
def test_other_images_are_no_rivals(image, token, other):
    client = fake_images.FakeImages()
    uploaded(
        client,
        image,
        **{'image_pipeline_state': 'candidate', **other},
    )
    mine = uploaded(client, image)
    claim = glance_claim.Claim(client, 'project', mine)
    assert claim.settle(token) is None


@pytest.mark.parametrize('state', ['candidate', 'current', 'rejected'])
def test_image_that_was_registered_meanwhile_wins(image, token, state):
    client = fake_images.FakeImages()
    other = uploaded(client, image, image_pipeline_state=state)
    mine = uploaded(client, image)
    winner = glance_claim.Claim(client, 'project', mine).settle(token)
    assert winner is not None
    assert winner.id == other.id


def test_rival_that_never_finishes_is_not_waited_for(image, token):
    client = fake_images.FakeImages()
    stuck = uploaded(
        client,
        image,
        '00000000-0000-4000-8000-000000000000',
        image_pipeline_upload='claiming',
    )
    mine = uploaded(client, image)
    claim = glance_claim.Claim(client, 'project', mine, patience=0.0)
    assert claim.settle(token) is None
    assert stuck.id in client.service.images


def test_waiting_for_a_rival_can_be_interrupted(image, token):
    client = fake_images.FakeImages()
    uploaded(
        client,
        image,
        '00000000-0000-4000-8000-000000000000',
        image_pipeline_upload='claiming',
    )
    mine = uploaded(client, image)
    claim = glance_claim.Claim(client, 'project', mine)
    finds = []
    client.before.append(
        lambda request: (
            finds.append(request) if request.method == 'find' else None
        )
    )
    client.before.append(
        lambda request: token.cancel('SIGINT') if len(finds) > 4 else None
    )
    with pytest.raises(exceptions.Interrupted):
        claim.settle(token)


class Turns:
    """Let threads go on one at a time, in an order that a seed says.

    :param seed: of the order.
    :param count: how many threads there are.
    """

    def __init__(self, seed, count):
        self._random = random.Random(seed)
        self._change = threading.Condition()
        self._waiting = set()
        self._running = count
        self._next = None

    def take(self, me):
        """Wait for one's turn.

        :param me: the number of the thread.
        """
        with self._change:
            self._waiting.add(me)
            self._choose()
            self._change.wait_for(lambda: self._next == me)
            self._next = None
            self._waiting.discard(me)

    def leave(self):
        """Say that one takes no more turns."""
        with self._change:
            self._running -= 1
            self._choose()

    def _choose(self):
        if self._waiting and len(self._waiting) == self._running:
            self._next = self._random.choice(sorted(self._waiting))
            self._change.notify_all()


class Token(cancellation.CancellationToken):
    """Wait for no time: the next request waits for its turn anyway."""

    def wait(self, seconds):
        self.check()


@pytest.mark.parametrize('count', [2, 3])
@pytest.mark.parametrize('seed', range(40))
def test_of_all_who_register_the_same_at_once_one_wins(image, seed, count):
    service = fake_images.FakeImages().service
    turns = Turns(seed, count)
    results = {}

    def register(number):
        client = fake_images.FakeImages(service)
        mine = uploaded(client, image)
        client.before.append(lambda request: turns.take(number))
        try:
            claim = glance_claim.Claim(client, 'project', mine)
            winner = claim.settle(Token())
            if winner is None:
                client.patch(
                    mine.id,
                    {glance_records.STATE: 'candidate'},
                    remove=[glance_records.UPLOAD],
                )
            else:
                client.delete(mine.id)
            results[number] = winner.id if winner else mine.id
        finally:
            turns.leave()

    threads = [
        threading.Thread(target=register, args=(number,), daemon=True)
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count
    assert len(set(results.values())) == 1
    assert set(service.images) == set(results.values())
    only = next(iter(service.images.values()))
    assert glance_records.record(only).state == artifact.ImageState.CANDIDATE
