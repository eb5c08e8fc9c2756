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


"""The host's side of the network: which addresses, and the veth pair."""

import contextlib
import ipaddress
import json
import subprocess
import zlib
from pathlib import Path

from devcloudlib import errors, instance

#: RFC 2544, for benchmarks of devices: never routed, hardly ever used.
_SPACE = ipaddress.IPv4Network('198.18.0.0/15')
#: The name of the interface inside the cloud.
INSIDE = 'devcloud0'


def parse(text: str) -> ipaddress.IPv4Network:
    """Read a network as a user writes it.

    :param text: such as ``198.18.77.0/24``.
    :raises DevcloudError: if it is no /24.
    """
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise errors.DevcloudError(f'not a network: {error}') from error
    if network.prefixlen != 24:
        raise errors.DevcloudError(f'not a /24: {text}')
    return network


def choose(root: Path) -> ipaddress.IPv4Network:
    """Choose a network for a new devcloud that nothing on the host uses.

    The same folder gets the same one, if it can be had.

    :param root: the devcloud's folder.
    """
    candidates = list(_SPACE.subnets(new_prefix=24))
    first = zlib.crc32(str(root).encode()) % len(candidates)
    taken = _used()
    for candidate in candidates[first:] + candidates[:first]:
        if not any(candidate.overlaps(used) for used in taken):
            return candidate
    raise errors.DevcloudError(
        f'no /24 of {_SPACE} is free on this host',
        'name one: devcloud start --network 10.99.99.0/24',
    )


def check(network: ipaddress.IPv4Network) -> None:
    """Refuse a network that the host uses otherwise.

    :param network: a devcloud's, which is not connected now.
    :raises DevcloudError: if it does.
    """
    for used in _used():
        if network.overlaps(used):
            raise errors.DevcloudError(
                f'the network {network} collides with {used}, which this '
                'host has a route or an address for',
                'take another one: devcloud reset --all, then devcloud '
                'start --network A.B.C.0/24',
            )


def connect(chosen: instance.Settings, pid: int) -> None:
    """Join the host and the cloud, and route to the cloud's guests.

    :param chosen: the devcloud's network.
    :param pid: a process in the cloud's network namespace.
    """
    link = chosen.link
    ip('link', 'add', link, 'type', 'veth', 'peer', INSIDE, 'netns', str(pid))
    ip('address', 'add', f'{chosen.host}/30', 'dev', link)
    ip('link', 'set', link, 'up')
    ip('route', 'add', str(chosen.guests), 'via', chosen.address)


def disconnect(chosen: instance.Settings) -> None:
    """Remove the host's interface, and its routes with it.

    :param chosen: the devcloud's network.
    """
    # It is gone by itself soon after the last process of the cloud.
    with contextlib.suppress(errors.DevcloudError):
        ip('link', 'delete', chosen.link)


def ip(*argv: str) -> str:
    """Run iproute2's ip.

    :param argv: its arguments.
    :raises DevcloudError: with what it says, if it fails.
    """
    done = subprocess.run(
        ['ip', *argv], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise errors.DevcloudError(
            f'ip {" ".join(argv)}: {done.stderr.strip()}',
            'devcloud needs a kernel with veth and bridge, and the right to '
            'make network interfaces',
        )
    return done.stdout


def _used() -> list[ipaddress.IPv4Network]:
    used = []
    for route in json.loads(ip('-j', '-4', 'route', 'show', 'table', 'all')):
        with contextlib.suppress(ValueError):
            used.append(ipaddress.IPv4Network(route['dst']))
    return [network for network in used if network.prefixlen]
