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

import hashlib
import io
import threading

import pytest
import requests
import urllib3.exceptions

from image_pipeline import exceptions
from image_pipeline.clouds import transfer

IMAGE = {'id': 'i1', 'status': 'queued', 'visibility': 'private'}
DATA = bytes(range(256)) * 10_000
PATH = '/v2/images/i1/file'
BROKEN = requests.exceptions.ConnectionError(
    urllib3.exceptions.ProtocolError('aborted', ConnectionResetError(104, 'x'))
)


@pytest.fixture(autouse=True)
def no_wait(monkeypatch):
    monkeypatch.setattr(transfer.time, 'sleep', lambda seconds: None)


@pytest.fixture
def client(cloud, wire):
    wire.answer('GET', '/v2/images/i1', 200, IMAGE)
    return cloud.images


def upload(client, **options):
    client.upload('i1', io.BytesIO(DATA), len(DATA), **options)


def bodies(wire):
    return [
        body
        for request, body in zip(wire.requests, wire.bodies, strict=True)
        if request.method == 'PUT'
    ]


def test_size_is_announced_and_the_data_sent(client, wire):
    wire.answer('PUT', PATH, 204)
    upload(client, store='s1')
    assert bodies(wire) == [DATA]
    headers = wire.requests[-1].headers
    assert headers['Content-Length'] == str(len(DATA))
    assert 'Transfer-Encoding' not in headers
    assert headers['Content-Type'] == 'application/octet-stream'
    assert headers['x-openstack-image-size'] == str(len(DATA))
    assert headers['x-image-meta-store'] == 's1'
    # Longer than for other requests: a store may be slow.
    assert wire.timeouts[-1] == (600, 600)


def test_data_for_an_import_go_to_the_staging_area(client, wire):
    wire.answer('PUT', '/v2/images/i1/stage', 204)
    client.stage_data('i1', io.BytesIO(DATA), len(DATA))
    assert bodies(wire) == [DATA]


def test_progress_ends_with_all_of_it(client, wire):
    wire.answer('PUT', PATH, 204)
    told, threads = [], set()

    def progress(done):
        told.append(done)
        threads.add(threading.current_thread())

    upload(client, progress=progress)
    assert told[-1] == len(DATA)
    assert told == sorted(set(told))
    assert threads == {threading.current_thread()}


def test_upload_begins_anew_after_the_connection_broke(client, wire):
    wire.answer('PUT', PATH, BROKEN, (204,))
    upload(client)
    assert bodies(wire) == [DATA, DATA]
    # Glance may have refused the token before it read all.
    assert wire.tokens == 2


def test_upload_waits_until_glance_has_seen_that_it_broke(client, wire):
    wire.answer('PUT', PATH, BROKEN, (204,))
    saving = IMAGE | {'status': 'saving'}
    wire.answer(
        'GET', '/v2/images/i1', (200, saving), (200, saving), (200, IMAGE)
    )
    upload(client)
    assert bodies(wire) == [DATA, DATA]


def test_upload_waits_for_a_glance_that_is_late(client, wire):
    # It comes to the request that broke only when the next one is there.
    wire.answer(
        'PUT', PATH, BROKEN, (409, b'<p>from saving to saving'), (204,)
    )
    upload(client)
    assert bodies(wire) == [DATA, DATA, DATA]
    wire.answer('PUT', PATH, BROKEN, (204,))
    saving = IMAGE | {'status': 'saving'}
    wire.answer(
        'GET',
        '/v2/images/i1',
        *[(200, IMAGE)] * 4,
        (200, saving),
        (200, IMAGE),
    )
    before = len(wire.sent('GET'))
    upload(client)
    assert len(wire.sent('GET')) - before == 10


def test_upload_whose_answer_was_lost_is_done(client, wire):
    wire.answer('PUT', PATH, BROKEN)
    wire.answer('GET', '/v2/images/i1', 200, IMAGE | {'status': 'active'})
    upload(client)
    assert bodies(wire) == [DATA]


def test_tries_are_counted(client, wire):
    wire.answer('PUT', PATH, BROKEN)
    with pytest.raises(exceptions.Unavailable) as caught:
        upload(client)
    assert len(bodies(wire)) == 3
    assert str(caught.value).endswith(
        f'after {len(DATA)} of {len(DATA)} bytes; the image is queued'
    )


def test_service_that_stays_away_is_unavailable(client, wire):
    wire.answer('PUT', PATH, BROKEN)
    wire.answer('GET', '/v2/images/i1', BROKEN)
    with pytest.raises(exceptions.Unavailable, match='cannot upload image i1'):
        upload(client)
    assert len(bodies(wire)) == 1


def test_image_that_stays_between_is_told(client, wire, monkeypatch):
    monkeypatch.setattr(transfer, '_SETTLED', -1)
    wire.answer('PUT', PATH, BROKEN)
    wire.answer('GET', '/v2/images/i1', 200, IMAGE | {'status': 'saving'})
    with pytest.raises(exceptions.Unavailable, match='the image is saving'):
        upload(client)


@pytest.mark.parametrize(
    ('status', 'kind'),
    [
        (403, exceptions.Forbidden),
        (404, exceptions.NotFound),
        (409, exceptions.StateConflict),
        (410, exceptions.NotFound),
        (413, exceptions.QuotaExceeded),
    ],
)
def test_refused_upload_is_not_sent_again(client, wire, status, kind):
    wire.answer('PUT', PATH, status)
    with pytest.raises(kind, match='cannot upload image i1'):
        upload(client)
    assert len(bodies(wire)) == 1


def test_expired_token_is_renewed_and_the_data_sent_from_the_start(
    client, wire
):
    wire.answer('PUT', PATH, (401,), (204,))
    upload(client)
    assert bodies(wire) == [DATA, DATA]
    tokens = [
        one.headers['X-Auth-Token']
        for one in wire.requests
        if one.method == 'PUT'
    ]
    assert tokens == [b'token-number-1', b'token-number-2'] or tokens == [
        'token-number-1',
        'token-number-2',
    ]


def test_token_that_would_not_last_is_renewed_before(client, wire):
    wire.answer('PUT', PATH, 204)
    wire.life = 500
    client.get('i1')
    wire.life = 3600
    upload(client)
    assert wire.tokens == 2
    upload(client)
    assert wire.tokens == 2


@pytest.mark.parametrize('size', [len(DATA) - 1, len(DATA) + 1])
def test_file_of_another_size_is_not_sent(client, wire, size):
    wire.answer('PUT', PATH, 204)
    with pytest.raises(exceptions.DigestMismatch, match=f'not {size}'):
        client.upload('i1', io.BytesIO(DATA), size)
    assert len(bodies(wire)) == 0


def test_file_that_shrinks_meanwhile_is_told():
    class Shrinking(io.BytesIO):
        def read(self, size):
            return b''

    body = transfer.Body(Shrinking(DATA), len(DATA))
    with pytest.raises(exceptions.DigestMismatch, match='ended after 0 of'):
        list(body)


def test_cancelled_upload_does_not_wait_for_the_service(client, wire):
    asked, free = threading.Event(), threading.Event()

    def hang(request):
        asked.set()
        free.wait(60)
        return (204,)

    def cancelled():
        if asked.is_set():
            raise exceptions.Interrupted('interrupted by SIGINT')

    wire.answers['PUT', f'http://glance.test:9292{PATH}'] = [hang]
    try:
        with pytest.raises(exceptions.Interrupted, match='SIGINT'):
            upload(client, cancelled=cancelled)
    finally:
        free.set()


def test_stopped_body_ends():
    body = transfer.Body(io.BytesIO(DATA), len(DATA))
    sent = iter(body)
    next(sent)
    body.stop()
    with pytest.raises(exceptions.Interrupted):
        next(sent)


def test_range_is_asked_for(client, wire):
    wire.answer('GET', PATH, 206, DATA[5:12])
    assert client.read('i1', 5, 7) == DATA[5:12]
    assert wire.requests[-1].headers['Range'] in ('bytes=5-11', b'bytes=5-11')
    assert client.ranges('i1')


def test_nothing_is_read_without_asking(client, wire):
    assert client.read('i1', 5, 0) == b''
    assert wire.sent() == []


def test_range_past_the_end_is_empty(client, wire):
    wire.answer('GET', PATH, 416)
    assert client.read('i1', 10**9, 7) == b''


def test_part_is_asked_for_again_if_the_connection_breaks_in_it(client, wire):
    class Breaking(io.BytesIO):
        left = 2

        def read(self, size=-1):
            Breaking.left -= 1
            if Breaking.left >= 0:
                raise ConnectionResetError(104, 'Connection reset by peer')
            return super().read(size)

    client.get('i1')
    wire.raw = Breaking
    wire.answer('GET', PATH, 206, b'data')
    assert client.read('i1', 0, 4) == b'data'
    assert len(wire.sent()) == 4
    Breaking.left = 9
    with pytest.raises(exceptions.Unavailable, match='a part of image i1'):
        client.read('i1', 0, 4)


def test_store_without_ranges_is_told(client, wire):
    wire.answer('GET', PATH, 200, DATA)
    assert not client.ranges('i1')
    with pytest.raises(exceptions.StageFailed, match='whole images only'):
        client.read('i1', 5, 7)


def test_image_without_data_cannot_be_read(client, wire):
    wire.answer('GET', PATH, 404, b'<p>no data</p>')
    with pytest.raises(exceptions.NotFound, match='image i1: no data'):
        client.read('i1', 5, 7)


def test_download_is_checked(client, wire):
    active = IMAGE | {
        'status': 'active',
        'os_hash_algo': 'sha512',
        'os_hash_value': hashlib.sha512(DATA).hexdigest(),
    }
    wire.answer('GET', '/v2/images/i1', 200, active)
    wire.answer('GET', PATH, 200, DATA)
    file, told = io.BytesIO(), []
    assert client.download('i1', file, progress=told.append) == len(DATA)
    assert file.getvalue() == DATA
    assert told[-1] == len(DATA)
    wire.answer('GET', PATH, 200, DATA[:-1] + b'x')
    with pytest.raises(exceptions.DigestMismatch, match='another sha512'):
        client.download('i1', io.BytesIO())


def test_download_can_be_cancelled(client, wire):
    wire.answer('GET', PATH, 200, DATA)

    def cancelled():
        raise exceptions.Interrupted('interrupted by SIGINT')

    with pytest.raises(exceptions.Interrupted):
        client.download('i1', io.BytesIO(), cancelled=cancelled)
