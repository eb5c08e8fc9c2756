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


"""One devcloud: its folder, its network, its secrets, whether it runs."""

import dataclasses
import fcntl
import ipaddress
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devcloudlib import errors

#: Whose passwords are made: services, and the users of the cloud.
_SECRETS = (
    'admin',
    'alone',
    'demo',
    'metadata',
    'other',
    'rabbit',
    'reader',
    'service',
    'tests',
)
#: MariaDB's socket is in the folder, and the kernel takes 107 bytes.
_LONGEST = 80


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is chosen once for a devcloud and stays.

    :param network: a /24 of the host's address space: the first /30 joins
        the host and the cloud, the upper half is the guests'.
    :param secrets: the passwords, by whose they are.
    """

    network: ipaddress.IPv4Network
    secrets: Mapping[str, str]

    @property
    def host(self) -> str:
        """The host's address, as the cloud sees it."""
        return str(self.network[1])

    @property
    def address(self) -> str:
        """The address of every API."""
        return str(self.network[2])

    @property
    def guests(self) -> ipaddress.IPv4Network:
        """The network that servers are in."""
        return list(self.network.subnets(prefixlen_diff=1))[1]

    @property
    def gateway(self) -> str:
        """The cloud's own address in the guests' network."""
        return str(self.guests[1])

    @property
    def link(self) -> str:
        """The name of the host's network interface."""
        return f'dc{int(self.network[0]):08x}'


@dataclasses.dataclass(frozen=True)
class Instance:
    """A devcloud in a folder.

    :param root: the folder.
    """

    root: Path

    @property
    def etc(self) -> Path:
        """The configuration of the services, written at every start."""
        return self.root / 'etc'

    @property
    def state(self) -> Path:
        """What the services keep: databases, keys, images, disks."""
        return self.root / 'state'

    @property
    def log(self) -> Path:
        """A file for each service."""
        return self.root / 'log'

    @property
    def run(self) -> Path:
        """What is true of a running devcloud only."""
        return self.root / 'run'

    @property
    def saved(self) -> Path:
        """The folder of the saved state."""
        return self.root / 'saved'

    @property
    def clouds_yaml(self) -> Path:
        """The configuration of clients."""
        return self.root / 'clouds.yaml'

    @property
    def control(self) -> Path:
        """The socket that the supervisor answers at."""
        return self.run / 'control'

    @property
    def mysql_socket(self) -> Path:
        """MariaDB's socket."""
        return self.run / 'mysql.sock'

    def settings(self) -> Settings:
        """Read what was chosen for this devcloud.

        :raises DevcloudError: if nothing was chosen yet.
        """
        try:
            kept = json.loads((self.root / 'settings.json').read_text())
        except FileNotFoundError as error:
            raise errors.DevcloudError(
                f'there is no devcloud in {self.root}',
                'make one: devcloud start',
            ) from error
        return Settings(
            network=ipaddress.IPv4Network(kept['network']),
            secrets=kept['secrets'],
        )

    def choose(self, network: ipaddress.IPv4Network) -> Settings:
        """Fix the network of a new devcloud and make its secrets.

        :param network: a /24 that nothing on the host uses.
        """
        if len(os.fsencode(self.root)) > _LONGEST:
            raise errors.DevcloudError(
                f'the path of the state folder is too long: {self.root}',
                f'sockets are in it; take one of at most {_LONGEST} bytes',
            )
        chosen = {
            'network': str(network),
            'secrets': {whose: secrets.token_hex(12) for whose in _SECRETS},
        }
        self.root.mkdir(parents=True, exist_ok=True)
        # dnsmasq gives root up and reads its files nevertheless.
        self.root.chmod(0o711)
        write_secret(self.root / 'settings.json', json.dumps(chosen) + '\n')
        return self.settings()

    def hold(self) -> int:
        """Take the lock that whoever runs this devcloud has.

        :return: an open file that keeps the lock; its copies in children
            keep it too.
        :raises DevcloudError: if it runs already.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        holder = os.open(self.run / 'lock', os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(holder)
            raise errors.DevcloudError(
                f'the devcloud in {self.root} runs already',
                'use it (devcloud status, devcloud exec), stop it (devcloud '
                'stop), or start another one: devcloud --state-dir FOLDER',
            ) from error
        return holder

    @property
    def running(self) -> bool:
        """Whether it runs now, whatever is left of an earlier time."""
        if not (self.run / 'lock').exists():
            return False
        try:
            os.close(self.hold())
        except errors.DevcloudError:
            return True
        return False

    def pid(self) -> int:
        """Tell its first process, as the host counts.

        :raises DevcloudError: if it does not run.
        """
        if self.running and (self.run / 'pid').exists():
            return int((self.run / 'pid').read_text())
        raise errors.DevcloudError(
            f'the devcloud in {self.root} does not run',
            'start it: devcloud start',
        )

    def overrides(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Options that differ from ours: service, section, option."""
        try:
            text = (self.root / 'overrides.json').read_text()
        except FileNotFoundError:
            return {}
        kept: dict[str, dict[str, dict[str, Any]]] = json.loads(text)
        return kept

    def override(self, kept: Mapping[str, Any]) -> None:
        """Keep options that differ from ours, until :meth:`override` again.

        :param kept: all of them, as :meth:`overrides` gives them.
        """
        write_secret(self.root / 'overrides.json', json.dumps(kept) + '\n')


def write_secret(path: Path, text: str) -> None:
    """Write a file for root only, whole or not at all.

    :param path: the file.
    :param text: what is to be in it.
    """
    new = path.with_name(path.name + '.new')
    new.unlink(missing_ok=True)
    with os.fdopen(
        os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'w'
    ) as file:
        file.write(text)
    new.rename(path)
