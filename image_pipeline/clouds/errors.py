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

"""What the clients of clouds raise, in our words.

keystoneauth, python-glanceclient, openstacksdk and requests have a tree of
exceptions each; a user gets one sentence with the service, the cloud, what
was being done and why it did not work, and a hint.
"""

import re
import socket
import ssl
from typing import Any

import requests
import urllib3.exceptions
from keystoneauth1 import exceptions as ksa_exceptions

from image_pipeline import exceptions
from image_pipeline.clouds import session

_QUOTA = re.compile(r'quota|limit exceeded|over limit', re.IGNORECASE)
_LONGEST = 300


def translate(
    exc: Exception, *, cloud: str, service: str, doing: str
) -> exceptions.PipelineError | None:
    """Return an exception of a client as one of ours.

    :param exc: what was raised.
    :param cloud: the cloud's name.
    :param service: as a user knows it, such as ``Glance``.
    :param doing: as in "cannot ...", such as ``read image 4f1c``.
    :returns: None if it is not of a client: a bug, or one of ours.
    """
    what = f'{service} of cloud "{cloud}": cannot {doing}: '
    status = http_status(exc)
    if status is not None:
        return _of_status(exc, status, what, cloud)
    return _of_connection(exc, what, cloud) or _of_catalog(exc, what, cloud)


def http_status(exc: BaseException) -> int | None:
    """Return the HTTP status that an exception stands for.

    :param exc: of any of the clients.
    """
    for name in ('http_status', 'status_code', 'code'):
        value = getattr(exc, name, None)
        if isinstance(value, int) and value >= 300:
            return value
    return None


def _of_status(
    exc: Exception, status: int, what: str, cloud: str
) -> exceptions.PipelineError:
    said = words(exc)
    if status == 401:
        return exceptions.InvalidInput(
            f'{what}the credentials were refused',
            hint=f'check user, password or application credential, project '
            f'and domains of "{cloud}" in clouds.yaml',
        )
    if status == 413 or (status == 403 and _QUOTA.search(said)):
        return exceptions.QuotaExceeded(
            f'{what}{said}',
            hint='delete what is not needed, or ask for a higher quota',
        )
    if status == 403:
        return exceptions.Forbidden(
            f'{what}{said}',
            hint='the user lacks the role for it; the manual lists the roles '
            'that each command needs',
        )
    if status == 404:
        return exceptions.NotFound(f'{what}{said}')
    if status == 409:
        return exceptions.StateConflict(f'{what}{said}')
    if status == 429 or status >= 500:
        return exceptions.Unavailable(
            f'{what}HTTP {status}: {said}', hint='try again later'
        )
    return exceptions.StageFailed(f'{what}HTTP {status}: {said}')


def _of_connection(
    exc: Exception, what: str, cloud: str
) -> exceptions.PipelineError | None:
    chain = list(session.causes(exc))
    kinds = (
        ksa_exceptions.ConnectionError,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    )
    if not any(isinstance(one, kinds) for one in chain):
        return None
    for one in chain:
        if isinstance(one, ssl.SSLError | ksa_exceptions.SSLError):
            return exceptions.InvalidInput(
                f'{what}its certificate is not trusted: {one}',
                hint=f'name the file of its authority as cacert of "{cloud}" '
                'in clouds.yaml',
            )
        if isinstance(one, socket.gaierror):
            return exceptions.Unavailable(
                f'{what}its host is not known: {words(exc)}',
                hint='check the name and the resolver',
            )
    timeouts = (
        ksa_exceptions.ConnectTimeout,
        requests.Timeout,
        TimeoutError,
    )
    if any(isinstance(one, timeouts) for one in chain):
        return exceptions.Unavailable(
            f'{what}it did not answer in time', hint='try again later'
        )
    return exceptions.Unavailable(
        f'{what}{words(exc)}', hint='is the service up?'
    )


def _of_catalog(
    exc: Exception, what: str, cloud: str
) -> exceptions.PipelineError | None:
    if isinstance(exc, ksa_exceptions.EndpointNotFound):
        return exceptions.NotFound(
            f'{what}the catalog of services does not have it',
            hint=f'check region_name and interface of "{cloud}" in '
            'clouds.yaml',
        )
    if isinstance(exc, ksa_exceptions.DiscoveryFailure):
        return exceptions.Unavailable(
            f'{what}{words(exc)}', hint='is the service up?'
        )
    from openstack import exceptions as sdk_exceptions

    if isinstance(
        exc, ksa_exceptions.ClientException | sdk_exceptions.SDKException
    ):
        return exceptions.InvalidInput(
            f'{what}{words(exc)}', hint=f'check "{cloud}" in clouds.yaml'
        )
    return None


def words(exc: BaseException) -> str:
    """Return what a service said, on one line and without markup.

    :param exc: of any of the clients.
    """
    text: Any = getattr(exc, 'details', None) or getattr(exc, 'message', None)
    if not isinstance(text, str) or not text:
        text = str(exc)
    text = re.sub(r'<[^<>]*>', ' ', text)
    text = ' '.join(text.split()).rstrip('. ')
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + ' …'
    return text or type(exc).__name__
