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

"""One client's hands on the images of a name: each change is one PATCH."""

import dataclasses
import datetime
import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    glance_family,
    glance_intents,
    glance_records,
)
from image_pipeline.clouds import images

_STATE = artifact.ImageState
#: Seconds after which others go on with what somebody began, or undo it.
#: That is safe at any time; it only is not polite sooner.
LEASE = 60
#: Seconds for which a client waits until others are done.
PATIENCE = 150
_PAUSES = (0.2, 2.0)
#: What this process is doing now: processes and tokens.
_ACTIVE: set[tuple[str, str]] = set()


class Lost(Exception):
    """Somebody else has changed what this client was about to change."""


class Clock:
    """The time; tests have their own."""

    def now(self) -> datetime.datetime:
        """Return the time of day, in UTC."""
        return datetime.datetime.now(datetime.UTC)

    def monotonic(self) -> float:
        """Return seconds since some time or other."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait.

        :param seconds: how long.
        """
        time.sleep(seconds)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Client:
    """Who changes images.

    :param host: of :func:`image_pipeline.clouds.marks.host_id`.
    :param process: of :func:`.glance_intents.own_process`.
    :param lives: tells whether a process of this host is alive.
    :param token: makes a token that nobody else has.
    """

    host: str
    process: str
    lives: Callable[[str], bool] = glance_intents.process_lives
    token: Callable[[], str] = glance_intents.token


class Desk:
    """What every change is made of.

    :param client: the image service.
    :param project: the id of the project.
    :param me: who changes images.
    :param clock: the time.
    """

    def __init__(
        self,
        client: images.Images,
        project: str,
        *,
        me: Client,
        clock: Clock | None = None,
    ) -> None:
        self.client = client
        self.project = project
        self.me = me
        self.clock = clock or Clock()
        self._seen: dict[str, float] = {}

    def look(self, name: str) -> glance_family.Family:
        """Return the images of a name.

        :param name: the final name.
        """
        return glance_family.look(self.client, self.project, name)

    def now(self) -> str:
        """Return the time as properties have it."""
        return glance_records.stamp(self.clock.now())

    def alive(
        self, image: images.Image, intent: glance_intents.Intent
    ) -> bool:
        """Tell whether somebody may still be at an image.

        :param image: the image, as listed just now.
        :param intent: what it says.
        """
        if intent.host == self.me.host:
            if intent.process == self.me.process:
                return (intent.process, intent.token) in _ACTIVE
            if not self.me.lives(intent.process):
                return False
        # Clocks differ: who has seen it for long enough knows, too.
        now = self.clock.monotonic()
        if now - self._seen.setdefault(intent.token, now) > LEASE:
            return False
        if image.updated_at is None:
            return True
        return (self.clock.now() - image.updated_at).total_seconds() < LEASE

    def intent(self, kind: str, **said: Any) -> glance_intents.Intent:
        """Return a new intent of this client.

        :param kind: what is done.
        :param said: more of :class:`.glance_intents.Intent`.
        """
        token = self.me.token()
        said.setdefault('action', token)
        return glance_intents.Intent(
            token=token,
            kind=kind,
            host=self.me.host,
            process=self.me.process,
            at=self.now(),
            **said,
        )

    def claim(
        self,
        image_id: str,
        intent: glance_intents.Intent,
        changes: Mapping[str, Any] | None = None,
        remove: Collection[str] = (),
    ) -> images.Image:
        """Write an intent to an image.

        :param image_id: the image.
        :param intent: the intent.
        :param changes: what else to set.
        :param remove: properties to take away; they are a guard.
        """
        _ACTIVE.add((intent.process, intent.token))
        return self.client.patch(
            image_id,
            {**(changes or {}), intent.key: intent.to_json()},
            remove,
        )

    def retreat(self, image_id: str, intent: glance_intents.Intent) -> None:
        """Take an intent back, of this client or of a dead one.

        :param image_id: the image.
        :param intent: the intent.
        """
        changes: dict[str, Any] = {}
        remove = {intent.key}
        if intent.kind == glance_intents.ADOPT:
            remove |= {glance_records.ID, glance_records.NAME}
        try:
            image = self.client.get(image_id)
            # Who else is at it may have widened it as well.
            if len(glance_intents.of(image)) == 1:
                changes, narrowed = narrow(image)
                remove |= narrowed
            self.client.patch(image_id, changes, remove)
        except (exceptions.StateConflict, exceptions.NotFound):
            # Somebody did so already; or it is gone.
            pass
        finally:
            self.forget(intent)

    def forget(self, intent: glance_intents.Intent) -> None:
        """Do no more under an intent; what is left of it is a dead one's.

        :param intent: the intent.
        """
        _ACTIVE.discard((intent.process, intent.token))

    def put(
        self,
        image: images.Image,
        fields: Mapping[str, Any],
        *,
        extra: Mapping[str, str | None] | None = None,
        guard: Iterable[str] = (),
        protect: bool | None = None,
    ) -> images.Image:
        """Change an image with one PATCH.

        :param image: as it was seen last.
        :param fields: what its record is to be.
        :param extra: properties; None takes one away, if it is there.
        :param guard: properties to remove that must be there.
        :param protect: whether it is to be protected; None leaves it.
        :raises StateConflict: a guard is not there.
        """
        after = dataclasses.replace(known(image), **fields)
        changes, remove = glance_records.changes(image, after, extra)
        if protect is not None and image.protected != protect:
            changes['protected'] = protect
        return self.client.patch(image.id, changes, {*remove, *guard})


class Patience:
    """Waits for others, but not for ever.

    :param clock: the time.
    :param seconds: how long, all in all.
    """

    def __init__(self, clock: Clock, seconds: float = PATIENCE) -> None:
        self._clock = clock
        self._end = clock.monotonic() + seconds

    def wait(self, image: images.Image, intent: glance_intents.Intent) -> None:
        """Wait a moment.

        :param image: which image somebody is changing.
        :param intent: what they say.
        :raises Unavailable: it has been long enough.
        """
        if self._clock.monotonic() > self._end:
            raise exceptions.Unavailable(
                f'{image.properties.get(glance_records.NAME)}: process '
                f'{intent.process.partition(".")[0]} of host '
                f'{intent.host[:12]} has been at image {image.id} since '
                f'{intent.at} ({intent.kind})',
                hint='wait for it, and try again; what a dead one leaves is '
                f'finished or undone after {LEASE} seconds',
            )
        # At random, so that two do not meet again and again.
        self._clock.sleep(random.uniform(*_PAUSES))  # noqa: S311


def narrow(image: images.Image) -> tuple[dict[str, Any], set[str]]:
    """Return what gives an image the visibility back that it had.

    :param image: the image.
    :returns: what to set, and which properties to remove; nothing if nobody
        has widened it.
    """
    was = image.properties.get(glance_intents.WIDENED)
    if was is None:
        return {}, set()
    # One that is shown now is to have what it was widened to.
    changes = {'visibility': was} if image.hidden else {}
    return changes, {glance_intents.WIDENED}


def known(image: images.Image) -> artifact.ImageRecord:
    """Return the record of an image that may not be registered yet.

    :param image: the image.
    """
    if glance_records.is_registered(image):
        return glance_records.record(image)
    state = {glance_records.STATE: _STATE.CANDIDATE.value}
    return glance_records.record(
        dataclasses.replace(image, properties={**image.properties, **state})
    )
