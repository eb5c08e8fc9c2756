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
import threading

import pytest

from image_pipeline import exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import redaction

TOKENS = 'http://keystone.test:5000/v3/auth/tokens'


def target(**said):
    return conf_settings.Target(
        **{
            'name': 't',
            'cloud': 'mycloud',
            'catalogue': 'glance',
            'hypervisor': 'nova',
        }
        | said
    )


@pytest.fixture(autouse=True)
def none_open():
    clouds_cloud.forget()
    yield
    clouds_cloud.forget()


def made(name='mycloud', **said):
    return clouds_cloud.Cloud(
        name, requests=conf_settings.Requests(retries=0), **said
    )


def test_making_a_cloud_asks_nobody(clouds_yaml):
    clouds_yaml('damaged: [')
    assert made().name == 'mycloud'


def test_there_is_one_cloud_for_each_region():
    one = clouds_cloud.open_cloud(target())
    assert clouds_cloud.open_cloud(target(name='other')) is one
    assert clouds_cloud.open_cloud(target(region='RegionTwo')) is not one
    assert clouds_cloud.open_cloud(target(cloud='other')) is not one
    patience = conf_settings.Requests(retries=9)
    assert clouds_cloud.open_cloud(target(requests=patience)) is not one
    clouds_cloud.forget()
    assert clouds_cloud.open_cloud(target()) is not one


def test_target_that_is_this_host_has_no_cloud():
    with pytest.raises(exceptions.InvalidInput, match='"t" has no cloud'):
        clouds_cloud.open_cloud(target(cloud=None))


def test_token_says_who_we_are(cloud, wire):
    assert cloud.project_id == 'p1'
    assert cloud.user_id == wire.token.user_id
    assert cloud.roles == {'member'}
    assert not cloud.is_admin
    assert wire.tokens == 1


def test_administrator_is_told_by_the_role(cloud, wire):
    wire.token.add_role(name='Admin')
    assert cloud.is_admin


def test_region_is_that_of_clouds_yaml_or_the_targets(cloud):
    assert cloud.region == 'RegionOne'
    assert made(region='RegionTwo').region == 'RegionTwo'


def test_unknown_cloud_has_a_hint(clouds_yaml, entry):
    clouds_yaml({'mycloud': entry})
    with pytest.raises(exceptions.NotFound) as caught:
        _ = made('myclod').config
    assert caught.value.hint == 'did you mean "mycloud"?'
    clouds_yaml({})
    with pytest.raises(exceptions.NotFound) as caught:
        _ = made('myclod').config
    assert 'OS_*' in caught.value.hint


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({'cacert': '/nowhere/ca.pem'}, 'no file /nowhere/ca.pem, its cacert'),
        ({'cert': '/nowhere/c.pem'}, 'no file /nowhere/c.pem, its cert'),
        ({'auth_type': 'v3quantum'}, 'v3quantum'),
        ({'auth': {'username': 'x'}}, 'auth_url is missing'),
        ({'auth': {'auth_url': 'keystone.test'}}, 'no http or https URL'),
    ],
)
def test_incomplete_cloud_is_bad_input(clouds_yaml, entry, change, reason):
    clouds_yaml({'mycloud': entry | change})
    with pytest.raises(exceptions.InvalidInput) as caught:
        _ = made().config
    assert 'cloud "mycloud" of clouds.yaml cannot be used' in str(caught.value)
    assert reason in str(caught.value)


def test_cloud_of_several_regions_takes_only_those(clouds_yaml, entry):
    clouds_yaml({'mycloud': entry | {'regions': ['RegionOne']}})
    with pytest.raises(exceptions.InvalidInput, match='RegionOne'):
        _ = made(region='RegionTwo').config


def test_token_without_a_project_is_bad_input(cloud, wire):
    del wire.token['token']['project']
    with pytest.raises(exceptions.InvalidInput, match='names no project'):
        _ = cloud.project_id


def test_wrong_password_is_bad_input(cloud, wire):
    wire.answer('POST', TOKENS, 401, {'error': {'message': 'no', 'code': 401}})
    with pytest.raises(exceptions.InvalidInput) as caught:
        _ = cloud.roles
    assert 'Keystone of cloud "mycloud": cannot log in' in str(caught.value)
    assert caught.value.exit_status == 2


def test_keystone_that_is_down_is_unavailable(cloud, wire):
    wire.answer('POST', TOKENS, 503)
    with pytest.raises(exceptions.Unavailable, match='Keystone of cloud'):
        cloud.offers('image')


def test_service_in_the_catalog_is_offered(cloud):
    assert cloud.offers('image')
    assert not cloud.offers('block-storage')


def test_threads_share_one_session(cloud):
    found = []
    threads = [
        threading.Thread(
            target=lambda: found.append((cloud.session, cloud.images))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_address_of_a_service_is_that_of_the_region(cloud, wire):
    assert cloud.endpoint('image', 'Glance') == 'http://glance.test:9292'
    assert wire.sent() == []


def test_address_may_be_configured(clouds_yaml, entry, wire):
    url = 'http://other.test:9292'
    clouds_yaml({'mycloud': entry | {'image_endpoint_override': url}})
    assert made().endpoint('image', 'Glance') == url


def test_missing_service_is_told_with_those_there_are(cloud):
    with pytest.raises(exceptions.NotFound) as caught:
        _ = cloud.compute
    assert 'no service "compute" (Nova) in region "RegionOne"' in str(
        caught.value
    )
    assert caught.value.hint.endswith('services are image')


def test_missing_region_is_told_with_those_there_are(cloud):
    other = made(region='RegionOn')
    with pytest.raises(exceptions.NotFound) as caught:
        _ = other.volume
    assert caught.value.message == 'cloud "mycloud" has no region "RegionOn"'
    assert caught.value.hint == 'did you mean "RegionOne"?'


def test_missing_interface_is_told(clouds_yaml, entry, wire):
    clouds_yaml({'mycloud': entry | {'interface': 'internal'}})
    with pytest.raises(exceptions.NotFound) as caught:
        _ = made().network
    assert caught.value.hint == (
        'for the interface "internal", services are none'
    )


def test_token_that_lives_long_enough_is_kept(cloud, wire):
    cloud.renew(600)
    cloud.renew(3000)
    assert wire.tokens == 1
    cloud.renew(7200)
    assert wire.tokens == 2


def test_token_that_was_given_cannot_be_renewed(clouds_yaml, wire, caplog):
    clouds_yaml(
        {
            'mycloud': {
                'auth_type': 'v3token',
                'auth': {
                    'auth_url': TOKENS.removesuffix('/auth/tokens'),
                    'token': 'a-token-of-somebody',
                    'project_id': 'p1',
                },
            }
        }
    )
    cloud = made()
    cloud.renew(7200)
    assert wire.tokens == 1
    assert 'cloud "mycloud" expires at' in caplog.text


@pytest.mark.parametrize(
    'auth',
    [
        {
            'auth_type': 'v3applicationcredential',
            'auth': {
                'auth_url': TOKENS.removesuffix('/auth/tokens'),
                'application_credential_id': 'abc',
                'application_credential_secret': 'open sesame',
            },
        },
        {
            'auth_type': 'v3token',
            'auth': {
                'auth_url': TOKENS.removesuffix('/auth/tokens'),
                'token': 'open sesame',
                'project_id': 'p1',
            },
        },
    ],
)
def test_every_kind_of_credentials_logs_in(clouds_yaml, wire, auth):
    clouds_yaml({'mycloud': auth})
    assert made().project_id == 'p1'
    assert 'open sesame' in str(wire.bodies)
    assert redaction.redact('open sesame') == '***'


def test_secrets_are_in_no_log(cloud, wire, caplog):
    with caplog.at_level(logging.DEBUG):
        wire.answer('GET', '/v2/images', 200, {'images': []})
        cloud.images.find()
    assert 'glance.test' in caplog.text
    assert 'correct horse' not in caplog.text
    assert 'token-number-1' not in caplog.text
    assert redaction.redact('correct horse battery') == '***'


def test_secrets_are_in_no_picture_of_a_cloud(cloud):
    _ = cloud.project_id
    assert 'correct horse' not in repr(vars(cloud))


def test_errors_of_ours_and_bugs_pass_as_they_are(cloud):
    with pytest.raises(exceptions.StateConflict, match='as it is'):  # noqa: SIM117
        with cloud.translated('Glance', 'x'):
            raise exceptions.StateConflict('as it is')
    with pytest.raises(KeyError), cloud.translated('Glance', 'x'):
        raise KeyError('bug')


def test_errors_of_clients_are_translated(cloud):
    with (
        pytest.raises(exceptions.Unavailable, match='Nova of cloud "mycloud"'),
        cloud.translated('Nova', 'boot'),
    ):
        raise ConnectionResetError(104, 'Connection reset by peer')
