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


"""A small client of the devcloud's own APIs, as its administrator."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from devcloudlib import errors, instance


class Refused(errors.DevcloudError):
    """An API answered with an error.

    :param status: the status of the answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


#: Service: where it listens.
_PORTS = {
    'identity': '5000/v3',
    'network': '9696/v2.0',
    'compute': '8774/v2.1',
    'placement': '8778',
}


class Api:
    """The APIs of a devcloud, asked as its administrator.

    :param chosen: the devcloud's address and secrets.
    """

    def __init__(self, chosen: instance.Settings) -> None:
        self._chosen = chosen
        self._token = ''

    def url(self, service: str) -> str:
        """Give the URL of a service.

        :param service: which.
        """
        return f'http://{self._chosen.address}:{_PORTS[service]}'

    def get(self, service: str, path: str) -> Any:
        """Read something.

        :param service: whom to ask.
        :param path: what, after the service's URL.
        """
        return self._call('GET', service, path)

    def post(self, service: str, path: str, body: Any) -> Any:
        """Make something.

        :param service: whom to ask.
        :param path: where, after the service's URL.
        :param body: what, as JSON values.
        """
        return self._call('POST', service, path, body)

    def put(self, service: str, path: str, body: Any = None) -> Any:
        """Set something.

        :param service: whom to ask.
        :param path: what, after the service's URL.
        :param body: to what, as JSON values.
        """
        return self._call('PUT', service, path, body)

    def _call(
        self, method: str, service: str, path: str, body: Any = None
    ) -> Any:
        if not self._token:
            self._token = self._authenticate()
        headers = {'X-Auth-Token': self._token}
        if service == 'compute':
            headers['OpenStack-API-Version'] = 'compute 2.53'
        try:
            answer, _ = self._send(
                method, f'{self.url(service)}{path}', headers, body
            )
        except Refused as error:
            if error.status == 401:
                self._token = ''
            raise
        return answer

    def _authenticate(self) -> str:
        domain = {'id': 'default'}
        password = self._chosen.secrets['admin']
        user = {'name': 'admin', 'domain': domain, 'password': password}
        _, headers = self._send(
            'POST',
            f'{self.url("identity")}/auth/tokens',
            {},
            {
                'auth': {
                    'identity': {
                        'methods': ['password'],
                        'password': {'user': user},
                    },
                    'scope': {'project': {'name': 'admin', 'domain': domain}},
                }
            },
        )
        return str(headers['X-Subject-Token'])

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: Any
    ) -> tuple[Any, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 our own http
            url,
            data=data,
            method=method,
            headers=headers | {'Content-Type': 'application/json'},
        )
        # The proxies of the environment lead elsewhere.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                text = answer.read()
                return json.loads(text) if text else None, answer.headers
        except urllib.error.HTTPError as error:
            said = error.read(400).decode(errors='replace')
            raise Refused(
                f'{method} {url}: {error.code} {said}', error.code
            ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise errors.DevcloudError(f'{method} {url}: {error!r}') from error
