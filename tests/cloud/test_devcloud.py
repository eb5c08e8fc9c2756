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


"""tools/devcloud itself."""

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = Path(__file__).parents[2] / 'tools' / 'devcloud'


def devcloud(
    *argv: str | os.PathLike[str],
) -> 'subprocess.CompletedProcess[str]':
    return subprocess.run(
        [_PROGRAM, *argv], capture_output=True, text=True, timeout=600
    )


def answers(cloud: Any, port: int) -> bool:
    try:
        with urllib.request.urlopen(
            f'http://{cloud.address}:{port}/', timeout=60
        ):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def states(cloud: Any) -> dict[str, str]:
    services = json.loads(cloud.run('status', '--json'))['services']
    return {service['name']: service['state'] for service in services}


def test_every_service_is_ready(cloud: Any) -> None:
    assert set(states(cloud).values()) == {'ready'}


def test_a_second_start_is_refused_with_what_to_do(cloud: Any) -> None:
    done = devcloud('--state-dir', cloud.folder, 'start')
    assert done.returncode == 1
    assert 'runs already' in done.stderr
    assert 'devcloud stop' in done.stderr
    assert set(states(cloud).values()) == {'ready'}


def test_clouds_yaml_is_for_its_owner_only(cloud: Any) -> None:
    assert cloud.clouds_yaml.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    'who', ['devcloud', 'devcloud-reader', 'devcloud-other', 'devcloud-two']
)
def test_each_entry_of_clouds_yaml_gets_a_token(cloud: Any, who: str) -> None:
    token = cloud.openstack('token', 'issue', '-f', 'json', cloud=who)
    assert token['id']


def test_a_reader_makes_no_image(cloud: Any) -> None:
    done = cloud.try_openstack(
        'image', 'create', 'refused', cloud='devcloud-reader'
    )
    assert done.returncode != 0
    assert '403' in done.stderr


def test_a_member_makes_an_application_credential(cloud: Any) -> None:
    made = cloud.openstack(
        *('application', 'credential', 'create', 'devcloud-test'),
        *('-f', 'json'),
    )
    try:
        assert made['secret']
    finally:
        cloud.openstack('application', 'credential', 'delete', made['id'])


def test_the_broker_answers_the_host(cloud: Any) -> None:
    socket.create_connection((cloud.address, 5672), timeout=60).close()


def test_a_program_inside_sees_the_servers_network(cloud: Any) -> None:
    interfaces = json.loads(cloud.exec('ip', '-j', 'address'))
    assert {'devcloud0', 'prov0'} <= {one['ifname'] for one in interfaces}


def test_a_killed_service_is_down_until_it_is_started(
    exclusive_cloud: Any,
) -> None:
    assert answers(exclusive_cloud, 9292)
    exclusive_cloud.kill('glance-api')
    assert not answers(exclusive_cloud, 9292)
    assert states(exclusive_cloud)['glance-api'] == 'stopped'
    exclusive_cloud.start('glance-api')
    assert answers(exclusive_cloud, 9292)
    assert states(exclusive_cloud)['glance-api'] == 'ready'


def test_an_override_holds_until_the_cloud_is_mended(
    exclusive_cloud: Any,
) -> None:
    config = exclusive_cloud.folder / 'etc' / 'glance-api-two.conf'
    exclusive_cloud.configure('glance-api-two', 'DEFAULT.image_size_cap=7')
    assert 'image_size_cap = 7\n' in config.read_text()
    exclusive_cloud.stop('keystone')
    exclusive_cloud.mend()
    assert 'image_size_cap = 7\n' not in config.read_text()
    assert set(states(exclusive_cloud).values()) == {'ready'}


def test_the_agents_report_after_the_broker_was_killed_and_mended(
    exclusive_cloud: Any,
) -> None:
    exclusive_cloud.kill('rabbitmq')
    killed = datetime.now(UTC).replace(microsecond=0)
    exclusive_cloud.mend()
    agents = exclusive_cloud.openstack(
        'network', 'agent', 'list', '--long', '-f', 'json',
        cloud='devcloud-admin',
    )  # fmt: skip
    services = exclusive_cloud.openstack(
        'compute', 'service', 'list', '-f', 'json', cloud='devcloud-admin'
    )
    assert all(agent['Alive'] for agent in agents)
    # nova-conductor reports to the database, without the broker.
    [then] = [
        datetime.fromisoformat(service['Updated At'])
        for service in services
        if service['Binary'] == 'nova-compute'
    ]
    assert then.replace(tzinfo=UTC) > killed


def test_an_unknown_service_is_named_with_those_that_there_are(
    cloud: Any,
) -> None:
    done = devcloud('--state-dir', cloud.folder, 'service', 'stop', 'glance')
    assert done.returncode == 1
    assert 'there is no service glance' in done.stderr
    assert 'glance-api' in done.stderr


def test_where_there_is_no_devcloud_it_says_how_to_make_one(
    tmp_path: Path,
) -> None:
    done = devcloud('--state-dir', tmp_path / 'none', 'status')
    assert done.returncode == 1
    assert 'devcloud start' in done.stderr
    assert not (tmp_path / 'none').exists()


def test_a_kill_in_the_middle_leaves_no_process_and_no_interface(
    tmp_path: Path,
) -> None:
    folder = tmp_path / 'dc'
    with subprocess.Popen(
        [_PROGRAM, '--state-dir', folder, 'start'],
        stderr=subprocess.PIPE,
        text=True,
    ) as start:
        try:
            assert start.stderr
            assert 'furniture' in start.stderr.readline()
            facts = json.loads(
                devcloud('--state-dir', folder, 'status', '--json').stdout
            )
            os.kill(int((folder / 'run' / 'pid').read_text()), signal.SIGKILL)
            said = start.stderr.read()
        finally:
            start.kill()
    assert start.returncode == 1
    assert 'it ended while it was starting' in said
    assert facts['host_address'] not in subprocess.check_output(
        ['ip', '-4', 'address'], text=True
    )
    done = devcloud('--state-dir', folder, 'status')
    assert done.returncode == 1
    assert 'it does not run' in done.stdout
    assert devcloud('--state-dir', folder, 'stop').returncode == 0


def test_a_network_of_the_host_is_not_taken(tmp_path: Path) -> None:
    routes = subprocess.run(
        ['ip', '-j', '-4', 'address'], capture_output=True, check=True
    )
    used = next(
        info['local']
        for one in json.loads(routes.stdout)
        for info in one['addr_info']
        if one['ifname'] != 'lo' and info['prefixlen'] >= 8
    )
    network = '.'.join(used.split('.')[:3]) + '.0/24'
    folder = tmp_path / 'dc'
    done = devcloud('--state-dir', folder, 'start', '--network', network)
    assert done.returncode == 1
    assert 'collides' in done.stderr
    assert not list(folder.glob('settings.json'))
