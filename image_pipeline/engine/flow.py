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

"""Steps as a TaskFlow flow: the only module that knows TaskFlow.

How TaskFlow is used, and why: by default one failure reverts every finished
task.  So ``never_resolve`` is set and no task reverts; and a step that fails
*returns* its failure, because an atom that raises stops the other branches.
Its dependents see that an input is missing and return ``pending``.  On
resume, atoms that did not succeed are reset, and only these run again.

Symbols are ``step/kind``: two providers of one name would be ambiguous.
The persistence is a journal of what is done, never a second source of truth.
"""

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.engine import result
from image_pipeline.host import locks
from image_pipeline.recipe import plan as recipe_plan

with warnings.catch_warnings():
    # oslo.utils imports eventlet where that happens to be installed, and
    # eventlet announces its own end.
    warnings.filterwarnings('ignore', message='(?is).*eventlet.*')
    from sqlalchemy import event as sa_event
    from sqlalchemy import exc as sa_exc
    from sqlalchemy import pool as sa_pool
    from taskflow import (  # type: ignore[import-untyped] # it has none
        engines,
        states,
        task,
    )
    from taskflow import exceptions as taskflow_exceptions
    from taskflow.patterns import (  # type: ignore[import-untyped]
        graph_flow,
    )
    from taskflow.persistence import (  # type: ignore[import-untyped]
        backends,
        models,
    )
    from taskflow.persistence import base as persistence_base

#: How long to wait for another run's write to a shared SQLite, in seconds.
_BUSY = 60
_STATE = 'state'

Execute = Callable[
    [recipe_plan.Step, Mapping[str, artifact.Artifact | None]],
    result.StepResult,
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Earlier:
    """What an earlier attempt at a run recorded of a step.

    :param state: how it ended.
    :param artifacts: what it made, by kind.
    """

    state: artifact.StepState
    artifacts: Mapping[str, artifact.Artifact]


class _StepTask(task.Task):  # type: ignore[misc] # TaskFlow has no types
    """One step; it always succeeds for TaskFlow."""

    def __init__(self, step: recipe_plan.Step, execute: Execute) -> None:
        self._step = step
        self._do = execute
        self._kinds = sorted(step.stage.provides)
        super().__init__(
            name=step.key,
            requires=[_symbol(step, kind) for kind in step.inputs],
            provides=[f'{step.key}/{kind}' for kind in (*self._kinds, _STATE)],
        )

    def execute(self, **symbols: Any) -> tuple[Any, ...]:
        """Do the step.

        :param symbols: by symbol, an artifact as JSON, or None.
        :returns: the same for each kind that it provides; last, its state.
        """
        inputs = {}
        for kind in self._step.inputs:
            value = symbols[_symbol(self._step, kind)]
            inputs[kind] = (
                artifact.Artifact.from_json(value) if value else None
            )
        done = self._do(self._step, inputs)
        made = {one.kind: one.to_json() for one in done.artifacts}
        return (*(made.get(kind) for kind in self._kinds), str(done.state))


class Journal:
    """TaskFlow's persistence: what of which run is done.

    :param connection: SQLAlchemy URL.
    :param setup: held while tables are made; two runs may start at once.
    :raises InvalidInput: the URL or the database cannot be used.
    """

    def __init__(self, connection: str, setup: locks.FileLock) -> None:
        conf: dict[str, Any] = {'connection': connection}
        sqlite = connection.startswith('sqlite')
        if sqlite:
            # One connection that stays, instead of one a statement.
            conf['engine_args'] = {
                'poolclass': sa_pool.QueuePool,
                'connect_args': {'timeout': _BUSY},
            }
        try:
            self.backend = backends.fetch(conf)
            if sqlite:
                sa_event.listen(self.backend.engine, 'connect', _tune)
            with setup, contextlib.closing(self._connect()) as database:
                database.upgrade()
        except (
            sa_exc.SQLAlchemyError,
            taskflow_exceptions.TaskFlowException,
            ImportError,
            OSError,
        ) as exc:
            raise exceptions.InvalidInput(
                f'the run database cannot be used: {_cause(exc)}',
                hint='check [engine] connection, a SQLAlchemy URL',
            ) from exc

    def begin(self, name: str) -> str:
        """Make a log book for a run.

        :param name: the run id.
        :returns: the book's id.
        """
        book = models.LogBook(name)
        with _translated(), contextlib.closing(self._connect()) as database:
            database.save_logbook(book)
        return str(book.uuid)

    def forget(self, book: str) -> None:
        """Remove the log book of a run that goes.

        :param book: its id.
        """
        with (
            contextlib.suppress(taskflow_exceptions.TaskFlowException),
            contextlib.closing(self._connect()) as database,
        ):
            database.destroy_logbook(book)

    def load(self, book: str) -> Any:
        """Return a log book, or None if it is not there any more.

        :param book: its id.
        """
        try:
            with contextlib.closing(self._connect()) as database:
                return database.get_logbook(book)
        except taskflow_exceptions.TaskFlowException:
            return None

    def close(self) -> None:
        """Let go of the database."""
        self.backend.close()

    def _connect(self) -> persistence_base.Connection:
        return self.backend.get_connection()


class Flow:
    """The steps of one run as a flow.

    :param steps: in topological order.
    :param execute: does one step; called from threads.
    :param journal: where TaskFlow keeps what is done.
    :param book: the run's log book, by id.
    :param max_workers: steps that run at the same time.
    """

    def __init__(
        self,
        steps: Sequence[recipe_plan.Step],
        *,
        execute: Execute,
        journal: Journal,
        book: str,
        max_workers: int,
    ) -> None:
        flow = graph_flow.Flow('steps')
        flow.add(*(_StepTask(step, execute) for step in steps))
        self._steps = steps
        log_book = journal.load(book)
        if log_book is None:
            raise exceptions.StateConflict(
                'the run database has no record of this run any more'
            )
        # The library's own pool: that of futurist, TaskFlow's default, lets
        # its idle threads wait for a second before they end.
        self._threads = futures.ThreadPoolExecutor(
            max_workers, thread_name_prefix='step'
        )
        self._engine = engines.load(
            flow,
            flow_detail=next(iter(log_book), None),
            book=log_book,
            backend=journal.backend,
            engine='parallel',
            executor=self._threads,
            never_resolve=True,
        )
        self._engine.compile()
        self._engine.prepare()

    def earlier(self) -> dict[str, Earlier]:
        """Return what earlier attempts did, by the step's key."""
        storage = self._engine.storage
        found = {}
        for step in self._steps:
            if storage.get_atom_state(step.key) != states.SUCCESS:
                continue
            *made, state = storage.get_execute_result(step.key)
            artifacts = [
                artifact.Artifact.from_json(value) for value in made if value
            ]
            found[step.key] = Earlier(
                state=artifact.StepState(state),
                artifacts={one.kind: one for one in artifacts},
            )
        return found

    def reset(self, keys: Sequence[str]) -> None:
        """Have steps run again.

        :param keys: of the steps.
        """
        with _translated():
            for key in keys:
                self._engine.storage.reset(key)

    def run(self) -> None:
        """Run every step that is not done, each as soon as it can.

        :raises StageFailed: the run's record could not be written.
        """
        with _translated(), self._threads:
            self._engine.run()


def _tune(database: Any, _: object) -> None:
    """Have SQLite not wait for the disk after every change.

    What a power cut may lose are the last changes, and what is skipped is
    decided by content.
    """
    for pragma in ('journal_mode=WAL', 'synchronous=NORMAL'):
        cursor = database.cursor()
        cursor.execute(f'PRAGMA {pragma}')
        cursor.close()


def _symbol(step: recipe_plan.Step, kind: str) -> str:
    return f'{step.inputs[kind]}/{kind}'


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (
        taskflow_exceptions.TaskFlowException,
        sa_exc.SQLAlchemyError,
    ) as exc:
        raise exceptions.StageFailed(
            f"the run's record could not be written: {_cause(exc)}",
            hint='check the space in the state folder, or the database of '
            '[engine] connection; then `image-pipeline run resume`',
        ) from exc


def _cause(exc: BaseException) -> str:
    """Return the innermost message, on one line."""
    while exc.__cause__ is not None:
        exc = exc.__cause__
    return str(exc).splitlines()[0] if str(exc) else type(exc).__name__
