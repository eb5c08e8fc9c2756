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


"""What a new cloud has: endpoints, users, flavors, a network, quotas."""

from devcloudlib import api, clouds_yaml, config_nova, instance, options

#: Name, RAM in MiB, root disk in GB, VCPUs.  The first is too small for any
#: image that asks for something; Nova lets nobody but administrators boot an
#: image with the second, which has no disk; no host has room for the last.
FLAVORS = (
    ('nano', 64, 1, 1),
    ('diskless', 256, 0, 1),
    ('tiny', 256, 1, 1),
    ('small', 1024, 5, 1),
    ('medium', 2048, 10, 2),
    ('impossible', 1 << 20, 1, 1),
)
#: Compute quotas of the project `demo`; the disk and the network have
#: Neutron's defaults.
_QUOTA = {'instances': 6, 'cores': 8, 'ram': 8192, 'key_pairs': 20}

#: What a project may have in the second Glance; sizes in MiB.
_LIMITS = {
    'image_size_total': 1024,
    'image_stage_total': 1024,
    'image_count_total': 50,
    'image_count_uploading': 10,
}

_ENDPOINTS = (
    ('image', 'glance', 9292, '', 'RegionOne'),
    ('placement', 'placement', 8778, '', 'RegionOne'),
    ('network', 'neutron', 9696, '', 'RegionOne'),
    ('compute', 'nova', 8774, '/v2.1', 'RegionOne'),
    ('image', 'glance', 9293, '', 'RegionTwo'),
    ('identity', 'keystone', 5000, '/v3', 'RegionTwo'),
)


def identity(cloud: instance.Instance) -> None:
    """Make the catalogue, the projects and the users.

    :param cloud: the devcloud; its Keystone answers.
    """
    chosen = cloud.settings()
    client = api.Api(chosen)
    client.put('identity', '/regions/RegionTwo', {'region': {}})
    services = {
        service['name']: service['id']
        for service in client.get('identity', '/services')['services']
    }
    for kind, name, port, path, region in _ENDPOINTS:
        if name not in services:
            made = client.post(
                'identity',
                '/services',
                {'service': {'type': kind, 'name': name}},
            )
            services[name] = made['service']['id']
        for interface in ('public', 'internal', 'admin'):
            endpoint = {
                'service_id': services[name],
                'interface': interface,
                'region_id': region,
                'url': f'http://{chosen.address}:{port}{path}',
            }
            made = client.post(
                'identity', '/endpoints', {'endpoint': endpoint}
            )
            if (kind, region, interface) == ('image', 'RegionTwo', 'public'):
                _limits(cloud, client, made['endpoint'])
    _users(client, chosen)


def _limits(
    cloud: instance.Instance, client: api.Api, endpoint: dict[str, str]
) -> None:
    limits = [
        {
            'service_id': endpoint['service_id'],
            'region_id': endpoint['region_id'],
            'resource_name': name,
            'default_limit': limit,
        }
        for name, limit in _LIMITS.items()
    ]
    client.post(
        'identity', '/registered_limits', {'registered_limits': limits}
    )
    # The service wants to know which of all endpoints it is.
    (cloud.state / options.ENDPOINT).write_text(endpoint['id'])


def _users(client: api.Api, chosen: instance.Settings) -> None:
    roles = {
        role['name']: role['id']
        for role in client.get('identity', '/roles')['roles']
    }
    projects: dict[str, str] = {}
    for user, project, role in (
        ('service', 'service', 'admin'),
        ('demo', 'demo', 'member'),
        ('reader', 'demo', 'reader'),
        ('other', 'other', 'member'),
        ('alone', 'alone', 'member'),
    ):
        if project not in projects:
            made = client.post(
                'identity',
                '/projects',
                {'project': {'name': project, 'domain_id': 'default'}},
            )
            projects[project] = made['project']['id']
        new = {
            'name': user,
            'password': chosen.secrets[user],
            'domain_id': 'default',
        }
        made = client.post('identity', '/users', {'user': new})
        client.put(
            'identity',
            f'/projects/{projects[project]}/users/{made["user"]["id"]}'
            f'/roles/{roles[role]}',
        )
        if user == 'service':
            # Of a whole cloud, for limits are not a project's.
            client.put(
                'identity',
                f'/system/users/{made["user"]["id"]}/roles/{roles["reader"]}',
            )


def compute(cloud: instance.Instance) -> None:
    """Make the flavors and set the quotas.

    :param cloud: the devcloud; its Nova's API answers.
    """
    client = api.Api(cloud.settings())
    for name, ram, disk, vcpus in FLAVORS:
        flavor = {'name': name, 'ram': ram, 'disk': disk, 'vcpus': vcpus}
        client.post('compute', '/flavors', {'flavor': flavor})
    [demo] = client.get('identity', '/projects?name=demo')['projects']
    client.put(
        'compute', f'/os-quota-sets/{demo["id"]}', {'quota_set': _QUOTA}
    )


def network(cloud: instance.Instance) -> None:
    """Make the network that servers are in.

    :param cloud: the devcloud; its Neutron answers.
    """
    chosen = cloud.settings()
    client = api.Api(chosen)
    made = client.post(
        'network',
        '/networks',
        {
            'network': {
                'name': 'provider',
                'shared': True,
                'provider:network_type': 'flat',
                'provider:physical_network': config_nova.PHYSICAL,
            }
        },
    )
    subnet = {
        'name': 'provider',
        'network_id': made['network']['id'],
        'ip_version': 4,
        'cidr': str(chosen.guests),
        'gateway_ip': chosen.gateway,
    }
    client.post('network', '/subnets', {'subnet': subnet})


def write_clouds_yaml(cloud: instance.Instance) -> None:
    """Write the clients' configuration.

    :param cloud: the devcloud.
    """
    instance.write_secret(
        cloud.clouds_yaml, clouds_yaml.text(cloud.settings())
    )
