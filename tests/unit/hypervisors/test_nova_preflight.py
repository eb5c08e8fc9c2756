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


import types

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.hypervisors import nova_preflight
from image_pipeline.testing import fake_compute, fakes

ERROR, WARNING = artifact.Severity.ERROR, artifact.Severity.WARNING
GIB = 1 << 30
LIMITS = {
    'instances': 10, 'instances_used': 0,
    'total_cores': 20, 'total_cores_used': 0,
    'total_ram': 51200, 'total_ram_used': 0,
    'keypairs': 100,
}  # fmt: skip


class Answer:
    def __init__(self, status, body):
        self.status_code = status
        self._body = body

    def json(self):
        if self._body is None:
            raise ValueError('no JSON')
        return self._body


class Cloud(fake_compute.FakeCloud):
    """A cloud that says what it is asked."""

    def __init__(self, **options):
        super().__init__(**options)
        self.limits = dict(LIMITS)
        self.answer = Answer(400, {'badRequest': {'message': 'no flavor'}})
        self.quota = {'ports': {'limit': 10, 'used': 1}}
        self.quota |= {'security_groups': {'limit': 10, 'used': 1}}
        self.volume_limits = {
            'max_total_volumes': 10, 'total_volumes_used': 0,
            'max_total_volume_gigabytes': 100, 'total_gigabytes_used': 0,
        }  # fmt: skip
        self.asked = []
        self.compute.post = self._post
        self.compute.get_limits = lambda: types.SimpleNamespace(
            absolute=types.SimpleNamespace(**self.limits)
        )
        self.network.get_quota = self._quota
        self.volume.get_limits = lambda: types.SimpleNamespace(
            absolute=types.SimpleNamespace(**self.volume_limits)
        )

    def endpoint(self, service_type, service):
        if not self.offers(service_type):
            raise exceptions.NotFound(f'there is no {service}')
        return 'http://cloud'

    def _post(self, path, **options):
        self.asked.append((path, options))
        return self.answer

    def _quota(self, project, *, details):
        if self.quota is None:
            raise exceptions.Forbidden('not for you')
        return types.SimpleNamespace(**self.quota)


@pytest.fixture
def cloud():
    return Cloud()


def ask(cloud, *, options=None, **changes):
    """Return what is objected to."""
    target = {
        key: changes.pop(key)
        for key in ('flavor', 'network')
        if key in changes
    }
    asked = {'memory_mib': 256, 'vcpus': 1} | (options or {})
    intent = {
        'makes': {artifact.SMOKE_REPORT: asked},
        'name': 'debian-12',
        'format': 'qcow2',
        'virtual_size': GIB,
    }
    return [
        (one.severity, str(one.problem))
        for one in nova_preflight.check(
            cloud,
            fakes.target('t', cloud='fake', **target),
            artifact.Intent(**(intent | changes)),
        )
    ]


def only(found, severity=ERROR):
    ((said, message),) = found
    assert said is severity
    return message


def test_nothing_speaks_against_a_server_that_fits(cloud):
    assert ask(cloud) == []


def test_right_is_asked_for_with_a_flavor_that_there_is_not(cloud):
    ask(cloud)
    ((path, options),) = cloud.asked
    assert path == '/servers'
    server = options['json']['server']
    assert server['flavorRef'] == server['imageRef']


def test_who_boots_nothing_is_asked_for_nothing(cloud):
    assert ask(cloud, makes={artifact.REGISTRATION: {}}) == []
    assert cloud.asked == []


def test_user_who_may_not_start_servers_is_told(cloud):
    cloud.answer = Answer(403, {'forbidden': {'message': 'Policy says no.'}})
    message = only(ask(cloud))
    assert 'may not start servers' in message
    assert 'Policy says no' in message
    assert 'role member' in message


def test_refusal_that_says_nothing_has_its_status(cloud):
    cloud.answer = Answer(403, None)
    assert 'status 403' in only(ask(cloud))


def test_cloud_without_nova_is_told():
    cloud = Cloud()
    cloud.services = {'image'}
    with pytest.raises(exceptions.NotFound, match='no Nova'):
        ask(cloud)


def test_flavor_that_is_not_there_or_too_small_is_told(cloud):
    assert 'no flavor "huge"' in only(ask(cloud, flavor='huge'))
    found = ask(cloud, options={'memory_mib': 1 << 30})
    assert 'has no flavor with' in only(found)
    assert 'has no flavor with' in only(ask(cloud, virtual_size=1 << 60))


def test_least_flavor_of_the_image_counts_too(cloud):
    found = ask(cloud, properties={'min_ram': str(1 << 30)})
    assert 'has no flavor with' in only(found)


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'instances': 2, 'instances_used': 2}, '0 of 2 instances'),
        ({'total_cores': 0}, '0 of 0 processors'),
        ({'total_ram': 300, 'total_ram_used': 299}, '1 of 300 MiB of memory'),
        ({'keypairs': 0}, 'has 0 keypairs'),
    ],
    ids=str,
)
def test_quota_without_room_is_told(cloud, changes, said):
    cloud.limits |= changes
    assert said in only(ask(cloud))


def test_quota_without_a_limit_has_room(cloud):
    cloud.limits |= {
        'instances': -1,
        'total_cores': -1,
        'total_ram': -1,
        'keypairs': -1,
    }
    assert ask(cloud) == []


def test_network_that_is_not_there_is_told(cloud):
    assert 'no network "x"' in only(ask(cloud, network='x'))


def test_server_without_a_network_is_said(cloud):
    cloud.network.all = []
    assert 'has no network' in only(ask(cloud), WARNING)


def test_cloud_without_neutron_has_no_named_network():
    cloud = Cloud(network=False)
    assert ask(cloud) == []
    assert 'no Neutron' in only(ask(cloud, network='x'))


def test_quota_of_ports_is_told_where_it_may_be_read(cloud):
    cloud.quota['ports'] = {'limit': 5, 'used': 5}
    assert 'no ports left of 5' in only(ask(cloud))
    cloud.quota = None
    assert ask(cloud) == []


def test_quota_of_ports_without_a_limit_has_room(cloud):
    cloud.quota['ports'] = {'limit': -1, 'used': 500}
    assert ask(cloud) == []


def test_volumes_are_counted_if_one_is_booted_from():
    cloud = Cloud(volumes=True)
    assert ask(cloud, options={'also': ['volume']}) == []
    cloud.volume_limits['total_gigabytes_used'] = 100
    found = ask(cloud, options={'also': ['volume']})
    assert '0 of 100 GiB of volumes left' in only(found)
    assert ask(cloud) == []


def test_cloud_without_volumes_is_no_obstacle(cloud):
    assert ask(cloud, options={'also': ['volume']}) == []
