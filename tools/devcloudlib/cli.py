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


"""The command line."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from devcloudlib import (
    clouds_yaml,
    config,
    control,
    errors,
    instance,
    launch,
    network,
    packages,
    saved,
    supervisor,
)

_DESCRIPTION = """\
A real OpenStack on this machine: Keystone, Glance (two regions), Placement,
Nova with libvirt and QEMU, Neutron, RabbitMQ and MariaDB of Debian 12, in
namespaces of their own.  Nothing of it runs on the host, or after a reboot.
"""

_EPILOG = """\
First use, as root:
  tools/devcloud install        # 400 to 600 packages, some minutes
  tools/devcloud start          # about a minute, later half of it
  export OS_CLIENT_CONFIG_FILE=$(tools/devcloud status --clouds-yaml)
  openstack --os-cloud devcloud image list
  tools/devcloud stop

Entries of clouds.yaml: devcloud (an ordinary member of the project demo),
devcloud-reader, devcloud-other and devcloud-alone (other projects),
devcloud-two (the second region), devcloud-admin.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say, and return the exit status.

    :param argv: the arguments, by default the program's.
    """
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        if os.geteuid() != 0:
            raise errors.DevcloudError(
                'namespaces and network interfaces need root',
                f'sudo {Path(sys.argv[0])} ...',
            )
        return command(arguments)
    except errors.DevcloudError as error:
        _say(f'devcloud: {error}')
        if error.hint:
            _say(f'  {error.hint}')
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='devcloud',
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--state-dir',
        type=Path,
        metavar='FOLDER',
        default=os.environ.get('IMAGE_PIPELINE_DEVCLOUD')
        or '/var/lib/image-pipeline-devcloud',
        help='everything that this devcloud keeps; another folder is another '
        'devcloud, and several may run (default: '
        '$IMAGE_PIPELINE_DEVCLOUD, or /var/lib/image-pipeline-devcloud)',
    )
    commands = parser.add_subparsers(metavar='COMMAND', required=True)

    def add(
        name: str, command: Callable[[argparse.Namespace], int], words: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words, description=words)
        added.set_defaults(command=command)
        return added

    add('install', _install, 'install the packages; no service is started')
    one = add('start', _start, 'start it, and wait until it is ready')
    one.add_argument(
        '--network',
        metavar='A.B.C.0/24',
        help='its network, when it is new (default: a free one of '
        '198.18.0.0/15)',
    )
    add('stop', _stop, 'end it; what it has kept is there at the next start')
    one = add('reset', _reset, 'forget all that it has kept; stops it first')
    one.add_argument(
        '--all',
        action='store_true',
        help='also its network, its passwords and the saved state',
    )
    one = add('status', _status, 'tell what runs, and where')
    one.add_argument(
        '--json', action='store_true', help='for programs; has passwords'
    )
    one.add_argument(
        '--clouds-yaml',
        action='store_true',
        help="print only the path of the clients' configuration",
    )
    one = add('exec', _exec, 'run a program inside, where servers are')
    one.add_argument('argv', nargs=argparse.REMAINDER, metavar='CMD')
    one = add('service', _service, 'start, stop (SIGTERM) or kill a service')
    one.add_argument('action', choices=('start', 'stop', 'kill'))
    one.add_argument('name')
    one = add('configure', _configure, 'override options, and restart')
    one.add_argument('service', choices=config.CONFIGURABLE)
    one.add_argument(
        'option', nargs='+', metavar='SECTION.OPTION=VALUE', type=_option
    )
    add('mend', _mend, 'start what is down, and take overrides back')
    one = add('log', _log, "print a service's log")
    one.add_argument('name')
    one.add_argument('-f', '--follow', action='store_true')
    one = commands.add_parser('_supervise')
    one.set_defaults(command=_supervise)
    return parser


def _cloud(arguments: argparse.Namespace) -> instance.Instance:
    root: Path = arguments.state_dir
    return instance.Instance(root.resolve())


def _install(arguments: argparse.Namespace) -> int:
    installed = packages.install()
    _say(f'{len(installed)} packages of bindep.txt were missing')
    return 0


def _start(arguments: argparse.Namespace) -> int:
    cloud = _cloud(arguments)
    wanted = network.parse(arguments.network) if arguments.network else None
    launch.start(cloud, wanted=wanted, say=_say)
    _print(f'export OS_CLIENT_CONFIG_FILE={cloud.clouds_yaml}')
    _print(f'export OS_CLOUD={clouds_yaml.ENTRIES[0][0]}')
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    if not launch.stop(_cloud(arguments)):
        _say('it did not run')
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    cloud = _cloud(arguments)
    if not (cloud.root / 'settings.json').exists():
        _say(f'there is no devcloud in {cloud.root}')
        return 0
    launch.stop(cloud)
    saved.forget(cloud, everything=arguments.all)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    cloud = _cloud(arguments)
    chosen = cloud.settings()
    if arguments.clouds_yaml:
        _print(str(cloud.clouds_yaml))
        return 0
    if arguments.json:
        _print(json.dumps(_facts(cloud), indent=2))
        return 0
    _print(f'folder       {cloud.root}')
    _print(f'clouds.yaml  {cloud.clouds_yaml}')
    _print(f'identity     http://{chosen.address}:5000/v3')
    _print(f'rabbitmq     {chosen.address}:5672, user and vhost: tests')
    _print(f'servers in   {chosen.guests}, host at {chosen.host}')
    if not cloud.running:
        _print('it does not run')
        return 1
    status = control.ask(cloud, do='status')
    for service in status['services']:
        _print(
            f'{service["name"]:20} {service["state"]:9} '
            f'{service["pid"] or ""}'.rstrip()
        )
    for service, sections in status['overrides'].items():
        for section, values in sections.items():
            for name, value in values.items():
                _print(f'overridden: {service} {section}.{name}={value}')
    return 0 if status['ready'] else 1


def _facts(cloud: instance.Instance) -> dict[str, Any]:
    chosen = cloud.settings()
    facts: dict[str, Any] = {
        'folder': str(cloud.root),
        'clouds_yaml': str(cloud.clouds_yaml),
        'address': chosen.address,
        'host_address': chosen.host,
        'guests': str(chosen.guests),
        'transport_url': (
            f'rabbit://tests:{chosen.secrets["tests"]}'
            f'@{chosen.address}:5672/tests'
        ),
        'running': cloud.running,
    }
    if facts['running']:
        facts |= control.ask(cloud, do='status')
    return facts


def _exec(arguments: argparse.Namespace) -> int:
    if not arguments.argv:
        raise errors.DevcloudError('which program?', 'devcloud exec CMD...')
    launch.inside(_cloud(arguments), arguments.argv)
    return 1


def _service(arguments: argparse.Namespace) -> int:
    control.ask(_cloud(arguments), do=arguments.action, name=arguments.name)
    return 0


def _configure(arguments: argparse.Namespace) -> int:
    cloud = _cloud(arguments)
    cloud.pid()
    kept = cloud.overrides()
    sections: dict[str, dict[str, Any]] = kept.setdefault(
        arguments.service, {}
    )
    for section, name, value in arguments.option:
        sections.setdefault(section, {})[name] = value
    cloud.override(kept)
    for action in ('stop', 'start'):
        control.ask(cloud, do=action, name=arguments.service)
    return 0


def _mend(arguments: argparse.Namespace) -> int:
    for name in control.ask(_cloud(arguments), do='mend')['mended']:
        _say(f'{name} was started')
    return 0


def _log(arguments: argparse.Namespace) -> int:
    cloud = _cloud(arguments)
    file = cloud.log / f'{arguments.name}.log'
    if not file.exists():
        there = sorted(path.stem for path in cloud.log.glob('*.log'))
        raise errors.DevcloudError(
            f'there is no log of {arguments.name}',
            f'there are: {", ".join(there) or "none"}',
        )
    command = ['tail', '-n', '+1', *(['-f'] if arguments.follow else [])]
    return subprocess.run([*command, file], check=False).returncode


def _supervise(arguments: argparse.Namespace) -> int:
    return supervisor.main(_cloud(arguments).root)


def _option(text: str) -> tuple[str, str, str]:
    key, equals, value = text.partition('=')
    section, dot, name = key.partition('.')
    if not (equals and dot and section and name):
        raise argparse.ArgumentTypeError(
            f'not of the form SECTION.OPTION=VALUE: {text}'
        )
    return section, name, value


def _print(line: str) -> None:
    sys.stdout.write(f'{line}\n')
    sys.stdout.flush()


def _say(line: str) -> None:
    sys.stderr.write(f'{line}\n')
    sys.stderr.flush()
