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
from collections.abc import Iterable, Sequence
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import decide, questions
from image_pipeline.store import store as store_module

LOG = logging.getLogger(__name__)

Objection = artifact.Objection
#: Seconds for all targets together.
LIMIT = 180.0


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
    asked = list(questions.questions(decisions, store, settings, recipe))
    return answers(asked, limit=limit)


def answers(
    asked: Sequence[questions.Question], *, limit: float
) -> list[Found]:
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


def _asked(question: questions.Question) -> list[Objection]:
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


def _late(question: questions.Question, limit: float) -> Objection:
    return Objection(
        problem=exceptions.Problem(
            message=f'{question.who} has not answered within {limit:g} s',
            hint='see whether it is up, and how long it takes: '
            '`openstack --timing token issue`',
        ),
        unavailable=True,
    )
