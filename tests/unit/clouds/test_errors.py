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

import socket
import ssl

import pytest
import requests
import urllib3.exceptions
from glanceclient import exc as glance_exceptions
from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from image_pipeline import exceptions
from image_pipeline.clouds import errors
from image_pipeline.host import redaction


def told(exc, service='Glance', doing='read image 1'):
    return errors.translate(exc, cloud='c', service=service, doing=doing)


def chained(outer, *inner):
    """Return an exception as keystoneauth raises it, within others."""
    former = outer
    for one in inner:
        former.__context__ = one
        former = one
    return outer


def glance(status, text):
    request = requests.Request('GET', 'http://h:9292/v2/images').prepare()
    response = requests.Response()
    response.status_code = status
    response.request = request
    response.headers['Content-Type'] = 'text/html; charset=UTF-8'
    response._content = text.encode()
    return ksa_exceptions.from_response(response, 'GET', request.url)


def nova(status, text):
    return sdk_exceptions.HttpException(
        'ClientException: 403: Client Error', http_status=status, details=text
    )


@pytest.mark.parametrize('make', [glance, nova])
@pytest.mark.parametrize(
    ('status', 'kind', 'exit_status'),
    [
        (400, exceptions.StageFailed, 1),
        (401, exceptions.InvalidInput, 2),
        (403, exceptions.Forbidden, 1),
        (404, exceptions.NotFound, 2),
        (409, exceptions.StateConflict, 1),
        (410, exceptions.NotFound, 2),
        (413, exceptions.QuotaExceeded, 1),
        (429, exceptions.Unavailable, 5),
        (500, exceptions.Unavailable, 5),
        (501, exceptions.StageFailed, 1),
        (503, exceptions.Unavailable, 5),
    ],
)
def test_status_is_an_error_by_what_can_be_done(
    make, status, kind, exit_status
):
    found = told(make(status, 'why not'))
    assert type(found) is kind
    assert found.exit_status == exit_status
    assert found.message.startswith('Glance of cloud "c": cannot read image 1')


@pytest.mark.parametrize('make', [glance, nova])
def test_quota_is_told_from_a_lack_of_rights(make):
    found = told(make(403, 'Quota exceeded for instances: Requested 1'))
    assert type(found) is exceptions.QuotaExceeded
    assert 'Requested 1' in found.message


def test_refusal_names_the_operation_and_speaks_of_roles():
    found = told(
        glance(
            403,
            '<html><head><title>403 Forbidden</title></head><body>'
            '<h1>403 Forbidden</h1>Access was denied to this resource.'
            '<br /><br />You are not allowed to do &#x27;that&#x27;.<br/>'
            '</body></html>',
        ),
        doing='publicise image 1',
    )
    assert found.message == (
        'Glance of cloud "c": cannot publicise image 1: it is forbidden: You '
        "are not allowed to do 'that'"
    )
    assert 'role' in found.hint


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        (
            '<h1>404 Not Found</h1>No image found with ID 1<br/>',
            'No image found with ID 1',
        ),
        (
            '409 Conflict: Image ID 1 already exists!',
            'Image ID 1 already exists',
        ),
        (
            'There was a conflict when trying to complete your request.'
            '<br /><br />\n Property x does not exist.<br/>',
            'Property x does not exist',
        ),
        ('It is so. (HTTP 400) (Request-ID: req-1)', 'It is so'),
        ('x' * 1000, 'x' * 300 + ' …'),
        ('a\nb\t c', 'a b c'),
    ],
)
def test_words_are_those_of_the_service_only(text, said):
    assert errors.words(Exception(text)) == said


def test_who_says_nothing_is_named_by_its_exception():
    assert errors.words(ValueError()) == 'ValueError'
    assert errors.words(ValueError(), otherwise='') == ''


@pytest.mark.parametrize('status', [401, 403, 404])
def test_login_that_is_refused_is_about_credentials(status):
    exc = ksa_exceptions.HttpError(
        http_status=status, message='No such thing', request_id='req-1'
    )
    found = told(exc, service='Keystone', doing='log in')
    assert type(found) is exceptions.InvalidInput
    assert 'refused: No such thing' in found.message
    assert 'clouds.yaml' in found.hint


def test_wrong_password_is_told_without_keystones_phrase():
    exc = ksa_exceptions.Unauthorized(
        'The request you have made requires authentication. (HTTP 401) '
        '(Request-ID: req-1)'
    )
    found = told(exc, service='Keystone', doing='log in')
    assert found.message == (
        'Keystone of cloud "c": cannot log in: the credentials were refused'
    )


def test_web_server_that_is_no_keystone_is_told():
    exc = ksa_exceptions.NotFound('Not Found', http_status=404)
    found = told(exc, service='Keystone', doing='log in')
    assert 'no Keystone' in found.message
    assert 'auth_url' in found.hint


def failure(message='Unable to establish connection to http://h:9292/v2: …'):
    return ksa_exceptions.ConnectFailure(message)


def test_service_that_is_down_is_named_with_its_address():
    found = told(
        chained(
            failure(),
            requests.ConnectionError(
                urllib3.exceptions.MaxRetryError(
                    None,
                    '/',
                    chained(
                        urllib3.exceptions.NewConnectionError(None, 'x'),
                        ConnectionRefusedError(111, 'Connection refused'),
                    ),
                )
            ),
        )
    )
    assert type(found) is exceptions.Unavailable
    assert found.message == (
        'Glance of cloud "c": cannot read image 1: h:9292: connection refused'
    )


def test_host_that_is_not_known_is_told():
    found = told(chained(failure(), socket.gaierror(-2, 'Name not known')))
    assert type(found) is exceptions.Unavailable
    assert 'the name of its host, h:9292, is not known' in found.message


@pytest.mark.parametrize(
    'exc',
    [
        ksa_exceptions.ConnectTimeout('Request to http://h:9292/ timed out'),
        chained(
            glance_exceptions.InvalidEndpoint('Error at http://h:9292/v2 x'),
            requests.ReadTimeout(),
        ),
        requests.ReadTimeout('http://h:9292/'),
        chained(failure(), ssl.SSLError(), TimeoutError()),
    ],
)
def test_silence_is_a_time_out(exc):
    found = told(exc)
    assert type(found) is exceptions.Unavailable
    assert found.message.endswith('h:9292 did not answer in time')


def test_certificate_that_is_not_trusted_is_bad_input():
    bad = ssl.SSLCertVerificationError(1, 'certificate verify failed')
    bad.verify_message = 'self-signed certificate'
    exc = ksa_exceptions.SSLError(
        'SSL exception connecting to https://h/v3: x'
    )
    found = told(chained(exc, requests.exceptions.SSLError(bad), bad))
    assert type(found) is exceptions.InvalidInput
    assert found.message.endswith(
        'no trusted connection to h: self-signed certificate'
    )
    assert 'cacert' in found.hint


def test_connection_that_broke_without_a_word_is_told():
    found = told(
        chained(failure('to http://u:pw@h/x'), requests.ConnectionError())
    )
    assert found.message.endswith('h: the connection broke')


def test_service_that_is_not_in_the_catalog_is_not_found():
    found = told(ksa_exceptions.EndpointNotFound('x'))
    assert type(found) is exceptions.NotFound
    assert 'region_name' in found.hint


def test_address_without_the_service_is_not_found():
    found = told(ksa_exceptions.DiscoveryFailure('no v3'), service='Keystone')
    assert type(found) is exceptions.NotFound
    assert 'auth_url' in found.hint


def test_configuration_of_the_sdk_is_bad_input():
    found = told(sdk_exceptions.ConfigException('bad value'))
    assert type(found) is exceptions.InvalidInput
    assert 'bad value' in found.message


@pytest.mark.parametrize(
    ('exc', 'kind'),
    [
        (sdk_exceptions.ResourceTimeout('slow'), exceptions.Unavailable),
        (sdk_exceptions.ResourceFailure('ERROR'), exceptions.StageFailed),
        (sdk_exceptions.NotSupported('old'), exceptions.StageFailed),
        (ksa_exceptions.MissingAuthPlugin('none'), exceptions.InvalidInput),
        (ksa_exceptions.InvalidResponse(None), exceptions.NotFound),
        (requests.JSONDecodeError('no', '', 0), exceptions.NotFound),
    ],
)
def test_other_errors_of_clients_are_ours_too(exc, kind):
    assert type(told(exc)) is kind


@pytest.mark.parametrize('exc', [ValueError('x'), KeyError('y')])
def test_bug_is_none_of_it(exc):
    assert told(exc) is None


def test_secret_in_an_answer_is_not_told(monkeypatch):
    monkeypatch.setattr(redaction, '_known', frozenset({'sesame-open'}))
    found = told(glance(400, 'the password sesame-open is bad'))
    assert 'sesame' not in found.message
    assert 'sesame' not in str(found)
