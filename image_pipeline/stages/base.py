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

"""The contract of a stage: one step of a run, on the build host.

A stage is a class in a module of its own, with its options (a frozen
dataclass) and their closed JSON Schema beside it, registered as an entry
point in ``image_pipeline.stages``.  ``doc/source/contributor/stages.rst`` has
a worked example; :mod:`image_pipeline.testing.conformance.stage` tests one.
"""

import abc
import dataclasses
import enum
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base as catalogue_base
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation, process
from image_pipeline.hypervisors import base as hypervisor_base
from image_pipeline.store import cache as store_cache

OptionsT = TypeVar('OptionsT')


class Scope(enum.StrEnum):
    """How often a stage occurs in a plan."""

    #: Once in a run.
    RUN = 'run'
    #: Once for each image format that the targets need.
    FORMAT = 'format'
    #: Once for each target.
    TARGET = 'target'


class CachePolicy(enum.StrEnum):
    """When a step that ran before need not run again."""

    #: Its id is the same and its artifacts still have their digests.
    CONTENT = 'content'
    #: As ``CONTENT``, and :meth:`Stage.still_valid` finds no reason.
    VERIFY = 'verify'
    #: It always runs.
    NEVER = 'never'


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostNeeds:
    """What a stage needs of the build host, checked by the plan.

    :param executables: programs by name, with the least version or None.
    :param root: whether it must run as root.
    :param disk_bytes: free space in the state folder.
    :param memory_bytes: memory for the tools that it starts.
    """

    executables: Mapping[str, str | None] = dataclasses.field(
        default_factory=dict
    )
    root: bool = False
    disk_bytes: int = 0
    memory_bytes: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlanContext:
    """What a stage may look at while a plan is made; it writes nothing.

    :param image_name: the recipe's image name.
    :param image_properties: the recipe's image properties.
    :param recipe_file: the recipe, to resolve relative paths.
    :param settings: the site's settings.
    :param format: the image format, for stages of format or target scope.
    :param target: the target, for stages of target scope.
    :param which: where a program is, or None.
    :param is_root: whether we run as root.
    """

    image_name: str
    image_properties: Mapping[str, str]
    recipe_file: Path
    settings: conf_settings.Settings
    which: Callable[[str], Path | None]
    is_root: bool
    format: str | None = None
    target: conf_settings.Target | None = None


class Progress(Protocol):
    """How a stage tells how far it is."""

    def __call__(
        self, done: float, total: float | None = None, unit: str = ''
    ) -> None:
        """Tell it.

        :param done: how much is done, in ``unit``.
        :param total: how much there is; None if not known.
        :param unit: ``B`` for bytes, or a noun such as ``scripts``; for a
            unit that ends in ``:`` the rest is a message, as in
            ``phase:install.d``.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageContext:
    """What a stage may use while it runs.

    :param run_id: the run.
    :param step_id: the step's identity, 64 hexadecimal digits.  UUIDs that
        must be the same for the same inputs derive from it (uuid5).
    :param plan: what the plan knew: image, settings, format, target.
    :param work_dir: an empty folder of this step's own; it is removed
        afterwards, artifacts are taken out of it first.
    :param log: the stage's own log file, for the output of its tools.
    :param inputs: by kind, what the plan bound to this step.
    :param host: runs programs; they stop when the run is cancelled.
    :param cancelled: checked between the pieces of long work.
    :param progress: called as often as one likes.
    :param undo: journals a record *before* the thing is made.
    :param secrets: values that must not be shown, by name.
    :param cache: folders that outlive a run.
    :param catalogue: the target's, for stages of target scope.
    :param hypervisor: the target's, for stages of target scope.
    :param keep_on_failure: leave what failed standing, for a look.
    """

    run_id: str
    step_id: str
    plan: PlanContext
    work_dir: Path
    log: Path
    inputs: Mapping[str, artifact.Artifact]
    host: process.Runner
    cancelled: cancellation.CancellationToken
    progress: Progress
    undo: Callable[[artifact.UndoRecord], None]
    secrets: Mapping[str, str]
    cache: store_cache.Cache
    catalogue: catalogue_base.Catalogue | None = None
    hypervisor: hypervisor_base.Hypervisor | None = None
    keep_on_failure: bool = False


class Stage(abc.ABC, Generic[OptionsT]):
    """One step of a run.

    :param options: an instance of :attr:`options_class`.
    """

    #: The entry point's name, as a recipe spells it.
    name: ClassVar[str]
    #: Change it whenever the same inputs give other artifacts.
    version: ClassVar[str] = '1'
    #: A frozen, keyword-only dataclass; the only source of defaults.
    options_class: ClassVar[type[Any]]
    #: JSON Schema 2020-12 of the options; closed, a description each.
    schema: ClassVar[Mapping[str, Any]]
    #: Kinds of artifact that it takes; each from exactly one earlier step.
    requires: ClassVar[frozenset[str]] = frozenset()
    #: Kinds that it takes if an earlier step provides them.
    uses: ClassVar[frozenset[str]] = frozenset()
    #: Those of :attr:`uses` that its result is only compared with: if they
    #: alone change, a former result holds.
    compares: ClassVar[frozenset[str]] = frozenset()
    #: Kinds of artifact that it makes.
    provides: ClassVar[frozenset[str]] = frozenset()
    scope: ClassVar[Scope] = Scope.RUN
    cache: ClassVar[CachePolicy] = CachePolicy.CONTENT

    def __init__(self, options: OptionsT) -> None:
        self.options = options

    def needs(self, context: PlanContext) -> HostNeeds:
        """Return what this stage needs of the host, given its options.

        :param context: what the plan knows.
        """
        return HostNeeds()

    def check(self, context: PlanContext) -> Iterable[exceptions.Problem]:
        """Return every problem that can be seen before anything runs.

        A problem's ``path`` is relative to the stage's options, such as
        ``elements[1]``; the plan adds file, line and column.

        :param context: what the plan knows.
        """
        return ()

    def formats(self) -> Iterable[str]:
        """Return the image formats to make beside those of the targets."""
        return ()

    def secrets(self) -> Iterable[str]:
        """Return the names of environment variables that hold secrets.

        The engine reads them, gives them as ``context.secrets`` and keeps
        them out of logs, manifests and errors.  Identity knows their names
        only, so a changed secret alone is no reason to run a step again.
        """
        return ()

    def fingerprint(self, context: PlanContext) -> Mapping[str, str]:
        """Return the inputs that are neither options nor artifacts.

        They are part of the step's identity: element trees, tool versions,
        keyrings, a target's identity.

        :param context: what the plan knows.
        :returns: a digest or a version by the input's name.
        """
        return {}

    def still_valid(
        self,
        artifacts: Mapping[str, artifact.Artifact],
        context: PlanContext,
        cache: store_cache.Cache,
    ) -> str | None:
        """Return why a former result does not hold, or None.

        Asked of stages whose :attr:`cache` is ``VERIFY``, after identity and
        digests were found to be the same.

        :param artifacts: what the step made then, by kind.
        :param context: what the plan knows.
        :param cache: folders that outlive a run.
        :returns: the reason, for a person: ``openssl 3.0.16 -> 3.0.17``.
        """
        return None

    @abc.abstractmethod
    def run(self, context: StageContext) -> Iterable[artifact.Artifact]:
        """Do the work and return what was made.

        Artifacts are files in ``context.work_dir``; no input is changed.

        :param context: what the stage may use.
        :raises PipelineError: it did not succeed.
        """
