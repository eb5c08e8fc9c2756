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

"""Hear what is told of runs, stages and images."""

import contextlib
import dataclasses
import itertools
import json
import queue
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import locks
from image_pipeline.notifications import messaging, payloads

#: Seconds that the broker has to let us listen.
_PATIENCE = 20.0
#: Seconds that it has after it was heard to fail.
_AGAIN = 3.0
#: Seconds between two looks at whether to stop.
_TICK = 0.2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heard:
    """A notification that arrived.

    :param event_type: such as ``image_pipeline.run.start``.
    :param publisher_id: who sent it: ``image-pipeline.HOST``.
    :param priority: ``INFO`` or ``ERROR``.
    :param timestamp: when it was sent, as oslo.messaging writes it: UTC.
    :param message_id: unique.
    :param payload: as :mod:`image_pipeline.notifications.payloads` has it.
    """

    event_type: str
    publisher_id: str
    priority: str
    timestamp: str
    message_id: str
    payload: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return dataclasses.asdict(self)


@contextlib.contextmanager
def queue_name(lock_dir: Path) -> Iterator[str]:
    """Give a name for a queue that no other listener uses.

    A listener that is killed leaves its queue on the broker; the next one
    takes it over, so that they do not pile up.

    :param lock_dir: where the names are kept, and locked.
    """
    lock_dir.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        lock = locks.FileLock(lock_dir / f'listen-{number}')
        try:
            lock.acquire(wait=False)
        except locks.Held:
            continue
        try:
            name = lock.holder().get('queue') or '.'.join(
                (
                    messaging.EXCHANGE,
                    'listen',
                    socket.gethostname(),
                    uuid.uuid4().hex,
                )
            )
            lock.path.write_text(json.dumps({'queue': name}))
            yield str(name)
        finally:
            lock.release()
        return


class Listener:
    """Hear notifications of the pipeline, through a queue of our own.

    So nothing is taken away from others who listen.

    :param settings: the site's.
    :param pool: the queue's name.
    :param keep: whether the broker keeps the queue, and what arrives in it,
        when we do not listen any more.
    """

    def __init__(
        self,
        settings: conf_settings.Notifications,
        *,
        pool: str,
        keep: bool = False,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._keep = keep
        self._arrived: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._reason = ''
        self._redact = messaging.redactor(settings)
        self._server: Any = None
        self._transport: Any = None

    def __enter__(self) -> 'Listener':
        """Listen.

        :raises Unavailable: there is no such broker, or it lets us not.
        """
        messaging.be_quiet()
        self._unhear = messaging.hear(self._heard)
        try:
            self._transport = messaging.transport(self._settings)
            # The broker may never answer, and oslo.messaging waits for ever.
            failed: list[Exception] = []
            thread = threading.Thread(
                target=self._start, args=(failed,), daemon=True
            )
            thread.start()
            end = time.monotonic() + _PATIENCE
            while thread.is_alive() and time.monotonic() < end:
                thread.join(_TICK)
                if self._reason:
                    # It would try again for ever; twice is enough for us.
                    thread.join(_AGAIN)
                    break
            if thread.is_alive() or failed:
                raise self._unavailable(failed)
        except BaseException:
            self._unhear()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop listening, and have the queue taken away."""
        try:
            with contextlib.suppress(Exception):
                self._server.stop()
                self._server.wait(timeout=_PATIENCE)
            if not self._keep:
                with contextlib.suppress(Exception):
                    messaging.delete_queue(self._transport, self._pool)
            with contextlib.suppress(Exception):
                self._transport.cleanup()
        finally:
            self._unhear()

    def next(self, timeout: float) -> Heard | None:
        """Return what arrives next, or None if nothing does.

        :param timeout: seconds to wait.
        """
        try:
            return self._arrived.get(timeout=timeout)
        except queue.Empty:
            return None

    def trouble(self) -> str | None:
        """Return, once, what went wrong with the broker since last asked."""
        reason, self._reason = self._reason, ''
        return reason or None

    def _start(self, failed: list[Exception]) -> None:
        import oslo_messaging  # type: ignore[import-untyped]

        try:
            if not self._keep:
                # What a killed listener left in it is none of ours.
                messaging.delete_queue(self._transport, self._pool)
            self._server = oslo_messaging.get_notification_listener(
                self._transport,
                [
                    oslo_messaging.Target(topic=topic)
                    for topic in self._settings.topics
                ],
                [_Endpoint(self._arrived)],
                pool=self._pool,
            )
            # One at a time: they are told in the order in which they come.
            self._server.start(override_pool_size=1)
        except Exception as exc:
            failed.append(exc)

    def _heard(self, record: Any) -> None:
        self._reason = self._redact(messaging.reason_of(record))

    def _unavailable(self, failed: list[Exception]) -> Exception:
        reason = self._reason or (
            self._redact(str(failed[0]))
            if failed
            else f'no answer within {_PATIENCE:g} seconds'
        )
        return exceptions.Unavailable(
            f'{messaging.where(self._settings)}: {reason}',
            hint='see [oslo_messaging_notifications] transport_url in the '
            'configuration, and whether the message broker runs',
        )


class _Endpoint:
    """What oslo.messaging calls for each notification, by priority."""

    def __init__(self, arrived: queue.SimpleQueue[Heard]) -> None:
        self._arrived = arrived

    def info(self, *given: Any) -> None:
        """Take one of priority INFO."""
        self._take('INFO', *given)

    def error(self, *given: Any) -> None:
        """Take one of priority ERROR."""
        self._take('ERROR', *given)

    def _take(
        self,
        priority: str,
        _context: Mapping[str, Any],
        publisher_id: str,
        event_type: str,
        payload: Any,
        metadata: Mapping[str, Any],
    ) -> None:
        # A queue that others fill too: theirs are none of ours.
        if not str(event_type).startswith(f'{payloads.PREFIX}.'):
            return
        self._arrived.put(
            Heard(
                event_type=event_type,
                publisher_id=str(publisher_id),
                priority=priority,
                timestamp=str(metadata.get('timestamp')),
                message_id=str(metadata.get('message_id')),
                payload=payload,
            )
        )
