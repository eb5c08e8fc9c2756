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

"""A cloud that answers from within the test's own process."""

import datetime
import io
import json

import pytest
import requests
import yaml
from keystoneauth1 import fixture
from keystoneauth1 import session as ksa_session

from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import redaction

KEYSTONE = 'http://keystone.test:5000/v3'
GLANCE = 'http://glance.test:9292'
PASSWORD = 'correct horse battery'


class Wire(requests.adapters.BaseAdapter):
    """Answer requests, and remember them.

    An answer is a status, with JSON values and headers if there are any, or
    an exception to raise.  The last answer of a path stays.
    """

    def __init__(self):
        super().__init__()
        self.requests = []
        self.bodies = []
        self.timeouts = []
        self.answers = {}
        self.tokens = 0
        self.raw = io.BytesIO
        self.life = 3600
        self.token = fixture.V3Token(
            user_name='demo', project_id='p1', project_name='demo'
        )
        self.token.set_project_scope(id='p1', name='demo')
        self.token.add_role(name='Member')
        self.token.add_service('image').add_standard_endpoints(
            public=GLANCE, region='RegionOne'
        )
        self.answer(
            'GET', KEYSTONE, 200, {'version': fixture.V3Discovery(KEYSTONE)}
        )
        self.answers['POST', f'{KEYSTONE}/auth/tokens'] = [self.login]

    def answer(self, method, url, *answers_or_status):
        """Say what is answered; each tuple is a further answer."""
        if url.startswith('/'):
            url = GLANCE + url
        first = answers_or_status[0]
        answers = (
            [answers_or_status]
            if isinstance(first, int)
            else answers_or_status
        )
        self.answers[method, url] = list(answers)

    def sent(self, *methods):
        """Return what Glance was asked: method, path and query."""
        return [
            f'{one.method} {one.url.removeprefix(GLANCE)}'
            for one in self.requests
            if one.url.startswith(GLANCE)
            and (not methods or one.method in methods)
        ]

    def login(self, request):
        self.tokens += 1
        now = datetime.datetime.now(datetime.UTC)
        self.token.expires = now + datetime.timedelta(seconds=self.life)
        return (
            201,
            self.token,
            {'X-Subject-Token': f'token-number-{self.tokens}'},
        )

    def send(self, request, timeout=None, **kwargs):
        self.requests.append(request)
        self.timeouts.append(timeout)
        body = request.body
        self.bodies.append(None)
        if body is not None and not isinstance(body, str | bytes):
            body = b''.join(body)
        self.bodies[-1] = body
        url = request.url.partition('?')[0]
        answers = self.answers.get((request.method, url), [(404,)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        status, *rest = answer
        response = requests.Response()
        response.status_code = status
        response.request = request
        response.url = request.url
        response.headers['X-Openstack-Request-Id'] = 'req-1'
        content = rest[0] if rest else b''
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
            response.headers['Content-Type'] = 'application/json'
        elif content.startswith(b'<'):
            response.headers['Content-Type'] = 'text/html'
        else:
            response.headers['Content-Type'] = 'application/octet-stream'
        response.raw = self.raw(content)
        response.headers.update(rest[1] if len(rest) > 1 else {})
        return response

    def close(self):
        """Nothing is open."""


@pytest.fixture
def clouds_yaml(tmp_path, monkeypatch):
    """Write clouds.yaml; without one and without OS_* at first."""
    import os

    for name in list(os.environ):
        if name.startswith('OS_'):
            monkeypatch.delenv(name)
    monkeypatch.setattr(redaction, '_known', frozenset())
    file = tmp_path / 'clouds.yaml'
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(file))

    def write(clouds):
        file.write_text(
            clouds
            if isinstance(clouds, str)
            else yaml.safe_dump({'clouds': clouds})
        )
        return file

    write({})
    return write


@pytest.fixture
def entry():
    """Return a cloud's entry in clouds.yaml."""
    return {
        'auth': {
            'auth_url': KEYSTONE,
            'username': 'demo',
            'password': PASSWORD,
            'project_name': 'demo',
            'user_domain_name': 'Default',
            'project_domain_name': 'Default',
        },
        'region_name': 'RegionOne',
    }


@pytest.fixture
def wire(monkeypatch):
    """Return what answers instead of the network."""
    found = Wire()
    monkeypatch.setattr(
        ksa_session, 'TCPKeepAliveAdapter', lambda **options: found
    )
    return found


@pytest.fixture
def cloud(clouds_yaml, entry, wire):
    """Return a cloud on the wire that does not wait between tries."""
    clouds_yaml({'mycloud': entry})
    made = clouds_cloud.Cloud(
        'mycloud', requests=conf_settings.Requests(retries=2)
    )
    made.session._sleep = lambda seconds: None
    return made
