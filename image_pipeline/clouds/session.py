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

"""A keystoneauth session that repeats what may be repeated.

keystoneauth's own repetitions do not look at the method: a POST whose answer
was lost would be sent again.
"""

import email.utils
import logging
import random
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import requests
import urllib3.exceptions
from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session

from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation, redaction

LOG = logging.getLogger(__name__)

#: RFC 9110, 9.2.2: the same request twice has the effect of one.
IDEMPOTENT = frozenset({'GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'})
#: RFC 9110, 9.2.1: what has no effect at all.
_SAFE = frozenset({'GET', 'HEAD', 'OPTIONS'})
#: Not done, and worth trying again: RFC 6585, 4 and RFC 9110, 15.6.
_TOO_MANY = 429
FOR_NOW = frozenset({_TOO_MANY, 502, 503, 504})

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
#: Seconds of waiting that a person wonders about.
_LONG = 3.0


class Session(ksa_session.Session):
    """A session with time-outs, and with bounded repetitions.

    :param patience: see :class:`conf_settings.Requests`.
    :param sleep: for tests.
    :param now: for tests; seconds, monotonic.
    """

    def __init__(
        self,
        *args: Any,
        patience: conf_settings.Requests,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.patience = patience
        self._sleep = sleep
        self._now = now

    def get_auth_headers(self, *args: Any, **kwargs: Any) -> Any:
        """Return the headers with the token, and keep it out of all texts.

        :param args: as keystoneauth takes them.
        :param kwargs: as keystoneauth takes them.
        """
        headers = super().get_auth_headers(*args, **kwargs)
        redaction.register(*(headers or {}).values())
        return headers

    def request(  # type: ignore[override]  # all else is handed on
        self, url: str, method: str, **kwargs: Any
    ) -> requests.Response:
        """Send a request, and again as long as that may help.

        :param url: of the request.
        :param method: of the request.
        :param kwargs: as keystoneauth takes them.
        """
        if method.upper() in _SAFE and not kwargs.get('stream'):
            return cancellation.abandonable(
                lambda: self._tried(url, method, kwargs)
            )
        return self._tried(url, method, kwargs)

    def _tried(
        self, url: str, method: str, kwargs: dict[str, Any]
    ) -> requests.Response:
        patience = self.patience
        if kwargs.get('timeout') is None:
            kwargs['timeout'] = (
                patience.connect_timeout,
                # api_timeout of clouds.yaml
                self.timeout or patience.read_timeout,
            )
        # One place repeats: this one.
        kwargs['connect_retries'] = 0
        kwargs['status_code_retries'] = 0
        where = kwargs.get('endpoint_override') or url
        # Where Keystone cannot say what versions it has, keystoneauth goes on
        # to ask for a token: that is tried again.
        versions = url.rstrip('/') == self._auth_url
        data = kwargs.get('data')
        tries = _Tries(
            is_idempotent(method, url),
            # Anything else is gone once it was sent.
            not versions and (data is None or isinstance(data, str | bytes)),
        )
        until = self._now() + patience.retry_seconds
        delays = _delays()
        left = patience.retries
        waited = 0.0
        while True:
            try:
                response = super().request(url, method, **kwargs)
                response.repeated = waited > 0  # type: ignore[attr-defined]
                wait = tries.after_response(response)
                if wait is None:
                    return response
                error = None
            except ksa_exceptions.ClientException as exc:
                wait = tries.after_error(exc)
                if wait is None:
                    raise
                error = exc
            delay = max(wait, next(delays))
            if left <= 0 or self._now() + delay > until:
                if error is None:
                    return response
                # The request that needed this one does not begin anew.
                error.exhausted = True  # type: ignore[attr-defined]
                raise error
            self._tell(waited, delay, method, where)
            self._sleep(delay)
            waited += delay
            left -= 1

    @property
    def _auth_url(self) -> str | None:
        url = getattr(self.auth, 'auth_url', None)
        return url.rstrip('/') if isinstance(url, str) else None

    def _tell(
        self, waited: float, delay: float, method: str, url: str
    ) -> None:
        """Say that there is another try; a person is told once, if at all."""
        host = urllib.parse.urlsplit(url).netloc.rpartition('@')[2]
        long = waited < _LONG <= waited + delay
        LOG.log(
            logging.WARNING if long else logging.INFO,
            '%s of %s was not answered; trying again in %.1f s',
            method,
            host or 'a service',
            delay,
        )


def repeated(exc: BaseException) -> bool:
    """Whether an answer is to a request that was sent more than once.

    Of a thing that is to be deleted, "not found" may then mean that the first
    one did it.

    :param exc: an error, or one that was raised from it.
    """
    return any(
        getattr(getattr(one, 'response', None), 'repeated', False)
        for one in causes(exc)
    )


def is_idempotent(method: str, url: str) -> bool:
    """Whether a request may be sent twice.

    :param method: of the request.
    :param url: of the request.
    """
    # One token more does no harm.
    return method.upper() in IDEMPOTENT or url.endswith('/auth/tokens')


class _Tries:
    """Whether, and when, a request is to be sent again."""

    def __init__(self, idempotent: bool, repeatable: bool) -> None:
        self._idempotent = idempotent
        self._repeatable = repeatable

    def after_response(self, response: requests.Response) -> float | None:
        """Return seconds to wait; None: not again."""
        status = response.status_code
        if status not in FOR_NOW or not self._repeatable:
            return None
        # What was refused for its rate was not done, whatever it was.
        if self._idempotent or status == _TOO_MANY:
            return retry_after(response)
        return None

    def after_error(self, exc: BaseException) -> float | None:
        """Return seconds to wait; None: not again."""
        if any(getattr(one, 'exhausted', False) for one in causes(exc)):
            return None
        if isinstance(exc, ksa_exceptions.HttpError):
            response = exc.response
            return None if response is None else self.after_response(response)
        if not isinstance(exc, ksa_exceptions.RetriableConnectionFailure):
            return None
        if not self._repeatable:
            return None
        return 0.0 if self._idempotent or never_sent(exc) else None


def _delays() -> Iterator[float]:
    delay = _FIRST_DELAY
    while True:
        # Not all clients at once, after a service came back.
        yield delay * (0.75 + random.random() / 2)  # noqa: S311
        delay = min(2 * delay, _LONGEST_DELAY)


def retry_after(response: requests.Response) -> float:
    """Return the seconds that a service asks to wait, 0 if it does not.

    :param response: of the service; see RFC 9110, 10.2.3.
    """
    text = response.headers.get('Retry-After', '')
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(text)
        return max(0.0, when.timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0


def causes(exc: BaseException) -> Iterator[BaseException]:
    """Return an exception, and those that led to it.

    :param exc: urllib3 and requests put the cause in the arguments.
    """
    seen: set[int] = set()
    todo: list[object] = [exc]
    while todo:
        one = todo.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [one.__cause__, one.__context__, *one.args]
        todo.append(getattr(one, 'reason', None))


def never_sent(exc: BaseException) -> bool:
    """Whether a request failed before a byte of it was sent.

    :param exc: what keystoneauth raised.
    """
    return any(
        isinstance(
            one,
            urllib3.exceptions.NewConnectionError
            | urllib3.exceptions.ConnectTimeoutError,
        )
        for one in causes(exc)
    )
