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

"""What notifications say: versioned payloads, as Nova has them.

A payload has a name, a version and data.  A new field makes a new minor
version; a field that goes away, or means something else, a new major one.
Consumers look at the name and the major version.  The manual's page
``reference/notifications`` has an example of each.
"""

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact

#: What every event type begins with: others share the bus, and Glance's own
#: notifications are of an ``image``, too.
PREFIX = 'image_pipeline'


class Phase(enum.StrEnum):
    """When something is told; the last part of an event type."""

    #: It begins.
    START = 'start'
    #: It is done.
    END = 'end'
    #: It failed, or was interrupted.
    ERROR = 'error'


class Action(enum.StrEnum):
    """What is done with an image."""

    #: It is put into the catalogue, as a candidate.
    REGISTER = 'register'
    #: It is booted, and the probes are asked.
    SMOKE_TEST = 'smoke_test'
    #: It becomes the current one.
    PROMOTE = 'promote'
    #: It becomes the current one again; the one that was is rejected.
    ROLL_BACK = 'rollback'
    #: It is taken out of service: hidden or deleted.
    RETIRE = 'retire'
    #: It is withdrawn: deactivated.
    REVOKE = 'revoke'
    #: One that was made by hand becomes the pipeline's.
    ADOPT = 'adopt'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Payload:
    """The base of all payloads; all values are JSON's."""

    #: Of its fields.
    VERSION: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """Return it as it is sent."""
        return {
            'name': type(self).__name__,
            'namespace': PREFIX,
            'version': self.VERSION,
            'data': dataclasses.asdict(self),
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunPayload(Payload):
    """A run.

    :param run: its id.
    :param recipe: the recipe's name.
    :param image: the name of the image that it makes.
    :param targets: the names of its targets.
    :param host: the build host.
    :param resumed: whether it goes on with an earlier attempt.
    :param state: ``running``, ``succeeded``, ``failed`` or
        ``interrupted``.
    :param stages: of each step its key ``step``, the ``stage``, its
        ``target`` and its ``state``, in the plan's order.
    :param images: what ``bake -f json`` prints of each image.
    :param seconds: how long it took; null at its start.
    :param error: what went wrong; null if nothing did.
    """

    VERSION: ClassVar[str] = '1.0'

    run: str
    recipe: str
    image: str
    targets: tuple[str, ...]
    host: str
    resumed: bool
    state: artifact.RunState
    stages: tuple[Mapping[str, Any], ...]
    images: tuple[Mapping[str, Any], ...] = ()
    seconds: float | None = None
    error: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class StagePayload(Payload):
    """A stage that runs; one that is skipped is told of by its run only.

    :param run: the run's id.
    :param recipe: the recipe's name.
    :param step: the step's key, such as ``register@prod``.
    :param stage: the stage's name.
    :param target: the target that it is for; null if for all.
    :param format: the image format that it is for; null if for all.
    :param state: ``running``, ``succeeded``, ``failed``, or ``pending`` if
        it was interrupted.
    :param reason: why it runs.
    :param artifacts: of each artifact that it made its ``kind``,
        ``digest`` and ``size`` in bytes.
    :param seconds: how long it took; null at its start.
    :param error: what went wrong; null if nothing did.
    """

    VERSION: ClassVar[str] = '1.0'

    run: str
    recipe: str
    step: str
    stage: str
    target: str | None
    format: str | None
    state: artifact.StepState
    reason: str
    artifacts: tuple[Mapping[str, Any], ...] = ()
    seconds: float | None = None
    error: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImagePayload(Payload):
    """Something that is done with an image at one target.

    :param action: one of :class:`Action`.
    :param target: the target's name.
    :param cloud: the cloud of clouds.yaml; null for this host.
    :param region: its region; null for the cloud's default.
    :param id: the image's id; null where there is none yet.
    :param name: the name that users know, or will know, it by.
    :param state: how it stands: ``candidate``, ``current``, ``previous``,
        ``retired`` or ``rejected``; ``deleted``; null where it is not
        registered yet.
    :param sha256: the digest of its file; null if that is not known.
    :param former_id: the image that it took the place of; null if there was
        none.
    :param recipe: the recipe's name; null if it was made by hand.
    :param run: the run that does it; null for a command.
    :param reason: why it is done, if somebody said so.
    :param error: what went wrong; null if nothing did.
    """

    VERSION: ClassVar[str] = '1.0'

    action: Action
    target: str
    cloud: str | None
    region: str | None
    id: str | None
    name: str
    state: str | None = None
    sha256: str | None = None
    former_id: str | None = None
    recipe: str | None = None
    run: str | None = None
    reason: str | None = None
    error: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Notification:
    """What is told.

    :param subject: the middle of the event type, such as
        ``image.promote``.
    :param phase: when.
    :param payload: what.
    """

    subject: str
    phase: Phase
    payload: Payload

    @property
    def event_type(self) -> str:
        """Such as ``image_pipeline.image.promote.end``."""
        return f'{PREFIX}.{self.subject}.{self.phase}'

    @property
    def priority(self) -> str:
        """``ERROR`` for an error, else ``INFO``."""
        return 'ERROR' if self.phase == Phase.ERROR else 'INFO'


def of_run(phase: Phase, payload: RunPayload) -> Notification:
    """Return what is told of a run.

    :param phase: when.
    :param payload: what.
    """
    return Notification(subject='run', phase=phase, payload=payload)


def of_stage(phase: Phase, payload: StagePayload) -> Notification:
    """Return what is told of a stage.

    :param phase: when.
    :param payload: what.
    """
    return Notification(subject='stage', phase=phase, payload=payload)


def of_image(phase: Phase, payload: ImagePayload) -> Notification:
    """Return what is told of an image.

    :param phase: when.
    :param payload: what.
    """
    return Notification(
        subject=f'image.{payload.action}', phase=phase, payload=payload
    )


def event_types() -> Iterator[str]:
    """Return every event type, in the manual's order."""
    subjects = ['run', 'stage', *(f'image.{one}' for one in Action)]
    for subject in subjects:
        for phase in Phase:
            yield f'{PREFIX}.{subject}.{phase}'
