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

"""Our own log lines, into the logs of the run and of its steps."""

import contextlib
import contextvars
import logging
from collections.abc import Iterator

from image_pipeline.host import process
from image_pipeline.store import runs as store_runs

_STEP: contextvars.ContextVar[str] = contextvars.ContextVar(
    'image_pipeline_step', default=''
)
#: Whose lines are kept: ours, and those of what carries the steps out.
_LOGGERS = ('image_pipeline', 'taskflow')


@contextlib.contextmanager
def step(key: str) -> Iterator[None]:
    """Have the lines of this thread go to a step's log.

    :param key: the step's key.
    """
    token = _STEP.set(key)
    try:
        yield
    finally:
        _STEP.reset(token)


class RunLog(logging.Handler):
    """Write log lines to the run's folder, with run and step on each.

    :param run: the run.
    :param redact: takes secrets out.
    """

    def __init__(self, run: store_runs.Run, redact: process.Redactor) -> None:
        super().__init__(logging.INFO)
        self._run = run
        self._redact = redact
        self.setFormatter(
            logging.Formatter('%(asctime)s %(levelname)s %(name)s %(message)s')
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line.

        :param record: what is logged.
        """
        key = _STEP.get()
        try:
            text = self._redact(self.format(record))
            with self._run.log(key or 'run').open('a') as file:
                file.write(f'{text}\n')
        except OSError:
            # A full disk is told where it matters.
            return


@contextlib.contextmanager
def kept(run: store_runs.Run, redact: process.Redactor) -> Iterator[None]:
    """Keep log lines with the run, as long as this lasts.

    :param run: the run.
    :param redact: takes secrets out.
    """
    handler = RunLog(run, redact)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    # What TaskFlow says of failures, the results of the steps say better.
    passed = loggers[1].propagate
    loggers[1].propagate = False
    for logger in loggers:
        logger.addHandler(handler)
        if logger.getEffectiveLevel() > logging.INFO:
            logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        loggers[1].propagate = passed
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
