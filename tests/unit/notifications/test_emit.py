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


import threading

import pytest

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.notifications import emit, payloads

#: Seconds after which a test that hangs fails.
LONG = 60


def notification(number=0):
    return payloads.of_image(
        payloads.Phase.END,
        payloads.ImagePayload(
            action=payloads.Action.RETIRE,
            target='prod',
            cloud='prod',
            region=None,
            id=str(number),
            name='debian-12',
        ),
    )


class Broker:
    """A broker that may be down, or never answer."""

    def __init__(self):
        self.sent = []
        self.attempts = 0
        self.failures = 0
        self.answers = threading.Event()
        self.answers.set()
        self.tried = threading.Semaphore(0)
        self.left = False

    def connect(self, settings):
        return self

    def __call__(self, one):
        self.attempts += 1
        self.tried.release()
        self.answers.wait(LONG)
        if self.failures:
            self.failures -= 1
            raise exceptions.Unavailable('connection refused')
        self.sent.append(one)

    def close(self):
        self.left = True


@pytest.fixture
def broker():
    made = Broker()
    yield made
    made.answers.set()


def emitter(broker, *, retry=-1, grace=LONG):
    settings = conf_settings.Notifications(
        drivers=('messagingv2',), retry=retry
    )
    return emit.Emitter(settings, connect=broker.connect, grace=grace)


def test_notifications_are_sent_in_their_order(broker):
    send = emitter(broker)
    told = [notification(number) for number in range(20)]
    for one in told:
        send(one)
    assert send.close() is None
    assert broker.sent == told
    assert broker.left


def test_nothing_is_started_where_nothing_is_told(broker):
    send = emitter(broker)
    assert send._thread is None
    assert send.close() is None
    assert not broker.left


def test_telling_does_not_wait_for_a_broker_that_never_answers(broker):
    broker.answers.clear()
    send = emitter(broker, grace=0.01)
    for number in range(3):
        send(notification(number))
    assert broker.tried.acquire(timeout=LONG)
    assert send.close() == (
        '3 notifications were not sent: no answer within 0.01 seconds'
    )


def test_what_the_way_to_the_broker_says_is_the_reason(broker):
    broker.answers.clear()
    send = emitter(broker, grace=0.01)
    send(notification())
    assert broker.tried.acquire(timeout=LONG)
    send.doubt('no route to host')
    assert send.close() == '1 notification was not sent: no route to host'


def test_a_broker_that_comes_back_gets_what_it_missed(broker, monkeypatch):
    monkeypatch.setattr(emit, 'PAUSES', (0.0, 0.0))
    broker.failures = 3
    send = emitter(broker)
    send(notification(1))
    send(notification(2))
    for _ in range(5):
        assert broker.tried.acquire(timeout=LONG)
    assert send.close() is None
    assert broker.sent == [notification(1), notification(2)]


def test_a_last_attempt_is_made_when_the_command_ends(broker, monkeypatch):
    monkeypatch.setattr(emit, 'PAUSES', (LONG, LONG))
    broker.failures = 100
    send = emitter(broker)
    send(notification(1))
    send(notification(2))
    assert broker.tried.acquire(timeout=LONG)
    said = send.close()
    assert said == '2 notifications were not sent: connection refused'
    # Not one for each, and not for as long as the grace lasts.
    assert broker.attempts <= 2


def test_after_a_failure_for_good_the_others_are_dropped_untried(broker):
    broker.failures = 100
    send = emitter(broker, retry=0)
    for number in range(5):
        send(notification(number))
    assert send.close() == (
        '5 notifications were not sent: connection refused'
    )
    assert broker.attempts == 1


def test_the_queue_is_bounded(broker, monkeypatch):
    monkeypatch.setattr(emit, 'CAPACITY', 3)
    broker.answers.clear()
    send = emitter(broker, grace=0.01)
    for number in range(10):
        send(notification(number))
    assert send.close().startswith('10 notifications were not sent')


def test_what_is_told_after_the_end_is_dropped(broker):
    send = emitter(broker)
    assert send.close() is None
    send(notification())
    assert not broker.sent


def test_a_sender_that_cannot_be_made_is_told_of_once():
    def connect(settings):
        raise ImportError('no such module')

    settings = conf_settings.Notifications(drivers=('messagingv2',), retry=0)
    send = emit.Emitter(settings, connect=connect, grace=LONG)
    send(notification())
    send(notification())
    assert send.close() == (
        '2 notifications were not sent: ImportError: no such module'
    )


@pytest.mark.parametrize('drivers', [(), ('noop',)])
def test_there_is_no_emitter_where_nobody_is_to_be_told(drivers):
    settings = conf_settings.Notifications(drivers=drivers)
    assert emit.emitter(settings) is None
    assert emit.close() == []


def test_a_process_has_one_emitter_and_is_done_with_it_at_the_end():
    settings = conf_settings.Notifications(
        drivers=('messagingv2',), transport_url='fake://'
    )
    first = emit.emitter(settings)
    assert first is not None
    assert emit.emitter(settings) is first
    assert emit.close() == []
    assert emit.emitter(settings) is not first
    assert emit.close() == []
