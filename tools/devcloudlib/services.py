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


"""The services of a devcloud: how each is started, and when it is ready."""

import dataclasses
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from devcloudlib import api, config, errors, instance

#: What the log of a service says before each of its starts.
STARTED = '--- devcloud starts '

#: What others stand on, in their order.
FOUNDATIONS = (
    *('mariadb', 'rabbitmq', 'virtlogd', 'libvirtd'),
    *('keystone', 'placement'),
)
#: Those that the others have connections to, and lose.
SHARED = ('mariadb', 'rabbitmq')

#: Whether a service is ready that was started at that time.
Probe = Callable[[instance.Instance, float], bool]


@dataclasses.dataclass(frozen=True)
class Service:
    """One service.

    :param name: what users call it.
    :param argv: how it is started.
    :param after: steps and services that are ready before it is started.
    :param ready: whether it answers.
    :param env: its environment, beside that of all.
    """

    name: str
    argv: tuple[str, ...]
    after: tuple[str, ...]
    ready: Probe
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)


def every(cloud: instance.Instance) -> list[Service]:
    """Give all services, those that others need first.

    :param cloud: the devcloud.
    """
    return [*_foundations(cloud), *_wsgi(cloud), *_openstack(cloud)]


def _foundations(cloud: instance.Instance) -> list[Service]:
    rabbit = cloud.state / 'rabbit'
    return [
        Service(
            'mariadb',
            (
                'mariadbd',
                '--no-defaults',
                '--user=root',
                f'--datadir={cloud.state / "mysql"}',
                f'--socket={cloud.mysql_socket}',
                f'--pid-file={cloud.run / "mysql.pid"}',
                '--skip-networking',
                '--skip-log-bin',
                '--skip-performance-schema',
                '--max-connections=500',
                # What a power cut would lose may be lost.
                '--innodb-flush-log-at-trx-commit=0',
                '--innodb-flush-method=nosync',
                '--innodb-log-file-size=16M',
            ),
            ('databases',),
            _unix(cloud.mysql_socket),
        ),
        Service(
            'rabbitmq',
            ('/usr/lib/rabbitmq/bin/rabbitmq-server',),
            ('furniture',),
            _tcp(5672),
            {
                'HOME': str(rabbit),
                'RABBITMQ_NODENAME': 'rabbit@localhost',
                'RABBITMQ_MNESIA_BASE': str(rabbit),
                'RABBITMQ_LOG_BASE': str(cloud.log),
                'RABBITMQ_CONFIG_FILE': str(cloud.etc / 'rabbitmq.conf'),
                'RABBITMQ_ENABLED_PLUGINS_FILE': str(rabbit / 'plugins'),
                'RABBITMQ_PID_FILE': str(rabbit / 'pid'),
                'RABBITMQ_CONF_ENV_FILE': '/dev/null',
                'ERL_EPMD_ADDRESS': '127.0.0.1',
                'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': (
                    '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none'
                ),
            },
        ),
        Service(
            'virtlogd',
            ('virtlogd', '--pid-file', str(cloud.run / 'virtlogd.pid')),
            ('furniture',),
            _unix(Path('/run/libvirt/virtlogd-sock')),
        ),
        Service(
            'libvirtd',
            (
                'libvirtd',
                *('--config', str(cloud.etc / 'libvirtd.conf')),
                *('--pid-file', str(cloud.run / 'libvirtd.pid')),
            ),
            ('virtlogd',),
            _unix(Path('/run/libvirt/libvirt-sock')),
        ),
    ]


def _wsgi(cloud: instance.Instance) -> list[Service]:
    def uwsgi(name: str) -> tuple[str, ...]:
        return ('uwsgi_python3', '--ini', str(cloud.etc / f'{name}-uwsgi.ini'))

    return [
        Service(
            'keystone',
            uwsgi('keystone'),
            ('mariadb',),
            _http(5000, '/v3'),
            {'OS_KEYSTONE_CONFIG_FILES': str(config.path(cloud, 'keystone'))},
        ),
        Service(
            'placement',
            uwsgi('placement'),
            ('mariadb',),
            _http(8778),
            {
                'OS_PLACEMENT_CONFIG_DIR': str(
                    config.path(cloud, 'placement').parent
                )
            },
        ),
    ]


def _openstack(cloud: instance.Instance) -> list[Service]:
    def with_config(program: str, name: str) -> tuple[str, ...]:
        return (program, '--config-file', str(config.path(cloud, name)))

    def nova(name: str, *after: str, ready: Probe | None = None) -> Service:
        return Service(
            name,
            with_config(name, name),
            ('identity', 'rabbitmq', *after),
            ready or _nova_reports(name),
        )

    def agent(name: str, *after: str) -> Service:
        program = f'neutron-{name}-agent'
        return Service(
            f'neutron-{name}',
            with_config(program, f'neutron-{name}'),
            ('neutron', *after),
            _agent_reports(program),
        )

    return [
        # Not its heartbeats: nova-compute waits ten seconds more if it comes
        # before this one answers, and does not need more.
        nova(
            'nova-conductor',
            ready=_says('nova-conductor', 'Starting conductor node'),
        ),
        Service(
            'neutron',
            with_config('neutron-server', 'neutron'),
            ('identity', 'rabbitmq'),
            _http(9696),
        ),
        nova('nova-compute', 'libvirtd', 'placement', 'nova-conductor'),
        nova('nova-api', ready=_http(8774)),
        nova('nova-scheduler'),
        Service(
            'glance-api',
            with_config('glance-api', 'glance-api'),
            ('identity',),
            _http(9292, '/healthcheck'),
        ),
        agent('linuxbridge'),
        # It binds its port as soon as it is there.
        agent('dhcp', 'neutron-linuxbridge'),
        agent('metadata'),
        Service(
            'glance-api-two',
            with_config('glance-api', 'glance-api-two'),
            ('identity',),
            _http(9293, '/healthcheck'),
        ),
    ]


def _unix(path: Path) -> Probe:
    def ready(cloud: instance.Instance, since: float) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.fspath(path))
        return True

    return ready


def _tcp(port: int) -> Probe:
    def ready(cloud: instance.Instance, since: float) -> bool:
        address = (cloud.settings().address, port)
        socket.create_connection(address, timeout=5).close()
        return True

    return ready


def _http(port: int, path: str = '/') -> Probe:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ready(cloud: instance.Instance, since: float) -> bool:
        url = f'http://{cloud.settings().address}:{port}{path}'
        try:
            with opener.open(url, timeout=30) as answer:
                return bool(answer.status < 500)
        except urllib.error.HTTPError as error:
            # 300 is a choice of versions, 401 is a service that answers.
            return error.code < 500

    return ready


def _says(name: str, words: str) -> Probe:
    def ready(cloud: instance.Instance, since: float) -> bool:
        log = (cloud.log / f'{name}.log').read_text(errors='replace')
        return words in log.rpartition(STARTED)[2]

    return ready


def _nova_reports(binary: str) -> Probe:
    def ready(cloud: instance.Instance, since: float) -> bool:
        client = api.Api(cloud.settings())
        answer = client.get('compute', f'/os-services?binary={binary}')
        reports = any(
            service['state'] == 'up' and _later(service['updated_at'], since)
            for service in answer['services']
        )
        if not reports or binary != 'nova-compute':
            return reports
        return _has_room(client)

    return ready


def _has_room(client: api.Api) -> bool:
    # Its heartbeats come before the scheduler has heard of it.
    if not client.get('compute', '/os-hypervisors')['hypervisors']:
        return False
    providers = client.get('placement', '/resource_providers')
    return any(
        client.get(
            'placement', f'/resource_providers/{provider["uuid"]}/inventories'
        )['inventories']
        for provider in providers['resource_providers']
    )


def _agent_reports(binary: str) -> Probe:
    def ready(cloud: instance.Instance, since: float) -> bool:
        client = api.Api(cloud.settings())
        answer = client.get('network', f'/agents?binary={binary}')
        return any(
            agent['alive'] and _later(agent['heartbeat_timestamp'], since)
            for agent in answer['agents']
        )

    return ready


def _later(stamp: str | None, since: float) -> bool:
    # A kept database remembers the heartbeats of an earlier time.
    if not stamp:
        return False
    then = datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    return then.timestamp() > since


def is_ready(service: Service, cloud: instance.Instance, since: float) -> bool:
    """Ask once whether a service is ready.

    :param service: which.
    :param cloud: the devcloud.
    :param since: when it was started, in seconds since the epoch.
    """
    try:
        return service.ready(cloud, since)
    except (OSError, errors.DevcloudError):
        return False
