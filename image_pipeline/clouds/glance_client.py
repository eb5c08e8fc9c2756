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

"""python-glanceclient's controllers, on the session of a cloud."""

import re
from collections.abc import Mapping
from typing import Any

from glanceclient.common import http  # type: ignore[import-untyped]
from glanceclient.v2 import (  # type: ignore[import-untyped]
    image_members,
    schemas,
)
from glanceclient.v2 import images as v2_images
from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session

_VERSION = re.compile(r'/v\d+(\.\d+)?/*$')


class _Client(http.SessionClient):  # type: ignore[misc]  # it is not typed
    """The client's adapter of a session, with errors that know the status.

    Its own know some only: 410, 429 and 504 are "N/A".
    """

    def _handle_response(self, resp: Any) -> Any:
        if not resp.ok:
            raise ksa_exceptions.from_response(
                resp, resp.request.method, resp.url
            )
        return super()._handle_response(resp)


class Clients:
    """What asks Glance.

    :param session: of the cloud.
    :param endpoint: as the catalog has it, with or without a version.
    """

    def __init__(self, session: ksa_session.Session, endpoint: str) -> None:
        #: Without a version.
        self.endpoint = _VERSION.sub('', endpoint.rstrip('/'))
        self._http = _Client(
            session,
            endpoint_override=self.endpoint,
            user_agent='image-pipeline',
        )
        known = schemas.Controller(self._http)
        self.images = v2_images.Controller(self._http, known)
        self.members = image_members.Controller(self._http, known)

    def send(
        self,
        method: str,
        path: str,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the JSON values of an answer.

        :param method: of HTTP.
        :param path: below the endpoint.
        :param data: JSON values, or text.
        :param headers: of the request.
        """
        response, body = self._http.request(
            path, method, data=data, headers=dict(headers or {})
        )
        if not isinstance(body, dict):
            # A page of a proxy, most likely.
            raise ksa_exceptions.InvalidResponse(response)
        return body
