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

"""What is kept of a failure: evidence, traceback, the log's last lines."""

import contextlib
import traceback
from collections import deque
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.engine import job as engine_job
from image_pipeline.engine import result
from image_pipeline.recipe import plan as recipe_plan
from image_pipeline.store import files

_TAIL_LINES = 20
_TAIL_BYTES = 8192


def explain(
    job: engine_job.Job, step: recipe_plan.Step, exc: Exception
) -> exceptions.PipelineError:
    """Return the error to show for what a stage raised.

    :param job: the run's.
    :param step: the step.
    :param exc: what it raised.
    """
    if isinstance(exc, exceptions.PipelineError):
        return exc
    if isinstance(exc, OSError) and exc.errno:
        return files.explain(exc, job.run.work / step.key)
    log = job.run.log(step.key)
    with contextlib.suppress(OSError), log.open('a') as file:
        file.write(job.redact(''.join(traceback.format_exception(exc))))
    return exceptions.StageFailed(
        f'the stage {step.stage_name} failed unexpectedly: '
        f'{type(exc).__name__}: {exc}',
        hint='this is an error in the stage; its log has the traceback',
    )


def record(
    job: engine_job.Job,
    step: recipe_plan.Step,
    error: exceptions.PipelineError,
) -> result.Failure:
    """Return a failure in words, and keep its evidence with the logs.

    :param job: the run's.
    :param step: the step.
    :param error: the error.
    """
    log = job.run.log(step.key)
    evidence = []
    for path in error.evidence:
        there = job.run.logs / f'{step.key}.{path.name}'
        with contextlib.suppress(OSError):
            path.replace(there)
            evidence.append(str(there))
    failure = result.Failure.of(
        error,
        log=str(log),
        tail=tuple(_tail(log)),
        evidence=tuple(evidence),
    )
    return result.redacted(failure, job.redact)


def _tail(log: Path) -> list[str]:
    with contextlib.suppress(OSError), log.open('rb') as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL_BYTES))
        text = file.read().decode(errors='replace')
        return list(deque(text.splitlines(), maxlen=_TAIL_LINES))
    return []
