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

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.notifications import listen, messaging, payloads

oslo_messaging = pytest.importorskip('oslo_messaging')

#: Seconds after which a test that hangs fails.
LONG = 60
IMAGE = payloads.ImagePayload(
    action=payloads.Action.PROMOTE,
    target='prod',
    cloud='prod',
    region=None,
    id='1',
    name='debian-12',
)


@pytest.fixture
def settings():
    yield conf_settings.Notifications(
        drivers=('messagingv2',), transport_url='fake://', topics=('a', 'b')
    )
    # The broker in memory is one for the process.
    from oslo_messaging._drivers import impl_fake

    impl_fake.FakeExchangeManager.cleanup()


def test_what_is_sent_is_heard_once_by_each_queue(settings):
    settings = conf_settings.Notifications(
        drivers=settings.drivers, transport_url='fake://'
    )
    with (
        listen.Listener(settings, pool='one') as one,
        listen.Listener(settings, pool='two') as two,
    ):
        send = messaging.connect(settings, doubt=print)
        send(payloads.of_image(payloads.Phase.START, IMAGE))
        send(payloads.of_image(payloads.Phase.ERROR, IMAGE))
        for listener in (one, two):
            # Each priority has a queue of its own, so the order is open.
            heard = [listener.next(LONG), listener.next(LONG)]
            assert sorted(
                (each.event_type, each.priority) for each in heard
            ) == [
                ('image_pipeline.image.promote.error', 'ERROR'),
                ('image_pipeline.image.promote.start', 'INFO'),
            ]
            assert heard[0].payload['data']['id'] == '1'
            assert heard[0].publisher_id == messaging.publisher_id()
            assert listener.next(0.01) is None


def test_every_topic_is_listened_to(settings):
    with listen.Listener(settings, pool='one') as listener:
        send = messaging.connect(settings, doubt=print)
        send(payloads.of_image(payloads.Phase.END, IMAGE))
        assert listener.next(LONG)
        assert listener.next(LONG)


def test_what_is_not_of_the_pipeline_is_left_out(settings):
    with listen.Listener(settings, pool='one') as listener:
        transport = messaging.transport(settings)
        notifier = oslo_messaging.Notifier(transport, 'image.host')
        notifier.info({}, 'image.create', {'id': '1'})
        messaging.connect(settings, doubt=print)(
            payloads.of_image(payloads.Phase.END, IMAGE)
        )
        heard = listener.next(LONG)
        assert heard.event_type == 'image_pipeline.image.promote.end'


def test_a_broker_that_there_cannot_be_is_unavailable():
    settings = conf_settings.Notifications(transport_url='nosuch://u:p@h/')
    with (
        pytest.raises(exceptions.Unavailable),
        listen.Listener(settings, pool='one'),
    ):
        raise AssertionError('it listens')


def test_two_listeners_of_a_host_have_two_queues(tmp_path):
    with (
        listen.queue_name(tmp_path) as first,
        listen.queue_name(tmp_path) as second,
    ):
        assert first != second
        assert first.startswith('image-pipeline.listen.')
    # What a killed one has left does not pile up.
    with listen.queue_name(tmp_path) as again:
        assert again == first


def test_listeners_with_other_state_folders_have_other_queues(tmp_path):
    with (
        listen.queue_name(tmp_path / 'one') as first,
        listen.queue_name(tmp_path / 'two') as second,
    ):
        assert first != second
