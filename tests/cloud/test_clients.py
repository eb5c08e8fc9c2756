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

"""Credentials, errors and transfers, with a real Keystone and Glance."""

import copy
import datetime
import hashlib
import http.client
import http.server
import io
import ipaddress
import re
import socket
import ssl
import threading
import time
import uuid

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from image_pipeline import exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings as conf_settings
from image_pipeline.testing import gate as testing_gate

#: Some megabytes: more than the buffers on the way hold.
_DATA = hashlib.sha256(b'x').digest() * (1 << 18)


@pytest.fixture(autouse=True)
def _none_open():
    clouds_cloud.forget()
    yield
    clouds_cloud.forget()


@pytest.fixture
def entry(cloud):
    """The entry of the ordinary user."""
    found = yaml.safe_load(cloud.clouds_yaml.read_text())
    return found['clouds']['devcloud']


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Open a cloud of an entry that the test makes."""

    def make(entry, **patience):
        file = tmp_path / 'clouds.yaml'
        file.write_text(yaml.safe_dump({'clouds': {'mine': entry}}))
        monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(file))
        return clouds_cloud.Cloud(
            'mine', requests=conf_settings.Requests(**patience)
        )

    return make


@pytest.fixture
def image(cloud):
    """Make an image without data, and delete it in the end."""
    images = clouds_cloud.Cloud('devcloud').images
    image_id = str(uuid.uuid4())
    images.create(
        image_id,
        name=f'clients-{image_id[:8]}',
        disk_format='raw',
        hidden=True,
    )
    yield image_id
    images.delete(image_id)


def changed(entry, **auth):
    """Return an entry with other credentials; None takes one away."""
    found = copy.deepcopy(entry)
    found['auth'].update(auth)
    found['auth'] = {
        name: value
        for name, value in found['auth'].items()
        if value is not None
    }
    return found


def without_user(entry, **auth):
    """Return an entry with no user and no project but those given."""
    return changed(
        entry,
        **dict.fromkeys(
            (
                'username',
                'password',
                'user_domain_name',
                'project_name',
                'project_domain_name',
            )
        )
        | auth,
    )


def test_user_is_told_with_project_and_roles(cloud):
    user = clouds_cloud.Cloud('devcloud')
    admin = clouds_cloud.Cloud('devcloud-admin')
    project = admin.connection.identity.find_project('demo')
    assert user.project_id == project.id
    assert user.roles == {'member', 'reader'}
    assert not user.is_admin
    assert admin.is_admin
    assert clouds_cloud.Cloud('devcloud-reader').roles == {'reader'}


def test_proxies_share_the_session(cloud):
    user = clouds_cloud.Cloud('devcloud')
    assert user.compute.session is user.session
    assert user.network.session is user.session
    # Others may have made more.
    assert 'provider' in {one.name for one in user.network.networks()}
    assert list(user.compute.flavors())


@pytest.mark.parametrize(
    'auth',
    [
        {'password': 'not the password'},
        {'username': 'nobody'},
        {'project_name': 'nowhere'},
        {'user_domain_name': 'nowhere'},
        # No role there.
        {'project_name': 'admin'},
    ],
    ids=lambda auth: next(iter(auth)),
)
def test_credentials_that_are_refused_are_told(entry, opened, auth):
    with pytest.raises(exceptions.InvalidInput) as caught:
        opened(changed(entry, **auth)).images.find()
    assert str(caught.value).startswith(
        'Keystone of cloud "mine": cannot log in: the credentials were refused'
    )
    assert 'role in the project' in caught.value.hint
    assert entry['auth']['password'] not in str(caught.value)


def test_unscoped_login_is_told(entry, opened):
    user = opened(changed(entry, project_name=None, project_domain_name=None))
    with pytest.raises(exceptions.InvalidInput, match='names no project'):
        user.images.find()


def test_application_credential_logs_in(cloud, entry, opened):
    name = f'clients-{uuid.uuid4().hex[:8]}'
    owner = clouds_cloud.Cloud('devcloud')
    identity = owner.connection.identity
    made = identity.create_application_credential(owner.user_id, name)
    try:
        found = without_user(
            entry,
            application_credential_id=made.id,
            application_credential_secret=made.secret,
        )
        found['auth_type'] = 'v3applicationcredential'
        user = opened(found)
        assert isinstance(user.images.find(), list)
        found['auth']['application_credential_secret'] = 'wrong'
        with pytest.raises(exceptions.InvalidInput, match='were refused'):
            opened(found).images.find()
    finally:
        identity.delete_application_credential(owner.user_id, made.id)


def test_token_logs_in(cloud, entry, opened):
    owner = clouds_cloud.Cloud('devcloud')
    project = owner.project_id
    found = without_user(
        entry, token=owner.session.get_token(), project_id=project
    )
    found['auth_type'] = 'v3token'
    assert opened(found).project_id == project
    found['auth']['token'] = 'gAAAAA-no-such-token'
    with pytest.raises(exceptions.InvalidInput, match='were refused'):
        opened(found).images.find()


def test_environment_is_a_cloud(pipeline, entry, monkeypatch):
    monkeypatch.delenv('OS_CLIENT_CONFIG_FILE')
    variables = {
        f'OS_{name.upper()}': value for name, value in entry['auth'].items()
    }
    pipeline.variables.clear()
    pipeline.variables.update(variables, OS_REGION_NAME='RegionOne')
    done = pipeline('image', 'list', '--target', 'envvars', '-f', 'json')
    assert done.status == 0, done.err
    done = pipeline('target', 'list', '-f', 'value', '-c', 'name')
    assert done.out.split() == ['local', 'envvars']


def test_clouds_are_targets(pipeline):
    done = pipeline('target', 'list', '-f', 'json')
    clouds = {one['name']: one for one in done.json}
    assert clouds['devcloud-two']['catalogue'] == 'glance'
    assert clouds['devcloud-two']['region'] == 'RegionTwo'
    assert clouds['devcloud']['promote'] == 'manual'
    done = pipeline('image', 'list', '--target', 'devclud')
    assert done.status == 2
    assert 'did you mean "devcloud"?' in done.err


def test_target_may_be_in_another_region(cloud):
    two = clouds_cloud.Cloud('devcloud', 'RegionTwo')
    one = clouds_cloud.Cloud('devcloud')
    assert two.endpoint('image', 'Glance') != one.endpoint('image', 'Glance')
    with pytest.raises(exceptions.NotFound) as caught:
        clouds_cloud.Cloud('devcloud', 'RegionTow').images.find()
    assert 'no region "RegionTow"' in str(caught.value)
    assert caught.value.hint == 'did you mean "RegionTwo"?'


def test_missing_service_is_told(cloud):
    two = clouds_cloud.Cloud('devcloud-two')
    assert two.offers('image')
    assert not two.offers('compute')
    with pytest.raises(exceptions.NotFound, match=r'"compute" \(Nova\)'):
        two.compute.servers()


@pytest.mark.parametrize(
    ('service', 'key'), [('Keystone', 'auth'), ('Glance', 'image')]
)
def test_service_that_is_down_is_named(entry, opened, service, key):
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    if key == 'auth':
        entry = changed(entry, auth_url=f'http://127.0.0.1:{port}/v3')
    else:
        entry['image_endpoint_override'] = f'http://127.0.0.1:{port}'
    with pytest.raises(exceptions.Unavailable) as caught:
        opened(entry, retries=1).images.find()
    assert str(caught.value).startswith(f'{service} of cloud "mine": cannot')
    assert f'127.0.0.1:{port}: connection refused' in str(caught.value)


def test_service_that_does_not_answer_is_told(entry, opened):
    # It takes connections into its queue, and never looks there.
    with socket.create_server(('127.0.0.1', 0)) as silent:
        port = silent.getsockname()[1]
        entry['image_endpoint_override'] = f'http://127.0.0.1:{port}'
        with pytest.raises(exceptions.Unavailable, match='in time'):
            opened(entry, read_timeout=1, retries=0).images.find()


def test_address_that_is_no_keystone_is_told(cloud, entry, opened):
    glance = clouds_cloud.Cloud('devcloud').endpoint('image', 'Glance')
    with pytest.raises(exceptions.NotFound) as caught:
        opened(changed(entry, auth_url=glance)).images.find()
    assert 'auth_url' in caught.value.hint


@pytest.fixture
def certificate(tmp_path):
    """A certificate for this host that nobody else has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'devcloud')])
    now = datetime.datetime.now(datetime.UTC)
    local = x509.IPAddress(ipaddress.ip_address('127.0.0.1'))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([local]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    certificate, private = tmp_path / 'ca.pem', tmp_path / 'key.pem'
    certificate.write_bytes(made.public_bytes(pem))
    private.write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


@pytest.fixture
def secure_keystone(cloud, certificate):
    """Keystone behind TLS: its URL."""

    class Forward(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers['Content-Length'] or 0))
            keystone = http.client.HTTPConnection(cloud.address, 5000)
            keystone.request(self.command, self.path, body, self.headers)
            answer = keystone.getresponse()
            data = answer.read()
            self.send_response(answer.status)
            for name in ('X-Subject-Token', 'Content-Type'):
                if answer.headers[name]:
                    self.send_header(name, answer.headers[name])
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            keystone.close()

        do_POST = do_GET

        def log_message(self, *arguments):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Forward)
    # Who does not trust us hangs up; that is no error here.
    server.handle_error = lambda *arguments: None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f'https://127.0.0.1:{server.server_port}/v3'
    server.shutdown()
    server.server_close()
    serving.join()


def test_certificate_of_ones_own_authority_needs_its_file(
    entry, opened, secure_keystone, certificate
):
    entry = changed(entry, auth_url=secure_keystone)
    with pytest.raises(exceptions.InvalidInput) as caught:
        _ = opened(entry).roles
    assert 'self-signed certificate' in str(caught.value)
    assert 'cacert' in caught.value.hint
    assert 'member' in opened(entry | {'cacert': str(certificate[0])}).roles
    with pytest.raises(exceptions.InvalidInput, match='no file /nowhere'):
        _ = opened(entry | {'cacert': '/nowhere/ca.pem'}).roles


def test_reader_is_told_that_a_role_is_missing(cloud):
    reader = clouds_cloud.Cloud('devcloud-reader').images
    image_id = str(uuid.uuid4())
    with pytest.raises(exceptions.Forbidden) as caught:
        reader.create(image_id, name='x', disk_format='raw')
    assert f'cannot create image {image_id}: it is forbidden' in str(
        caught.value
    )
    assert 'role' in caught.value.hint


def test_secrets_are_in_no_output(pipeline, cloud, entry):
    done = pipeline('--debug', '-vv', 'image', 'list', '--target', 'devcloud')
    assert done.status == 0
    assert cloud.address in done.err
    assert entry['auth']['password'] not in done.out + done.err
    assert not re.search('gAAAA[A-Za-z0-9_-]{20}', done.out + done.err)
    done = pipeline('target', 'show', 'devcloud', '-f', 'json')
    assert entry['auth']['password'] not in done.out


def test_token_is_renewed_when_it_would_not_last(cloud):
    user = clouds_cloud.Cloud('devcloud')
    first = user.session.get_token()
    user.renew(60)
    assert user.session.get_token() == first
    user.renew(10**6)
    assert user.session.get_token() != first


def test_token_that_was_withdrawn_is_replaced_during_an_upload(cloud, image):
    user = clouds_cloud.Cloud('devcloud')
    token = user.session.get_token()
    user.images.get(image)
    user.session.delete(
        f'{user.endpoint("identity", "Keystone")}/auth/tokens',
        headers={'X-Subject-Token': token},
    )
    user.images.upload(image, io.BytesIO(_DATA), len(_DATA))
    found = user.images.get(image)
    assert found.status == 'active'
    assert found.hash_value == hashlib.sha512(_DATA).hexdigest()


@pytest.fixture
def gate(cloud):
    """A gate before Glance that stops an upload."""
    with testing_gate.Gate(
        cloud.address, 9292, stop_at='PUT /v2/images/'
    ) as found:
        yield found


def test_upload_goes_on_from_its_start_after_the_connection_broke(
    entry, opened, gate, image
):
    user = opened(entry | {'image_endpoint_override': gate.url})
    told = []
    cutter = threading.Thread(
        target=lambda: (gate.stopped.wait(60), gate.cut())
    )
    cutter.start()
    user.images.upload(
        image, io.BytesIO(_DATA), len(_DATA), progress=told.append
    )
    cutter.join()
    assert told[-1] == len(_DATA)
    found = user.images.get(image)
    assert found.size == len(_DATA)
    assert found.hash_value == hashlib.sha512(_DATA).hexdigest()


def test_upload_can_be_cancelled_while_glance_takes_nothing(
    entry, opened, gate, image
):
    user = opened(entry | {'image_endpoint_override': gate.url})

    def cancelled():
        if gate.stopped.is_set():
            raise exceptions.Interrupted('interrupted by SIGINT')

    with pytest.raises(exceptions.Interrupted):
        user.images.upload(
            image, io.BytesIO(_DATA), len(_DATA), cancelled=cancelled
        )
    # What was sent is not an image.
    assert user.images.get(image).status in ('saving', 'queued')
    gate.cut()


def test_data_come_back_in_parts_and_as_a_whole(cloud, image):
    images = clouds_cloud.Cloud('devcloud').images
    images.upload(image, io.BytesIO(_DATA), len(_DATA))
    assert images.ranges(image)
    assert images.read(image, 1000, 70) == _DATA[1000:1070]
    assert images.read(image, len(_DATA) - 5, 70) == _DATA[-5:]
    assert images.read(image, len(_DATA) + 5, 70) == b''
    file = io.BytesIO()
    assert images.download(image, file) == len(_DATA)
    assert file.getvalue() == _DATA


def test_restart_of_glance_is_waited_for(exclusive_cloud):
    user = clouds_cloud.Cloud(
        'devcloud',
        requests=conf_settings.Requests(retries=40, retry_seconds=600),
    )
    _ = user.roles
    exclusive_cloud.stop('glance-api')
    starting = threading.Thread(
        target=exclusive_cloud.start, args=['glance-api']
    )
    starting.start()
    assert isinstance(user.images.find(), list)
    starting.join()


def test_token_may_expire_during_an_upload(exclusive_cloud, opened, tmp_path):
    exclusive_cloud.configure('keystone', 'token.expiration=20')
    entry = yaml.safe_load(exclusive_cloud.clouds_yaml.read_text())
    entry = entry['clouds']['devcloud']
    image_id = str(uuid.uuid4())
    with testing_gate.Gate(
        exclusive_cloud.address, 9292, stop_at='PUT /v2/images/'
    ) as gate:
        user = opened(entry | {'image_endpoint_override': gate.url})
        user.images.create(image_id, name='x', disk_format='raw', hidden=True)

        def wait():
            gate.stopped.wait(300)
            token = user.session.auth.auth_ref
            while not token.will_expire_soon(-2):
                time.sleep(0.2)
            gate.open()

        waiting = threading.Thread(target=wait)
        waiting.start()
        user.images.upload(image_id, io.BytesIO(_DATA), len(_DATA))
        waiting.join()
        found = user.images.get(image_id)
        assert found.status == 'active'
        assert found.hash_value == hashlib.sha512(_DATA).hexdigest()
        user.images.delete(image_id)
