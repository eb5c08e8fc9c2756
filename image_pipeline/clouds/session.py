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
from collections.abc import Callable, Iterator
from typing import Any

import requests
import urllib3.exceptions
from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session

from image_pipeline.conf import settings as conf_settings

LOG = logging.getLogger(__name__)

#: RFC 9110, 9.2.2: the same request twice has the effect of one.
IDEMPOTENT = frozenset({'GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'})
#: Not done, and worth trying again: RFC 6585, 4 and RFC 9110, 15.6.
FOR_NOW = frozenset({429, 502, 503, 504})

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0


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

    def request(  # type: ignore[override]  # all else is handed on
        self, url: str, method: str, **kwargs: Any
    ) -> requests.Response:
        """Send a request, and again as long as that may help.

        :param url: of the request.
        :param method: of the request.
        :param kwargs: as keystoneauth takes them.
        """
        patience = self.patience
        if kwargs.get('timeout') is None:
            kwargs['timeout'] = (
                patience.connect_timeout,
                patience.read_timeout,
            )
        # One place repeats: this one.
        kwargs['connect_retries'] = 0
        kwargs['status_code_retries'] = 0
        repeatable = _repeatable(kwargs.get('data'))
        until = self._now() + patience.retry_seconds
        delays = _delays()
        for left in range(patience.retries, -1, -1):
            try:
                response = super().request(url, method, **kwargs)
            except ksa_exceptions.ClientException as exc:
                wait = _wait_after(exc, method) if repeatable else None
                if wait is None or not self._again(left, until, wait, delays):
                    raise
            else:
                wait = (
                    _wait_for(response, method)
                    if repeatable and response.status_code in FOR_NOW
                    else None
                )
                if wait is None or not self._again(left, until, wait, delays):
                    return response
        raise AssertionError('unreachable')

    def _again(
        self, left: int, until: float, asked: float, delays: Iterator[float]
    ) -> bool:
        """Wait if there is to be another try.

        :param left: tries that are left.
        :param until: when there is no more time.
        :param asked: seconds that the service asks for; 0 if it does not.
        :param delays: seconds to wait if it does not ask.
        """
        delay = max(asked, next(delays))
        if left <= 0 or self._now() + delay > until:
            return False
        LOG.debug('waiting %.1f s for another try', delay)
        self._sleep(delay)
        return True


def _delays() -> Iterator[float]:
    delay = _FIRST_DELAY
    while True:
        # Not all clients at once, after a service came back.
        yield delay * (0.75 + random.random() / 2)  # noqa: S311
        delay = min(2 * delay, _LONGEST_DELAY)


def _repeatable(data: object) -> bool:
    """Whether a body is still there after it was sent."""
    return data is None or isinstance(data, str | bytes)


def _wait_after(exc: Exception, method: str) -> float | None:
    """Return seconds to wait before another try; None: there is to be none."""
    if isinstance(exc, ksa_exceptions.HttpError):
        response = exc.response
        if exc.http_status in FOR_NOW and response is not None:
            return _wait_for(response, method)
        return None
    if isinstance(exc, ksa_exceptions.RetriableConnectionFailure) and (
        method.upper() in IDEMPOTENT or never_sent(exc)
    ):
        return 0.0
    return None


def _wait_for(response: requests.Response, method: str) -> float | None:
    # What was refused for its rate was not done, whatever it was.
    if method.upper() in IDEMPOTENT or response.status_code == 429:
        return retry_after(response)
    return None


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
