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


import logging

import pytest

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.notifications import messaging, payloads

oslo_messaging = pytest.importorskip('oslo_messaging')

RUN = payloads.RunPayload(
    run='run-1',
    recipe='debian-12',
    image='debian-12',
    targets=('prod',),
    host='builder',
    resumed=False,
    state='running',
    stages=(),
)


def settings(url='fake://', drivers=('test',), **others):
    return conf_settings.Notifications(
        drivers=drivers, transport_url=url, **others
    )


@pytest.fixture
def arrived():
    from oslo_messaging.notify import _impl_test

    _impl_test.reset()
    yield lambda: _impl_test.NOTIFICATIONS
    _impl_test.reset()


@pytest.fixture
def connect():
    """Make senders, and leave the libraries' loggers as they were."""
    loggers = [
        logging.getLogger(name)
        for name in (*messaging._LOGGERS, messaging._LOG_DRIVER)
    ]
    before = [(one, one.propagate, one.level) for one in loggers]
    handlers = [list(one.handlers) for one in loggers]
    doubts = []

    def make(given):
        made = messaging.connect(given, doubt=doubts.append)
        made.doubts = doubts
        return made

    yield make
    for (one, propagate, level), kept in zip(before, handlers, strict=True):
        one.propagate = propagate
        one.setLevel(level)
        one.handlers[:] = kept


def test_what_is_sent_is_as_others_send_it(arrived, connect):
    send = connect(settings())
    send(payloads.of_run(payloads.Phase.ERROR, RUN))
    ((context, message, priority, _),) = arrived()
    assert context == {}
    assert priority == message['priority'] == 'ERROR'
    assert message['event_type'] == 'image_pipeline.run.error'
    assert message['publisher_id'] == messaging.publisher_id()
    assert message['publisher_id'].startswith('image-pipeline.')
    assert message['payload']['name'] == 'RunPayload'
    assert message['payload']['data']['recipe'] == 'debian-12'


def test_what_went_well_is_information(arrived, connect):
    send = connect(settings())
    send(payloads.of_run(payloads.Phase.END, RUN))
    assert [priority for _, _, priority, _ in arrived()] == ['INFO']


def test_a_driver_that_only_logs_what_goes_wrong_is_found_out(
    connect, monkeypatch
):
    def fail(*given, **named):
        raise oslo_messaging.MessageDeliveryFailure('refused: sekret')

    monkeypatch.setattr(
        oslo_messaging.transport.NotificationTransport,
        '_send_notification',
        fail,
    )
    send = connect(
        settings('fake://user:sekret@host:1/', drivers=('messagingv2',))
    )
    with pytest.raises(exceptions.Unavailable) as caught:
        send(payloads.of_run(payloads.Phase.END, RUN))
    assert caught.value.message == 'fake://host:1/: refused: ***'


def test_what_the_libraries_complain_of_is_a_doubt_and_not_shown(
    connect, caplog
):
    send = connect(settings())
    logging.getLogger('oslo.messaging._drivers.impl_rabbit').error(
        'Connection failed: %s (retrying in %s seconds)', 'refused', 1.0
    )
    assert send.doubts == ['fake://: refused']
    assert not caplog.records


def test_the_log_driver_shows_what_it_logs(connect, caplog):
    send = connect(settings(None, drivers=('log',)))
    send(payloads.of_run(payloads.Phase.END, RUN))
    (record,) = caplog.records
    assert record.name.endswith('.image_pipeline.run.end')
    assert '"debian-12"' in record.getMessage()


@pytest.mark.parametrize(
    ('said', 'reason'),
    [
        (
            'Connection failed: [Errno 111] refused (retrying in 2.0 seconds)',
            '[Errno 111] refused',
        ),
        (
            '[01234567-0123-0123-0123-0123456789ab] AMQP server on h:1 is '
            'unreachable: gone. Trying again in 1 seconds.',
            'AMQP server on h:1 is unreachable: gone',
        ),
        ('(0, 0): (403) ACCESS_REFUSED', '(403) ACCESS_REFUSED'),
        ('nothing to take away', 'nothing to take away'),
    ],
)
def test_a_person_reads_the_reason_only(said, reason):
    record = logging.LogRecord('x', logging.ERROR, 'x', 1, said, (), None)
    assert messaging.reason_of(record) == reason


@pytest.mark.parametrize(
    ('url', 'shown'),
    [
        ('rabbit://u:p@h:5672/v', 'rabbit://h:5672/v'),
        ('rabbit://u:p%40@a:1,v:q@b:2/', 'rabbit://a:1,b:2/'),
        ('rabbit://h/', 'rabbit://h/'),
    ],
)
def test_a_broker_is_named_without_its_users(url, shown):
    assert messaging.where(settings(url)) == shown


def test_passwords_are_taken_out_of_text_quoted_or_not():
    redact = messaging.redactor(settings('rabbit://u:p%2Fw@a:1,v:q1@b:2/'))
    assert redact('p%2Fw p/w q1') == '*** *** ***'


@pytest.mark.parametrize('url', ['nosuch://host/', 'rabbit://h:port/'])
def test_a_url_that_does_not_do_is_an_error_of_ours(url):
    with pytest.raises(exceptions.Unavailable, match='cannot be used'):
        messaging.transport(settings(url))


def test_options_of_the_drivers_are_read_from_the_same_files(tmp_path):
    file = tmp_path / 'site.conf'
    file.write_text('[oslo_messaging_rabbit]\nheartbeat_rate = 7\n')
    made = messaging.transport(
        settings('rabbit://h/', config_files=(file,), topics=('t',), retry=3)
    )
    assert made.conf.oslo_messaging_rabbit.heartbeat_rate == 7
    assert made.conf.oslo_messaging_notifications.topics == ['t']
    assert made.conf.oslo_messaging_notifications.retry == 3


def test_oslo_messaging_never_tries_for_ever_itself():
    made = messaging.transport(settings('rabbit://h/', retry=-1))
    assert made.conf.oslo_messaging_notifications.retry == 0


def test_a_transport_without_queues_has_none_to_delete():
    messaging.delete_queue(messaging.transport(settings()), 'queue')
