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

import html
import re
import socket
import ssl
import urllib.parse

import requests
import urllib3.exceptions
from keystoneauth1 import exceptions as ksa_exceptions

from image_pipeline import exceptions
from image_pipeline.clouds import session
from image_pipeline.host import redaction

#: The service whose refusals are about credentials.
KEYSTONE = 'Keystone'

#: Nova and Cinder answer 403, with such words.
_QUOTA = re.compile(r'quota|limit exceeded|over limit', re.IGNORECASE)
_LONGEST = 300
#: A service without an address.
_IT = 'it'

#: What web frameworks put before what the service says.
_NOISE = re.compile(
    r'^(\d{3} [\w ]+:|HTTP \d{3}\b:?'
    r'|There was a conflict when trying to complete your request\.?:?'
    r'|Access was denied to this resource\.?:?'
    r'|The resource could not be found\.?:?(?=.)'
    r'|The server could not comply with the request since it is either '
    r'malformed or otherwise incorrect\.?:?'
    r'|The request you have made requires authentication\.?)\s*'
)
_TAIL = re.compile(r'\s*\((HTTP \d{3}|Request-ID: [^)]*)\)')
_URL = re.compile(r'https?://[^\s/\'"]+')


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
        found: exceptions.PipelineError | None = (
            _of_login(exc, status, what, cloud)
            if status == 401 or (service == KEYSTONE and status < 500)
            else _of_status(exc, status, what)
        )
    else:
        found = (
            _of_answer(exc, what)
            or _of_connection(exc, what, cloud)
            or _of_catalog(exc, what, cloud)
            or _of_sdk(exc, what, cloud)
        )
    if found is not None:
        found.message = redaction.redact(found.message)
        found.args = (found.message,)
    return found


def http_status(exc: BaseException) -> int | None:
    """Return the HTTP status that an exception stands for.

    :param exc: of any of the clients.
    """
    for name in ('http_status', 'status_code', 'code'):
        value = getattr(exc, name, None)
        if isinstance(value, int) and value >= 300:
            return value
    return None


def _of_login(
    exc: Exception, status: int, what: str, cloud: str
) -> exceptions.PipelineError:
    if status == 429:
        return _of_status(exc, status, what)
    said = words(exc, otherwise='')
    if status == 404 and getattr(exc, 'request_id', None) is None:
        # Keystone puts an id on all that it answers.
        return exceptions.NotFound(
            f'{what}there is no Keystone at its auth_url',
            hint=f'check auth_url of "{cloud}" in clouds.yaml',
        )
    return exceptions.InvalidInput(
        f'{what}the credentials were refused{": " if said else ""}{said}',
        hint=f'check "{cloud}" in clouds.yaml: user and password, token or '
        'application credential, the project and the domains; the user must '
        'have a role in the project',
    )


def _of_status(
    exc: Exception, status: int, what: str
) -> exceptions.PipelineError:
    said = words(exc)
    if status == 413 or (status == 403 and _QUOTA.search(said)):
        return exceptions.QuotaExceeded(
            f'{what}{said}',
            hint='delete what is not needed, or ask for a higher quota',
        )
    if status == 403:
        return exceptions.Forbidden(
            f'{what}it is forbidden: {said}',
            hint='the user may lack a role for it; the manual lists the '
            'roles that each command needs',
        )
    if status in (404, 410):
        return exceptions.NotFound(f'{what}{said}')
    if status == 409:
        return exceptions.StateConflict(f'{what}{said}')
    if status == 429:
        return exceptions.Unavailable(
            f'{what}it had too many requests', hint='try again later'
        )
    if status >= 500 and status != 501:
        return exceptions.Unavailable(
            f'{what}HTTP {status}: {said}',
            hint='try again later, or look into the log of the service',
        )
    return exceptions.StageFailed(f'{what}HTTP {status}: {said}')


def _of_answer(exc: Exception, what: str) -> exceptions.PipelineError | None:
    """Return an error for an answer that is none of such a service."""
    kinds = (ksa_exceptions.InvalidResponse, requests.JSONDecodeError)
    if not isinstance(exc, kinds):
        return None
    return exceptions.NotFound(
        f'{what}what answers at its address is no such service',
        hint='check the addresses in the catalog, and the proxies of the '
        'environment',
    )


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
    where = _where(exc)
    timeouts = (ksa_exceptions.ConnectTimeout, requests.Timeout, TimeoutError)
    if any(isinstance(one, timeouts) for one in chain):
        return exceptions.Unavailable(
            f'{what}{where} did not answer in time',
            hint='try again later; [clouds] in the configuration has the '
            'time-outs',
        )
    trust = [one for one in chain if isinstance(one, ssl.SSLError)]
    if trust:
        reason = (
            getattr(trust[-1], 'verify_message', '')
            or getattr(trust[-1], 'reason', '')
            or words(trust[-1])
        )
        return exceptions.InvalidInput(
            f'{what}there is no trusted connection to {where}: {reason}',
            hint='name the file with the certificate of its authority as '
            f'cacert of "{cloud}" in clouds.yaml',
        )
    unknown = (socket.gaierror, urllib3.exceptions.NameResolutionError)
    if any(isinstance(one, unknown) for one in chain):
        return exceptions.Unavailable(
            f'{what}the name of its host, {where}, is not known',
            hint='check the name and the resolver',
        )
    reasons = [
        one.strerror
        for one in chain
        if isinstance(one, OSError) and isinstance(one.strerror, str)
    ]
    reason = reasons[-1].lower() if reasons else 'the connection broke'
    if where != _IT:
        reason = f'{where}: {reason}'
    return exceptions.Unavailable(f'{what}{reason}', hint='is the service up?')


def _where(exc: Exception) -> str:
    """Return host and port that an exception is about."""
    found = _URL.search(str(exc))
    if found is None:
        return _IT
    return urllib.parse.urlsplit(found[0]).netloc.rpartition('@')[2]


def _of_catalog(
    exc: Exception, what: str, cloud: str
) -> exceptions.PipelineError | None:
    hint = f'check "{cloud}" in clouds.yaml'
    if isinstance(exc, ksa_exceptions.EndpointNotFound):
        return exceptions.NotFound(
            f'{what}the catalog of services does not have it',
            hint=f'{hint}: region_name and interface',
        )
    if isinstance(exc, ksa_exceptions.DiscoveryFailure):
        return exceptions.NotFound(
            f'{what}no such service answers at its address: {words(exc)}',
            hint=f'{hint}: auth_url',
        )
    if isinstance(exc, ksa_exceptions.ClientException):
        return exceptions.InvalidInput(f'{what}{words(exc)}', hint=hint)
    return None


def _of_sdk(
    exc: Exception, what: str, cloud: str
) -> exceptions.PipelineError | None:
    from openstack import exceptions as sdk_exceptions

    if isinstance(exc, sdk_exceptions.ConfigException):
        return exceptions.InvalidInput(
            f'{what}{words(exc)}', hint=f'check "{cloud}" in clouds.yaml'
        )
    if isinstance(exc, sdk_exceptions.ResourceTimeout):
        return exceptions.Unavailable(f'{what}{words(exc)}')
    if isinstance(exc, sdk_exceptions.SDKException):
        return exceptions.StageFailed(f'{what}{words(exc)}')
    return None


def words(exc: BaseException, *, otherwise: str | None = None) -> str:
    """Return what a service said, on one line and without markup.

    :param exc: of any of the clients.
    :param otherwise: where it said nothing; None is the exception's name.
    """
    text = ''
    # The SDK's details are what its message only sums up.
    for name in ('details', 'message'):
        value = getattr(exc, name, None)
        if not text and isinstance(value, str):
            text = value
    # A page's title and headline only tell the status.
    text = re.sub(r'<(title|h1)>[^<]*</\1>', ' ', text or str(exc))
    text = re.sub(r'<[^<>]*>', ' ', text)
    text = _TAIL.sub('', ' '.join(html.unescape(text).split()))
    former = None
    while former != text:
        former, text = text, _NOISE.sub('', text)
    text = text.strip(' .:!')
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + ' …'
    return text or (type(exc).__name__ if otherwise is None else otherwise)
