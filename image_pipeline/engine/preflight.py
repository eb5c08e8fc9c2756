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


"""Ask targets whether a run could do its work there, before it begins.

Of the steps that will run, those at targets are asked for; all targets at
once, and none for longer than a limit: a cloud that does not answer must not
hold up the answer of the others.
"""

import dataclasses
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import decide, targets
from image_pipeline.store import store as store_module

LOG = logging.getLogger(__name__)

Objection = artifact.Objection
#: Seconds for all targets together.
LIMIT = 90.0
#: Seconds for which credentials have to hold, without another reason.
_RUN = 3600
#: What is made in a catalogue, and what by a hypervisor.
_IN_CATALOGUE = frozenset({artifact.REGISTRATION, artifact.PROMOTION})
_BY_HYPERVISOR = frozenset({artifact.SMOKE_REPORT})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """An objection, and to what.

    :param target: the target's name.
    :param steps: keys of the steps that it is about.
    :param objection: what speaks against them.
    """

    target: str
    steps: tuple[str, ...]
    objection: Objection

    @property
    def stops(self) -> bool:
        """Whether the run would fail."""
        return self.objection.severity is artifact.Severity.ERROR

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            'target': self.target,
            'severity': self.objection.severity.value,
            'message': self.objection.problem.message,
            'hint': self.objection.problem.hint,
            'unavailable': self.objection.unavailable,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a catalogue or of a hypervisor.

    :param target: the target.
    :param steps: keys of the steps that it is about.
    :param who: what is asked, for messages.
    :param ask: asks it.
    """

    target: str
    steps: tuple[str, ...]
    who: str
    ask: Callable[[], Iterable[Objection]]


def check(
    decisions: Sequence[decide.Decision],
    *,
    store: store_module.Store,
    settings: conf_settings.Settings,
    recipe: str,
    limit: float = LIMIT,
) -> list[Found]:
    """Return what speaks against the steps that will run.

    :param decisions: of all steps; those that are skipped ask for nothing.
    :param store: the state folder; it knows the former image.
    :param settings: the site's settings.
    :param recipe: the recipe's name.
    :param limit: seconds that all answers may take.
    """
    asked = list(questions(decisions, store, settings, recipe))
    return answers(asked, limit=limit)


def questions(
    decisions: Sequence[decide.Decision],
    store: store_module.Store,
    settings: conf_settings.Settings,
    recipe: str,
) -> Iterable[Question]:
    """Give what is to be asked.

    :param decisions: see :func:`check`.
    :param store: likewise.
    :param settings: likewise.
    :param recipe: likewise.
    """
    by_target: dict[str, list[decide.Decision]] = {}
    for one in decisions:
        # What is on this host was checked with the host.
        target = one.step.context.target
        if not one.skip and target is not None and target.cloud is not None:
            by_target.setdefault(target.name, []).append(one)
    sizes = _Sizes(decisions, store, recipe)
    for name, chosen in by_target.items():
        target = chosen[0].step.context.target
        assert target is not None  # noqa: S101 - the loop above looked
        intent = _intent(chosen, sizes, target, settings)
        if intent.makes.keys() & _IN_CATALOGUE:
            yield Question(
                target=name,
                steps=_keys(chosen, _IN_CATALOGUE),
                who='its image service',
                ask=_catalogue(target, settings, intent),
            )
        if intent.makes.keys() & _BY_HYPERVISOR:
            yield Question(
                target=name,
                steps=_keys(chosen, _BY_HYPERVISOR),
                who='its hypervisor',
                ask=_hypervisor(target, settings, store, intent),
            )


def answers(asked: Sequence[Question], *, limit: float) -> list[Found]:
    """Return the answers to all questions, which are asked at once.

    :param asked: the questions.
    :param limit: seconds; what has not come by then is an objection.
    """
    came: queue.SimpleQueue[tuple[int, list[Objection]]] = queue.SimpleQueue()

    def ask(number: int) -> None:
        came.put((number, _asked(asked[number])))

    for number in range(len(asked)):
        # A daemon: one that hangs must not keep the program from ending.
        threading.Thread(target=ask, args=(number,), daemon=True).start()
    got: dict[int, list[Objection]] = {}
    end = time.monotonic() + limit
    while len(got) < len(asked):
        try:
            number, objections = came.get(
                timeout=max(end - time.monotonic(), 0.0)
            )
        except queue.Empty:
            break
        got[number] = objections
    found: dict[tuple[str, Objection], Found] = {}
    for number, one in enumerate(asked):
        for objection in got.get(number) or (
            [] if number in got else [_late(one, limit)]
        ):
            # Nobody can log in: that is one problem, not two.
            key = (one.target, objection)
            before = found[key].steps if key in found else ()
            found[key] = Found(
                target=one.target,
                steps=(*before, *one.steps),
                objection=objection,
            )
    return list(found.values())


def refuse(
    found: Iterable[Found], problems: Sequence[exceptions.Problem] = ()
) -> None:
    """Raise if a run would fail.

    :param found: of :func:`check`.
    :param problems: what this host lacks.
    :raises PlanInvalid: with every problem, if one is not to go away.
    :raises Unavailable: with every problem, if all may go away.
    """
    stopping = [one for one in found if one.stops]
    every = [*problems, *(problem(one) for one in stopping)]
    if not every:
        return
    count = f'{len(every)} problem{"s" if len(every) > 1 else ""}'
    if not problems and all(one.objection.unavailable for one in stopping):
        names = ', '.join(dict.fromkeys(one.target for one in stopping))
        raise exceptions.Unavailable(
            f'what the run needs of {names} cannot be had now',
            problems=every,
            hint='try again later; nothing was begun',
        )
    raise exceptions.PlanInvalid(
        f'the run would fail: {count}'
        if stopping
        else 'this host lacks what the recipe needs',
        problems=every,
        hint='nothing was begun',
    )


def problem(one: Found) -> exceptions.Problem:
    """Return an objection as a problem that names the target.

    :param one: the objection.
    """
    said = one.objection.problem
    path = f'{said.path}: ' if said.path else ''
    return dataclasses.replace(
        said, path=None, message=f'{one.target}: {path}{said.message}'
    )


def everything(
    target: conf_settings.Target, settings: conf_settings.Settings
) -> list[Found]:
    """Return what speaks against a bake of a small image at a target.

    :param target: a target with a cloud.
    :param settings: the site's settings.
    """
    from image_pipeline.stages import registry

    store = store_module.Store(settings.state_dir)
    makes: dict[str, Mapping[str, Any]] = {}
    for name in registry.names():
        stage = registry.load(name)
        for kind in stage.provides & (_IN_CATALOGUE | _BY_HYPERVISOR):
            makes.setdefault(
                kind, registry.options_json(stage(stage.options_class()))
            )
    if target.promote == 'manual':
        makes.pop(artifact.PROMOTION, None)
    intent = artifact.Intent(
        makes=makes,
        name=target.image_name or 'image-pipeline-doctor',
        format=target.formats[0],
        properties=dict(target.properties),
        seconds=_RUN,
    )
    return answers(
        [
            Question(
                target=target.name,
                steps=(),
                who='its image service',
                ask=_catalogue(target, settings, intent),
            ),
            Question(
                target=target.name,
                steps=(),
                who='its hypervisor',
                ask=_hypervisor(target, settings, store, intent),
            ),
        ],
        limit=LIMIT,
    )


def _intent(
    chosen: Sequence[decide.Decision],
    sizes: '_Sizes',
    target: conf_settings.Target,
    settings: conf_settings.Settings,
) -> artifact.Intent:
    context = chosen[0].step.context
    makes: dict[str, Mapping[str, Any]] = {}
    said = dict(context.image_properties) | dict(target.properties)
    seconds = 0
    for one in chosen:
        for kind in one.step.stage.provides:
            makes[kind] = one.step.options
        if artifact.REGISTRATION in one.step.stage.provides:
            said |= dict(one.step.options.get('properties') or {})
        seconds += settings.stage_timeouts.get(one.step.stage_name, 0)
    size, virtual_size = sizes.of(target.formats[0])
    return artifact.Intent(
        makes=makes,
        name=target.image_name or context.image_name,
        format=target.formats[0],
        size=size,
        virtual_size=virtual_size,
        properties=said,
        seconds=seconds or _RUN,
    )


class _Sizes:
    """How large images are: those that are there, else the former ones.

    :param decisions: of all steps.
    :param store: the state folder.
    :param recipe: the recipe's name.
    """

    def __init__(
        self,
        decisions: Sequence[decide.Decision],
        store: store_module.Store,
        recipe: str,
    ) -> None:
        self._decisions = decisions
        self._store = store
        self._recipe = recipe

    def of(self, form: str) -> tuple[int | None, int | None]:
        """Return bytes of the file and of the disk; None if not known.

        :param form: the image's format.
        """
        for one in self._decisions:
            if (
                artifact.IMAGE not in one.step.stage.provides
                or one.step.format != form
            ):
                continue
            made = one.artifacts.get(artifact.IMAGE)
            if made is None:
                last = self._store.steps.latest(self._recipe, one.step.key)
                made = last.artifacts.get(artifact.IMAGE) if last else None
            if made is not None:
                virtual = made.properties.get('virtual_size')
                return made.size, int(virtual) if virtual else None
        return None, None


def _keys(
    chosen: Sequence[decide.Decision], kinds: frozenset[str]
) -> tuple[str, ...]:
    return tuple(
        one.step.key for one in chosen if one.step.stage.provides & kinds
    )


def _catalogue(
    target: conf_settings.Target,
    settings: conf_settings.Settings,
    intent: artifact.Intent,
) -> Callable[[], Iterable[Objection]]:
    return lambda: targets.catalogue(target, settings).preflight(intent)


def _hypervisor(
    target: conf_settings.Target,
    settings: conf_settings.Settings,
    store: store_module.Store,
    intent: artifact.Intent,
) -> Callable[[], Iterable[Objection]]:
    return lambda: targets.hypervisor(target, settings, store.cache).preflight(
        intent
    )


def _asked(question: Question) -> list[Objection]:
    found: list[Objection] = []
    try:
        # What was said before an error counts.
        for one in question.ask():
            found.append(one)
    except exceptions.PipelineError as exc:
        found.extend(Objection.of(exc))
    except Exception as exc:
        # An error of ours, or of a plug-in: the run may succeed nevertheless.
        LOG.debug('%s: preflight', question.target, exc_info=True)
        found.append(
            Objection.warning(
                f'{question.who} cannot be asked: {type(exc).__name__}: {exc}'
            )
        )
    return found


def _late(question: Question, limit: float) -> Objection:
    return Objection(
        problem=exceptions.Problem(
            message=f'{question.who} has not answered within {limit:.0f} s',
            hint='see whether it is up, and how long it takes: '
            '`openstack --timing token issue`',
        ),
        unavailable=True,
    )
