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

"""What can go wrong, by what the caller can do about it.

Every error is a sentence (what is wrong, where) and, where there is one, a
hint (what to do next).  Messages have no full stop and no traceback; only
``image_pipeline.cli`` prints them, and exits with :attr:`exit_status`.
"""

import dataclasses
import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the hint for a word that is not among the known ones, or None.

    :param word: what the user wrote.
    :param known: what could have been meant.
    :returns: such as ``did you mean "convert"?``.
    """
    # Case and the two ways to join words are the commonest slips.
    plain = {_plain(name): name for name in sorted(known)}
    near = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return f'did you mean "{plain[near[0]]}"?' if near else None


def _plain(word: str) -> str:
    # A long word costs difflib time, and is near to nothing anyway.
    return word[:100].lower().replace('_', '-')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong in what the user gave.

    :param message: what is wrong, without a full stop.
    :param file: the user's file, as the user named it.
    :param line: line in that file, from 1.
    :param column: column in that line, from 1.
    :param path: path of the value, such as ``stages[1].convert.formats``.
    :param hint: what to do next.
    """

    file: str | None = None
    line: int | None = None
    column: int | None = None
    path: str | None = None
    message: str
    hint: str | None = None

    @property
    def where(self) -> str:
        """``file:line:column``, as far as it is known."""
        parts = [self.file, self.line, self.column]
        return ':'.join(str(part) for part in parts if part is not None)

    def __str__(self) -> str:
        where = f'{self.where}: ' if self.where else ''
        path = f'{self.path}: ' if self.path else ''
        hint = f' ({self.hint})' if self.hint else ''
        return f'{where}{path}{self.message}{hint}'


class PipelineError(Exception):
    """The base of every error that a user may see.

    :param message: what is wrong and where, without a full stop.
    :param hint: what to do next.
    """

    exit_status: ClassVar[int] = 1
    #: Files that show what went wrong (a report, a console's log).  A stage
    #: sets it before raising; the engine keeps them with the run's logs.
    evidence: tuple[Path, ...] = ()

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(PipelineError):
    """Something that the user gave is wrong; nothing was touched.

    :param message: a summary.
    :param problems: every problem that was found, not only the first.
    """

    exit_status = 2

    def __init__(
        self,
        message: str,
        *,
        problems: Iterable[Problem] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class RecipeInvalid(InvalidInput):
    """The recipe's own text is wrong (its schema or a stage's)."""


class PlanInvalid(InvalidInput):
    """The recipe is well formed, but cannot run here or as it stands."""


class ImageUnreadable(InvalidInput):
    """A file is not an image that may be read: damaged, unsafe, no image."""


class NotFound(InvalidInput):
    """There is no recipe, run, image, rule or target of that name."""


class CommandFailed(PipelineError):
    """A program that was run did not succeed.

    :param argv: its command line, secrets redacted.
    :param returncode: its exit status; negative for a signal.
    :param tail: the last lines that it printed.
    :param log: the path of the whole output.
    """

    def __init__(
        self,
        message: str,
        *,
        argv: Iterable[str] = (),
        returncode: int | None = None,
        tail: Iterable[str] = (),
        log: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.argv = tuple(argv)
        self.returncode = returncode
        self.tail = tuple(tail)
        self.log = log


class StageFailed(PipelineError):
    """A stage could not do its work."""


class Forbidden(StageFailed):
    """A service does not let this user do that; another role may."""


class QuotaExceeded(StageFailed):
    """A service has no room left for this project, or at all."""


class StateConflict(PipelineError):
    """What was asked for does not fit the state that things are in."""


class DigestMismatch(PipelineError):
    """A file is not what its digest says it is."""


class AuditFailed(PipelineError):
    """The audit found an error in the image."""

    exit_status = 3


class SmokeTestFailed(PipelineError):
    """The image was booted, and did not do what it must.

    :param problems: what went wrong, by boot.
    :param tail: the last lines of the console, if a boot did not answer.
    :param log: the path of the whole console.
    """

    exit_status = 4

    def __init__(
        self,
        message: str,
        *,
        problems: Iterable[Problem] = (),
        tail: Iterable[str] = (),
        log: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)
        self.tail = tuple(tail)
        self.log = log


class Unavailable(PipelineError):
    """A service or a lock could not be had now; trying again may help.

    :param problems: what could not be had, if it is several things.
    :param tail: the last lines of the program that asked for it.
    :param log: the path of that program's whole output.
    """

    exit_status = 5

    def __init__(
        self,
        message: str,
        *,
        problems: Iterable[Problem] = (),
        tail: Iterable[str] = (),
        log: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)
        self.tail = tuple(tail)
        self.log = log


class Interrupted(PipelineError):
    """The user or the system stopped the work; it was undone."""

    exit_status = 130
