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


"""The databases and keys: made once, and saved for the next time."""

import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from devcloudlib import config, errors, instance

NAMES = (
    'keystone',
    'glance',
    'glance_two',
    'placement',
    'nova_api',
    'nova',
    'nova_cell0',
    'neutron',
)


def install(cloud: instance.Instance) -> None:
    """Make MariaDB's own tables, if there are none.

    :param cloud: the devcloud.
    """
    data = cloud.state / 'mysql'
    if (data / 'mysql').is_dir():
        return
    _run(
        cloud,
        [
            'mariadb-install-db',
            '--user=root',
            f'--datadir={data}',
            '--auth-root-authentication-method=socket',
            '--skip-test-db',
        ],
    )


def synchronise(cloud: instance.Instance) -> None:
    """Make the tables of every service, and Keystone's keys.

    :param cloud: the devcloud; its MariaDB runs.
    :raises DevcloudError: if one of them fails; its output is in the log.
    """
    for name in NAMES:
        _run(
            cloud,
            [
                'mariadb',
                f'--socket={cloud.mysql_socket}',
                '-e',
                f'create database if not exists {name} '
                'default charset utf8mb3',
            ],
        )
    failures: list[errors.DevcloudError] = []
    threads = [
        threading.Thread(target=_in_turn, args=(cloud, commands, failures))
        for commands in _commands(cloud)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _commands(cloud: instance.Instance) -> list[list[list[str]]]:
    # Two rows, so that two cores have something to do; Nova's is as long as
    # all the others together.
    chosen = cloud.settings()
    url = f'http://{chosen.address}:5000/v3'

    def managed(program: str, service: str, *argv: str) -> list[str]:
        file = config.path(cloud, service)
        return [program, '--config-file', str(file), *argv]

    def keystone(*argv: str) -> list[str]:
        return managed('keystone-manage', 'keystone', *argv)

    def nova(*argv: str) -> list[str]:
        return managed('nova-manage', 'nova-api', *argv)

    owner = ('--keystone-user', 'root', '--keystone-group', 'root')
    cell0 = (
        'mysql+pymysql://root@localhost/nova_cell0'
        f'?unix_socket={cloud.mysql_socket}&charset=utf8'
    )
    metadefs = '/usr/share/glance-common/metadefs'
    return [
        [
            keystone('db_sync'),
            keystone('fernet_setup', *owner),
            keystone('credential_setup', *owner),
            keystone(
                'bootstrap',
                *('--bootstrap-password', chosen.secrets['admin']),
                *('--bootstrap-region-id', 'RegionOne'),
                *('--bootstrap-admin-url', url),
                *('--bootstrap-internal-url', url),
                *('--bootstrap-public-url', url),
            ),
            managed('glance-manage', 'glance-api', 'db_sync'),
            managed(
                *('glance-manage', 'glance-api'),
                *('db_load_metadefs', metadefs),
            ),
            managed('glance-manage', 'glance-api-two', 'db_sync'),
            managed('placement-manage', 'placement', 'db', 'sync'),
            managed('neutron-db-manage', 'neutron', 'upgrade', 'heads'),
        ],
        [
            nova('api_db', 'sync'),
            nova('cell_v2', 'map_cell0', '--database_connection', cell0),
            nova('db', 'sync'),
            nova('cell_v2', 'create_cell', '--name', 'cell1'),
        ],
    ]


def _in_turn(
    cloud: instance.Instance,
    commands: Sequence[Sequence[str]],
    failures: list[errors.DevcloudError],
) -> None:
    try:
        for command in commands:
            _run(cloud, command)
    except errors.DevcloudError as error:
        failures.append(error)


def _run(cloud: instance.Instance, argv: Sequence[str]) -> None:
    log: Path = cloud.log / 'databases.log'
    with log.open('a') as file:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=dict(os.environ) | {'HOME': '/root'},
            check=False,
        )
    if done.returncode:
        # Not the whole command: passwords are in it.
        raise errors.DevcloudError(
            f'{argv[0]} failed with exit status {done.returncode}',
            f'its output is in {log}',
        )
