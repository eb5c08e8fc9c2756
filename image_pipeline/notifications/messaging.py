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

"""oslo.messaging: the only module that imports it.

It is imported where notifications are sent or heard only: that takes a third
of a second, and it may not be installed at all.
"""

import logging
import re
import socket
import warnings
from collections.abc import Callable, Sequence
from typing import Any
from urllib import parse

from oslo_config import cfg

from image_pipeline import exceptions
from image_pipeline.conf import notifications as conf_notifications
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import redaction
from image_pipeline.notifications import payloads

#: The exchange; each OpenStack project has one of its own name.
EXCHANGE = 'image-pipeline'
#: The libraries that say what is wrong with the broker in the log only.
_LOGGERS = (
    'oslo_messaging',
    'oslo.messaging._drivers',
    'kombu',
    'amqp',
)
#: Where oslo.messaging says that it gave a message up.
_GIVEN_UP = 'oslo_messaging.notify'
#: Where the driver ``log`` writes; not at a level that is shown by itself.
_LOG_DRIVER = 'oslo.messaging.notification'
#: What a person need not read: the connection's id, the next attempt.
_NOISE = re.compile(
    r'^(\[[0-9a-f-]{36}\]|\(0, 0\):|Connection failed:)\s*'
    r'|\s*\(retrying in [^)]*\)$|\. Trying again in .*$',
    re.DOTALL,
)


def be_quiet() -> None:
    """Keep a library's library from telling users that it is deprecated.

    oslo.service imports eventlet, and eventlet says on standard error that
    nobody should.  We use threads.
    """
    warnings.filterwarnings('ignore', message=r'\s*Eventlet is deprecated')


def publisher_id() -> str:
    """Return who we are: ``image-pipeline.HOST``, as others have it."""
    return f'{EXCHANGE}.{socket.gethostname()}'


def connect(
    settings: conf_settings.Notifications, *, doubt: Callable[[str], object]
) -> 'Sender':
    """Return what sends notifications; connects when it sends the first.

    :param settings: the site's.
    :param doubt: told why sending takes so long.
    :raises Unavailable: the settings do not do.
    """
    return Sender(settings, doubt=doubt)


def transport(settings: conf_settings.Notifications) -> Any:
    """Return oslo.messaging's transport; it does not connect yet.

    :param settings: the site's.
    :raises Unavailable: oslo.messaging is not there, or takes no such URL.
    """
    try:
        import oslo_messaging  # type: ignore[import-untyped] # none
    except ImportError as exc:
        raise exceptions.Unavailable(
            'oslo.messaging is not installed',
            hint='pip install "image-pipeline[notifications]"',
        ) from exc
    oslo_messaging.set_transport_defaults(EXCHANGE)
    conf = cfg.ConfigOpts()
    redact = redactor(settings)
    try:
        conf(
            args=[],
            project=EXCHANGE,
            default_config_files=[str(file) for file in settings.config_files],
            default_config_dirs=[],
        )
        made = oslo_messaging.get_notification_transport(
            conf, url=settings.transport_url
        )
        for name, value in (
            ('driver', list(settings.drivers)),
            ('topics', list(settings.topics)),
            # The emitter itself tries again: it knows when to stop.
            ('retry', max(settings.retry, 0)),
        ):
            conf.set_override(name, value, group=conf_notifications.GROUP)
    except (
        cfg.Error,
        oslo_messaging.MessagingException,
        # Of the drivers: two options that contradict each other.
        RuntimeError,
        ValueError,
    ) as exc:
        raise exceptions.Unavailable(
            f'oslo.messaging cannot be used: {redact(str(exc))}',
            hint=f'see [{conf_notifications.GROUP}] in the configuration',
        ) from exc
    return made


def redactor(settings: conf_settings.Notifications) -> redaction.Redactor:
    """Return what takes the broker's passwords out of text.

    :param settings: the site's.
    """
    url = settings.transport_url or ''
    # Several hosts are separated by commas; a password may be quoted.
    quoted = re.findall(r'[/,][^/@:,]*:([^@/]+)@', url)
    secrets = [*quoted, *map(parse.unquote, quoted)]
    # Other lines of the log may have them as well.
    redaction.register(*secrets)
    return redaction.Redactor(secrets)


def where(settings: conf_settings.Notifications) -> str:
    """Return the broker's URL without users and passwords.

    :param settings: the site's.
    """
    return re.sub(r'(?<=[/,])[^/,@]*@', '', settings.transport_url or 'log')


class Sender:
    """Send notifications as oslo.messaging does.

    :param settings: the site's.
    :param doubt: told why sending takes so long.
    """

    def __init__(
        self,
        settings: conf_settings.Notifications,
        *,
        doubt: Callable[[str], object],
    ) -> None:
        self._redact = redactor(settings)
        self._doubt = doubt
        self._given_up: str | None = None
        self._where = where(settings)
        self._transport = transport(settings)
        hear(self._heard)
        if 'log' in settings.drivers:
            logging.getLogger(_LOG_DRIVER).setLevel(logging.INFO)
        import oslo_messaging

        self._notifier = oslo_messaging.Notifier(
            self._transport, publisher_id()
        )

    def __call__(self, notification: payloads.Notification) -> None:
        """Send a notification.

        :param notification: what to tell.
        :raises Unavailable: it could not be sent.
        """
        send = (
            self._notifier.error
            if notification.priority == 'ERROR'
            else self._notifier.info
        )
        self._given_up = None
        send({}, notification.event_type, notification.payload.to_json())
        # The drivers log what went wrong, and return as if nothing had.
        if self._given_up is not None:
            raise exceptions.Unavailable(self._given_up)

    def close(self) -> None:
        """Take leave of the broker."""
        self._transport.cleanup()

    def _heard(self, record: logging.LogRecord) -> None:
        reason = f'{self._where}: {self._redact(reason_of(record))}'
        if record.name.startswith(_GIVEN_UP):
            self._given_up = reason
        else:
            self._doubt(reason)


def reason_of(record: logging.LogRecord) -> str:
    """Return what a line of oslo.messaging's log says is wrong.

    :param record: the line.
    """
    exc = record.exc_info[1] if record.exc_info else None
    return _NOISE.sub('', str(exc or record.getMessage())).strip()


class _Handler(logging.Handler):
    """Give errors to somebody, rather than to the user's terminal."""

    def __init__(self, told: Callable[[logging.LogRecord], object]) -> None:
        super().__init__(logging.ERROR)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        """Give a line of the log to who wants it.

        :param record: the line.
        """
        try:
            self._told(record)
        except Exception:
            self.handleError(record)


def hear(
    told: Callable[[logging.LogRecord], object],
    loggers: Sequence[str] = _LOGGERS,
) -> Callable[[], None]:
    """Have somebody told of what the libraries log as errors.

    They log each failed attempt with its traceback; we say it once, in a
    sentence.  With ``--debug`` all of it is shown.

    :param told: called from any thread.
    :param loggers: the libraries' loggers.
    :returns: ends that.
    """
    handler = _Handler(told)
    debugging = logging.getLogger().isEnabledFor(logging.DEBUG)
    for name in loggers:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.propagate = debugging

    def end() -> None:
        for name in loggers:
            logger = logging.getLogger(name)
            logger.removeHandler(handler)
            logger.propagate = True

    return end


def delete_queue(made: Any, name: str) -> None:
    """Delete a queue of the broker, if it has queues and this one.

    oslo.messaging has no call for that, so this looks into its driver for
    RabbitMQ.

    :param made: the transport.
    :param name: the queue's name.
    """
    from oslo_messaging._drivers import (  # type: ignore[import-untyped]
        common,
    )

    driver = made._driver
    if not hasattr(driver, '_get_connection'):
        return
    with driver._get_connection(common.PURPOSE_SEND) as context:
        connection = context.connection
        # A thread of the connection's own reads its heartbeats.
        with connection._connection_lock:
            # RabbitMQ answers well, too, if there is no such queue.
            connection.ensure(
                lambda: connection.channel.queue_delete(name), retry=0
            )
