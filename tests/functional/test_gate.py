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

"""What a gate does to real connections."""

import http.client
import http.server
import threading

import pytest

from image_pipeline.testing import gate

BODY = bytes(range(256)) * 4096


class Keeper(http.server.BaseHTTPRequestHandler):
    """Keep what was sent, and answer."""

    def do_PUT(self):
        length = int(self.headers['Content-Length'])
        self.server.got.append(self.rfile.read(length))
        self.send_response(204)
        self.end_headers()

    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '5')
        self.end_headers()
        self.wfile.write(b'hello')

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Keeper) as one:
        one.got = []
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()


def ask(passage, method, body=None):
    client = http.client.HTTPConnection(passage.url.removeprefix('http://'))
    client.request(method, '/data', body=body)
    answer = client.getresponse()
    return answer.status, answer.read()


def test_gate_lets_through_what_is_not_to_be_stopped(server):
    with gate.Gate('127.0.0.1', server.server_port) as passage:
        assert ask(passage, 'GET') == (200, b'hello')
        assert ask(passage, 'PUT', BODY)[0] == 204
        assert not passage.stopped.is_set()
    assert server.got == [BODY]


def test_gate_stops_a_request_in_its_middle_until_it_is_opened(server):
    with gate.Gate(
        '127.0.0.1', server.server_port, stop_at='PUT ', after=1000
    ) as passage:
        answers = []
        thread = threading.Thread(
            target=lambda: answers.append(ask(passage, 'PUT', BODY))
        )
        thread.start()
        assert passage.stopped.wait(300)
        # Others go their way.
        assert ask(passage, 'GET') == (200, b'hello')
        assert (answers, server.got) == ([], [])
        passage.open()
        thread.join(300)
        assert answers[0][0] == 204
    assert server.got == [BODY]


def test_gate_damages_one_byte(server):
    with gate.Gate(
        '127.0.0.1',
        server.server_port,
        stop_at='PUT ',
        after=1000,
        damage=True,
    ) as passage:
        passage.open()
        assert ask(passage, 'PUT', BODY)[0] == 204
    [got] = server.got
    assert len(got) == len(BODY)
    assert sum(a != b for a, b in zip(got, BODY, strict=True)) == 1


def test_gate_to_nowhere_is_closed():
    with (
        gate.Gate('127.0.0.1', 9) as passage,
        pytest.raises((OSError, http.client.HTTPException)),
    ):
        ask(passage, 'GET')


def test_closed_gate_lets_nobody_wait(server):
    errors = []

    def send(passage):
        try:
            ask(passage, 'PUT', BODY)
        except (OSError, http.client.HTTPException) as exc:
            errors.append(exc)

    with gate.Gate(
        '127.0.0.1', server.server_port, stop_at='PUT ', after=1000
    ) as passage:
        thread = threading.Thread(target=send, args=(passage,))
        thread.start()
        assert passage.stopped.wait(300)
    thread.join(300)
    assert not thread.is_alive()
