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


"""What the configuration files have in common."""

import base64
import dataclasses
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devcloudlib import instance

#: Where the second Glance's endpoint is noted.
ENDPOINT = 'endpoint-two'

Sections = dict[str, dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a configuration is made of.

    :param cloud: the devcloud.
    :param chosen: its settings.
    :param service: whose configuration it is.
    :param file: where it will be.
    """

    cloud: instance.Instance
    chosen: instance.Settings
    service: str
    file: Path

    def url(self, port: int, path: str = '') -> str:
        """Give an endpoint.

        :param port: of the service.
        :param path: what follows, if anything.
        """
        return f'http://{self.chosen.address}:{port}{path}'

    def database(self, name: str) -> str:
        """Give the URL of a database.

        :param name: of the database.
        """
        return (
            f'mysql+pymysql://root@localhost/{name}'
            f'?unix_socket={self.cloud.mysql_socket}&charset=utf8'
        )

    @property
    def rabbit(self) -> str:
        """The URL of the services' message queues."""
        password = self.chosen.secrets['rabbit']
        return f'rabbit://devcloud:{password}@{self.chosen.address}:5672/'

    @property
    def client(self) -> dict[str, Any]:
        """How one service speaks to another."""
        return {
            'auth_type': 'password',
            'auth_url': self.url(5000, '/v3'),
            'username': 'service',
            'password': self.chosen.secrets['service'],
            'project_name': 'service',
            'user_domain_name': 'Default',
            'project_domain_name': 'Default',
            'region_name': 'RegionOne',
        }

    @property
    def authtoken(self) -> dict[str, Any]:
        """How a service checks the tokens that it is given."""
        return self.client | {
            'www_authenticate_uri': self.url(5000, '/v3'),
            'service_token_roles_required': True,
            'service_token_roles': 'admin',
        }

    @property
    def policy(self) -> dict[str, Any]:
        """The policies in the code, and none of /etc."""
        return {
            'policy_file': self.cloud.etc / 'policy.yaml',
            'policy_dirs': self.cloud.etc / 'policy.d',
        }

    @property
    def new_defaults(self) -> dict[str, Any]:
        """The policies that tell a member from a reader."""
        return {'enforce_new_defaults': True, 'enforce_scope': True}


def ini(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Write a configuration file's text.

    :param sections: options by name, by section; False and True are written
        in lower case.
    """
    lines = []
    for section, values in sections.items():
        lines.append(f'[{section}]')
        lines += [
            f'{name} = {str(value).lower()}'
            if isinstance(value, bool)
            else f'{name} = {value}'
            for name, value in values.items()
        ]
    return '\n'.join(lines) + '\n'


def rabbit_definitions(users: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Give the users, vhosts and permissions that RabbitMQ begins with.

    :param users: passwords by user and the vhost that he may use.
    """
    # https://www.rabbitmq.com/docs/passwords#computing-password-hash
    made = []
    for (name, _), password in users.items():
        salt = os.urandom(4)
        digest = hashlib.sha256(salt + password.encode()).digest()
        made.append(
            {
                'name': name,
                'password_hash': base64.b64encode(salt + digest).decode(),
                'hashing_algorithm': 'rabbit_password_hashing_sha256',
                'tags': '',
            }
        )
    return {
        'users': made,
        'vhosts': [{'name': vhost} for _, vhost in users],
        'permissions': [
            {
                'user': name,
                'vhost': vhost,
                'configure': '.*',
                'write': '.*',
                'read': '.*',
            }
            for name, vhost in users
        ],
    }
