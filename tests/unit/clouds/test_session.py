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
import email.utils
import threading

import pytest
import requests
import urllib3.exceptions
from keystoneauth1 import exceptions as ksa_exceptions

from image_pipeline import exceptions
from image_pipeline.clouds import session as clouds_session
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation, redaction

URL = 'http://service.test/things'
RESET = requests.exceptions.ConnectionError(
    urllib3.exceptions.ProtocolError(
        'Connection aborted', ConnectionResetError()
    )
)
REFUSED = requests.exceptions.ConnectionError(
    urllib3.exceptions.MaxRetryError(
        None, '/', urllib3.exceptions.NewConnectionError(None, 'refused')
    )
)


class Clock:
    def __init__(self):
        self.time = 0.0
        self.waits = []

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.time += seconds

    def now(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def session(wire, clock):
    return clouds_session.Session(
        patience=conf_settings.Requests(
            connect_timeout=3, read_timeout=7, retries=2, retry_seconds=100
        ),
        sleep=clock.sleep,
        now=clock.now,
    )


@pytest.mark.parametrize('failure', [(503,), (502,), (504,), (429,), RESET])
@pytest.mark.parametrize('method', ['GET', 'PUT', 'DELETE', 'HEAD'])
def test_what_may_be_repeated_is(wire, session, clock, method, failure):
    wire.answer(method, URL, failure, failure, (200,))
    assert session.request(URL, method).status_code == 200
    assert len(wire.requests) == 3
    assert 0 < clock.waits[0] < clock.waits[1]


@pytest.mark.parametrize('method', ['POST', 'PATCH'])
def test_change_whose_answer_was_lost_is_not_sent_again(wire, session, method):
    wire.answer(method, URL, RESET, (200,))
    with pytest.raises(ksa_exceptions.ConnectFailure):
        session.request(URL, method)
    wire.answer(method, URL, (503,), (200,))
    assert session.request(URL, method, raise_exc=False).status_code == 503
    assert len(wire.requests) == 2


@pytest.mark.parametrize('failure', [REFUSED, (429,)])
def test_change_that_was_not_taken_is_sent_again(wire, session, failure):
    wire.answer('POST', URL, failure, (200,))
    assert session.request(URL, 'POST', json={'a': 1}).status_code == 200
    assert wire.bodies == [b'{"a": 1}'] * 2 or wire.bodies == ['{"a": 1}'] * 2


def test_one_more_token_does_no_harm(wire, session):
    url = 'http://keystone.test/v3/auth/tokens'
    wire.answer('POST', url, RESET, (201,))
    assert session.request(url, 'POST', json={}).status_code == 201


def test_body_that_is_gone_is_not_sent_again(wire, session):
    wire.answer('PUT', URL, (503,), (200,))
    found = session.request(URL, 'PUT', data=iter([b'x']), raise_exc=False)
    assert found.status_code == 503


@pytest.mark.parametrize('status', [400, 401, 403, 404, 409, 413, 500, 501])
def test_answer_that_will_not_change_is_not_asked_for_again(
    wire, session, status
):
    wire.answer('GET', URL, status)
    with pytest.raises(ksa_exceptions.HttpError):
        session.request(URL, 'GET')
    assert len(wire.requests) == 1


@pytest.mark.parametrize('raise_exc', [True, False])
def test_tries_are_counted(wire, session, raise_exc):
    wire.answer('GET', URL, 503)
    if raise_exc:
        with pytest.raises(ksa_exceptions.ServiceUnavailable):
            session.request(URL, 'GET')
    else:
        found = session.request(URL, 'GET', raise_exc=False)
        assert found.status_code == 503
    assert len(wire.requests) == 3


def test_service_says_how_long_to_wait(wire, session, clock):
    wire.answer('GET', URL, (503, b'', {'Retry-After': '17'}), (200,))
    session.request(URL, 'GET')
    assert clock.waits == [17]


def test_wait_beyond_all_patience_is_not_waited(wire, session, clock):
    wire.answer('GET', URL, (429, b'', {'Retry-After': '101'}), (200,))
    found = session.request(URL, 'GET', raise_exc=False)
    assert found.status_code == 429
    assert clock.waits == []


def test_time_of_all_tries_is_bounded(wire, session, clock):
    def slow(request):
        clock.time += 60
        return RESET

    wire.answers['GET', URL] = [slow]
    with pytest.raises(ksa_exceptions.ConnectFailure):
        session.request(URL, 'GET')
    assert len(wire.requests) == 2


def test_failed_login_is_not_tried_anew_for_what_needed_it(
    wire, cloud, monkeypatch
):
    tokens = next(url for _, url in wire.answers if url.endswith('/tokens'))
    wire.answer('POST', tokens, REFUSED)
    with pytest.raises(ksa_exceptions.ConnectFailure):
        cloud.session.get('http://glance.test:9292/v2/images')
    assert [one.method for one in wire.requests].count('POST') == 3


def test_every_request_has_time_outs(wire, session):
    wire.answer('GET', URL, 200)
    session.request(URL, 'GET')
    session.request(URL, 'GET', timeout=5)
    # api_timeout of clouds.yaml
    session.timeout = 11.0
    session.request(URL, 'GET')
    assert wire.timeouts == [(3, 7), 5, (3, 11)]


def test_wait_that_takes_long_is_told_once(wire, session, caplog):
    caplog.set_level('INFO', logger='image_pipeline.clouds.session')
    session.patience = conf_settings.Requests(retries=5)
    url = 'http://me:sesame@service.test/x'
    wire.answer('GET', url, 503)
    session.request(url, 'GET', raise_exc=False)
    levels = [
        one.levelname
        for one in caplog.records
        if 'GET of service.test was not answered' in one.message
    ]
    assert len(levels) == 5
    assert levels.count('WARNING') == 1
    assert levels[0] == levels[-1] == 'INFO'
    assert 'sesame' not in caplog.text


def test_token_is_kept_out_of_texts(wire, cloud):
    cloud.session.get_auth_headers()
    assert redaction.redact('X: token-number-1') == 'X: ***'


@pytest.mark.parametrize(
    ('text', 'seconds'), [('3', 3), ('-1', 0), ('soon', 0), ('', 0)]
)
def test_retry_after_is_seconds(text, seconds):
    response = requests.Response()
    response.headers['Retry-After'] = text
    assert clouds_session.retry_after(response) == seconds


def test_retry_after_may_be_a_date():
    response = requests.Response()
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    response.headers['Retry-After'] = email.utils.format_datetime(later)
    assert 3500 < clouds_session.retry_after(response) <= 3600
    past = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    response.headers['Retry-After'] = email.utils.format_datetime(past)
    assert clouds_session.retry_after(response) == 0


def test_causes_of_an_exception_that_causes_itself_end():
    one, two = ValueError(), ValueError()
    one.__cause__, two.__context__ = two, one
    assert list(clouds_session.causes(one)) == [one, two]


def test_question_is_given_up_when_the_run_is_cancelled(wire, session):
    token = cancellation.CancellationToken()
    free = threading.Event()

    def hang(request):
        token.cancel('SIGINT')
        free.wait(60)
        return (200,)

    wire.answers['GET', URL] = [hang]
    try:
        with (
            cancellation.in_force(token),
            pytest.raises(exceptions.Interrupted, match='SIGINT'),
        ):
            session.request(URL, 'GET')
    finally:
        free.set()


def test_change_is_waited_for_when_the_run_is_cancelled(wire, session):
    token = cancellation.CancellationToken()

    def slow(request):
        token.cancel('SIGINT')
        return (200,)

    wire.answers['POST', URL] = [slow]
    with cancellation.in_force(token):
        assert session.request(URL, 'POST').status_code == 200
        # What undoes may ask, too.
        wire.answer('GET', URL, 200)
        assert session.request(URL, 'GET').status_code == 200
