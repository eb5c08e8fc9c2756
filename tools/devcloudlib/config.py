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


"""The configuration of every service, complete and by itself.

A service reads one file and nothing of /etc; what a test overrides is merged
into it.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from devcloudlib import config_nova, instance, options

Sections = options.Sections


def path(cloud: instance.Instance, service: str) -> Path:
    """Tell where the configuration of a service is.

    :param cloud: the devcloud.
    :param service: one of :data:`CONFIGURABLE`.
    """
    # Placement is told the folder, not the file.
    if service == 'placement':
        return cloud.etc / 'placement' / 'placement.conf'
    return cloud.etc / f'{service}.conf'


def write(cloud: instance.Instance, service: str) -> None:
    """Write the configuration of a service.

    :param cloud: the devcloud.
    :param service: one of :data:`CONFIGURABLE`.
    """
    file = path(cloud, service)
    facts = options.Facts(cloud, cloud.settings(), service, file)
    sections = {
        name: dict(values) for name, values in _MAKERS[service](facts).items()
    }
    for section, values in cloud.overrides().get(service, {}).items():
        sections.setdefault(section, {}).update(values)
    file.parent.mkdir(parents=True, exist_ok=True)
    instance.write_secret(file, options.ini(sections))


def write_all(cloud: instance.Instance) -> None:
    """Write what every service reads.

    :param cloud: the devcloud.
    """
    cloud.etc.mkdir(parents=True, exist_ok=True)
    cloud.etc.chmod(0o700)
    (cloud.etc / 'policy.d').mkdir(exist_ok=True)
    (cloud.etc / 'policy.yaml').write_text('{}\n')
    (cloud.etc / 'neutron-policy.yaml').write_text(
        config_nova.neutron_policy()
    )
    (cloud.etc / 'protections.conf').write_text(_PROTECTIONS)
    (cloud.etc / 'qemu.conf').write_text(_QEMU)
    (cloud.etc / 'libvirtd.conf').write_text(_LIBVIRTD)
    text, definitions = _rabbitmq(cloud)
    (cloud.etc / 'rabbitmq.conf').write_text(text)
    instance.write_secret(cloud.etc / 'rabbitmq.json', json.dumps(definitions))
    for service in CONFIGURABLE:
        write(cloud, service)
    for service, port, program in (
        ('keystone', 5000, '/usr/bin/keystone-wsgi-public'),
        ('placement', 8778, '/usr/bin/placement-api'),
    ):
        (cloud.etc / f'{service}-uwsgi.ini').write_text(
            options.ini(_uwsgi(port, program))
        )


def _keystone(facts: options.Facts) -> Sections:
    keys = facts.cloud.state / 'keys'
    return {
        'DEFAULT': {'use_stderr': True},
        'database': {'connection': facts.database('keystone')},
        'fernet_tokens': {'key_repository': keys / 'fernet'},
        'fernet_receipts': {'key_repository': keys / 'fernet'},
        'credential': {'key_repository': keys / 'credential'},
        # The passwords are random and live for days: the cheapest hash does.
        'identity': {'password_hash_rounds': 4},
        # In its only process: a tenth of the time for every token that a
        # service asks about, and still revoked at once.
        'cache': {'enabled': True, 'backend': 'dogpile.cache.memory_pickle'},
        'oslo_policy': facts.policy,
    }


def _placement(facts: options.Facts) -> Sections:
    return {
        'DEFAULT': {'use_stderr': True},
        'api': {'auth_strategy': 'keystone'},
        'placement_database': {'connection': facts.database('placement')},
        'keystone_authtoken': facts.authtoken,
        'oslo_policy': facts.policy,
    }


def _glance(
    facts: options.Facts, *, port: int, folder: str, stores: tuple[str, ...]
) -> Sections:
    data = facts.cloud.state / folder
    sections: Sections = {
        'DEFAULT': {
            'use_stderr': True,
            'bind_host': '0.0.0.0',  # noqa: S104 in a network of its own
            'bind_port': port,
            'workers': 0,
            'enabled_backends': ','.join(f'{name}:file' for name in stores),
            'node_staging_uri': f'file://{data}/staging',
            'enabled_import_methods': '[glance-direct,web-download]',
            'worker_self_reference_url': facts.url(port),
            'enforce_secure_rbac': True,
        },
        'glance_store': {'default_backend': stores[0]},
        'os_glance_staging_store': {
            'filesystem_store_datadir': data / 'staging'
        },
        'os_glance_tasks_store': {'filesystem_store_datadir': data / 'tasks'},
        'database': {'connection': facts.database(folder)},
        'paste_deploy': {
            'flavor': 'keystone',
            'config_file': '/usr/share/glance-common/glance-api-paste.ini',
        },
        # A test's own server has any port.
        'import_filtering_opts': {
            'allowed_ports': '[]',
            'disallowed_hosts': '[]',
        },
        'oslo_concurrency': {'lock_path': facts.cloud.state / 'lock'},
        'oslo_policy': facts.policy | facts.new_defaults,
        # Asked every time, so that a revoked token is one at once.
        'keystone_authtoken': facts.authtoken | {'token_cache_time': -1},
    }
    for name in stores:
        sections[name] = {
            'filesystem_store_datadir': data / 'stores' / name,
            'store_description': _STORES[name],
        }
    return sections


def _glance_one(facts: options.Facts) -> Sections:
    return _glance(
        facts, port=9292, folder='glance', stores=('fast', 'slow', 'small')
    )


def _glance_two(facts: options.Facts) -> Sections:
    sections = _glance(facts, port=9293, folder='glance_two', stores=('fast',))
    sections['DEFAULT'] |= {
        'image_size_cap': 2 << 30,
        'use_keystone_limits': True,
        'image_property_quota': 64,
        'image_tag_quota': 16,
        'property_protection_file': facts.cloud.etc / 'protections.conf',
        'property_protection_rule_format': 'roles',
    }
    endpoint = facts.cloud.state / options.ENDPOINT
    sections['oslo_limit'] = {
        'auth_type': 'password',
        'auth_url': facts.url(5000, '/v3'),
        'username': 'service',
        'password': facts.chosen.secrets['service'],
        'user_domain_name': 'Default',
        'system_scope': 'all',
        # Not known before the catalogue is there; this is written again
        # before the service starts.
        'endpoint_id': endpoint.read_text() if endpoint.exists() else '',
    }
    return sections


def _uwsgi(port: int, program: str) -> Sections:
    return {
        'uwsgi': {
            'plugins': 'python3',
            'http-socket': f'0.0.0.0:{port}',
            'wsgi-file': program,
            'buffer-size': 65535,
            'master': 'true',
            'lazy-apps': 'true',
            'processes': 1,
            'threads': 8,
            'enable-threads': 'true',
            'die-on-term': 'true',
            'no-orphans': 'true',
            # Its keep-alive leaves clients hanging now and then.
            'add-header': 'Connection: close',
        }
    }


_STORES = {
    'fast': 'the default',
    'slow': 'no slower than the default: a second one',
    'small': 'a tmpfs of 64 MiB, to be filled',
}

# The second Glance keeps what begins with x_owner_ to administrators, as
# clouds do with what their schedulers or billing read.
_PROTECTIONS = """\
[^x_owner_.*]
create = admin
read = admin,member,reader
update = admin
delete = admin

[.*]
create = admin,member
read = admin,member,reader
update = admin,member
delete = admin,member
"""

_QEMU = """\
user = "root"
group = "root"
security_driver = "none"
security_default_confined = 0
cgroup_controllers = [ ]
remember_owner = 0
namespaces = [ ]
"""

_LIBVIRTD = """\
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_rw_perms = "0777"
"""


def _rabbitmq(cloud: instance.Instance) -> tuple[str, dict[str, Any]]:
    chosen = cloud.settings()
    text = (
        'listeners.tcp.default = 0.0.0.0:5672\n'
        'loopback_users = none\n'
        'log.console = false\n'
        f'load_definitions = {cloud.etc}/rabbitmq.json\n'
    )
    return text, options.rabbit_definitions(
        {
            ('devcloud', '/'): chosen.secrets['rabbit'],
            ('tests', 'tests'): chosen.secrets['tests'],
        }
    )


#: Service: what its file says.
_MAKERS: Mapping[str, Callable[[options.Facts], Sections]] = {
    'keystone': _keystone,
    'placement': _placement,
    'glance-api': _glance_one,
    'glance-api-two': _glance_two,
    'nova-api': config_nova.nova,
    'nova-compute': config_nova.nova,
    'nova-conductor': config_nova.nova,
    'nova-scheduler': config_nova.nova,
    'neutron': config_nova.neutron,
    'neutron-dhcp': config_nova.neutron,
    'neutron-linuxbridge': config_nova.neutron,
    'neutron-metadata': config_nova.neutron,
}

#: What may be overridden.
CONFIGURABLE = tuple(_MAKERS)
