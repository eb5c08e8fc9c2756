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


import json

import pytest

from image_pipeline.cli import listen
from image_pipeline.conf import settings as conf_settings
from image_pipeline.notifications import listen as notifications_listen
from image_pipeline.notifications import messaging, payloads

oslo_messaging = pytest.importorskip('oslo_messaging')

CONF = """\
[oslo_messaging_notifications]
driver = messagingv2
transport_url = fake://user:sekret@broker:1/
"""
IMAGE = payloads.ImagePayload(
    action=payloads.Action.ROLL_BACK,
    target='prod',
    cloud='prod',
    region=None,
    id='1234',
    name='debian-12',
    state='current',
    reason='it does not boot\nat all',
)


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / 'site.conf'
    path.write_text(CONF)
    return str(path)


@pytest.fixture
def told(monkeypatch):
    """Have notifications arrive as soon as somebody listens."""
    settings = conf_settings.Notifications(
        drivers=('messagingv2',), transport_url='fake://'
    )
    entered = notifications_listen.Listener.__enter__

    def tell(*told):
        def enter(self):
            made = entered(self)
            send = messaging.connect(settings, doubt=print)
            for one in told:
                send(one)
            return made

        monkeypatch.setattr(notifications_listen.Listener, '__enter__', enter)

    yield tell
    from oslo_messaging._drivers import impl_fake

    impl_fake.FakeExchangeManager.cleanup()


def test_a_person_reads_a_line_each(program, conf, told):
    told(payloads.of_image(payloads.Phase.END, IMAGE))
    status, out, err = program('--config-file', conf, 'listen', '--count', '1')
    assert status == 0
    assert out.endswith(
        ' image.rollback.end prod debian-12 1234 current '
        'it does not boot at all\n'
    )
    assert out.count('\n') == 1
    assert err == 'listening at fake://broker:1/\n'


def test_a_program_reads_json(program, conf, told):
    told(payloads.of_image(payloads.Phase.END, IMAGE))
    _, out, _ = program(
        '--config-file', conf, 'listen', '--count', '1', '-f', 'json'
    )
    heard = json.loads(out)
    assert heard['event_type'] == 'image_pipeline.image.rollback.end'
    assert heard['priority'] == 'INFO'
    assert heard['payload']['data']['reason'] == IMAGE.reason


def test_only_what_is_asked_for_is_printed(program, conf, told):
    told(
        payloads.of_image(payloads.Phase.START, IMAGE),
        payloads.of_image(payloads.Phase.END, IMAGE),
    )
    _, out, _ = program(
        '--config-file', conf, 'listen', '--count', '1', '--event', '*.end'
    )
    assert 'rollback.end' in out
    assert 'rollback.start' not in out


def test_too_little_in_time_is_worth_another_try(program, conf, told):
    told()
    status, _, err = program(
        '--config-file', conf, 'listen', '--count', '2', '--timeout', '1'
    )
    assert status == 5
    assert '0 of 2 notifications arrived within 1 seconds' in err


def test_a_time_without_a_count_is_only_a_time(program, conf, told):
    told()
    status, out, _ = program('--config-file', conf, 'listen', '--timeout', '1')
    assert (status, out) == (0, '')


def test_without_a_broker_there_is_nothing_to_listen_to(program):
    status, _, err = program('listen')
    assert status == 2
    assert 'no message broker is configured' in err
    assert 'transport_url' in err


@pytest.mark.parametrize(
    'payload', [None, 'text', {'name': 'New', 'data': {'x': 1}}, {'data': 1}]
)
def test_a_payload_of_another_version_is_no_reason_to_fail(payload):
    heard = notifications_listen.Heard(
        event_type='image_pipeline.new.start',
        publisher_id='image-pipeline.builder',
        priority='INFO',
        timestamp='2026-01-01 00:00:00.000000',
        message_id='1',
        payload=payload,
    )
    assert listen.text(heard) == '2026-01-01 00:00:00 builder new.start'
