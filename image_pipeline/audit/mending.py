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

"""Mend what the audit finds, on a copy of the image.

Only what a rule can mend without a decision is mended: files that must not
be there, a setting that has one right value.  The copy is judged again after
every round, for one change may uncover another, and the finished file once
more by every rule: what could not be mended is still told.
"""

import dataclasses
import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.audit import (
    generalise,
    profile,
    report,
    rework,
    rule,
    runner,
    subjects,
    view,
    waiver,
)
from image_pipeline.audit.guest import residue
from image_pipeline.disk import edits, files
from image_pipeline.host import cancellation, process

#: One round mends; further ones what that uncovers, and what other rules ask
#: of the same files.  More are a rule's fault.
_MOST_ROUNDS = 8
_MOST_DIFF = 64 << 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """One change that was made, and for which rule.

    :param rule: its id.
    :param edit: what was done.
    :param diff: the lines that differ, as ``diff -u`` has them; empty where
        no text was written.
    """

    rule: str
    edit: edits.Edit
    diff: str = ''

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            'rule': self.rule,
            'change': str(self.edit),
            'path': self.edit.path,
            'diff': self.diff,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mended:
    """What mending did.

    :param before: the report of the image.
    :param after: the report of the file that was written.
    :param changes: in the order in which they were made.
    """

    before: report.Report
    after: report.Report
    changes: tuple[Change, ...]

    @property
    def worse(self) -> tuple[str, ...]:
        """The rules that fail, and did not before or less severely."""
        before = {one.rule: _rank(one) for one in self.before.results}
        return tuple(
            one.rule
            for one in self.after.results
            if _rank(one) > before.get(one.rule, 0)
            and one.outcome is artifact.Outcome.FAIL
        )

    def to_json(self) -> dict[str, Any]:
        """Return the second report, with what was changed."""
        return {
            **self.after.to_json(),
            'fixed': {
                'image': str(self.before.image),
                'summary': self.before.summary,
                'changes': [one.to_json() for one in self.changes],
                'worse': list(self.worse),
            },
        }


def mend(
    source: Path,
    destination: Path,
    chosen: profile.Profile,
    waived: Iterable[waiver.Waiver] = (),
    *,
    host: process.Runner,
    cancelled: cancellation.CancellationToken,
    progress: rework.Progress = lambda done, total: None,
) -> Mended:
    """Write a copy of an image in which rules are satisfied that can be.

    :param source: the image.
    :param destination: the file to make: raw if its name ends with
        ``.raw``, else a compressed qcow2; its free space is clean.
    :param chosen: the rules.
    :param waived: what may stay.
    :param host: runs e2fsprogs and mtools.
    :param cancelled: stops it.
    :param progress: told how many bytes are written, and of how many.
    :raises ImageUnreadable: it cannot or must not be opened.
    :raises InvalidInput: the name of the file is of another format.
    :raises StageFailed: a file system cannot be changed, or there is no
        space left.
    """
    waivers = tuple(waived)
    image_format = rework.format_of(destination)
    before = runner.run(source, chosen, waivers)
    changes: list[Change] = []
    with rework.working_copy(
        source, destination, host=host, cancelled=cancelled
    ) as copy:
        for _ in range(_MOST_ROUNDS):
            with copy.opened() as image:
                wanted = list(_wanted(image, chosen, waivers, source, changes))
            if not wanted:
                break
            copy.apply(one.edit for one in wanted)
            changes += wanted
        copy.finish(
            destination,
            image_format=image_format,
            progress=progress,
        )
    after = runner.run(destination, chosen, waivers)
    return Mended(before=before, after=after, changes=tuple(changes))


def _rank(result: report.Result) -> int:
    """Return how bad a result is: 0 is good."""
    if result.outcome is not artifact.Outcome.FAIL:
        return 0
    return result.severity.rank + 1


def _wanted(
    image: view.ImageView,
    chosen: profile.Profile,
    waivers: tuple[waiver.Waiver, ...],
    source: Path,
    done: list[Change],
) -> Iterator[Change]:
    """Give the changes that rules ask for, each once.

    What a rule asks of a file that another one changes waits for the next
    round: it is worked out from the file as it is then.
    """
    seen = {one.edit for one in done}
    taken = _Taken()
    shown = subjects.Subjects(image=image)
    for one in chosen.chosen:
        if (
            one.rule.fix is not rule.Fix.YES
            or one.rule.subject is not rule.Subject.IMAGE
            or any(each.covers(one.rule.id, source) for each in waivers)
        ):
            continue
        verdict = runner.judge(one, shown)
        if verdict.outcome is not artifact.Outcome.FAIL:
            continue
        asked = [
            edit
            for edit in dict.fromkeys(_edits(one, image))
            if edit not in seen
        ]
        if any(taken.overlaps(edit.path) for edit in asked):
            continue
        for edit in asked:
            seen.add(edit)
            taken.add(edit.path)
            yield Change(
                rule=one.rule.id,
                edit=edit,
                diff=_diff(image.files, edit),
            )


class _Taken:
    """Paths that are changed already."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._above: set[str] = set()

    def add(self, path: str) -> None:
        """Take a path."""
        self._paths.add(path)
        self._above.update(_above(path))

    def overlaps(self, path: str) -> bool:
        """Tell whether a path, one below or one above it is taken."""
        return (
            path in self._paths
            or path in self._above
            or any(one in self._paths for one in _above(path))
        )


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition('/')[0]:
        yield path


def _edits(one: profile.Chosen, image: view.ImageView) -> Iterator[edits.Edit]:
    kinds = residue.kinds_of(one.rule.id)
    try:
        yield from generalise.changes(
            image.files,
            residue.found(image.files, kinds, image.census.below),
        )
        yield from one.rule.mend(
            image, one.rule.defaults() | dict(one.options)
        )
    except (
        rule.NotApplicable,
        rule.CannotTell,
        exceptions.ImageUnreadable,
    ):
        # The rule says so itself in the report.
        return


def _diff(tree: files.FileTree, edit: edits.Edit) -> str:
    if not isinstance(edit, edits.Write):
        return ''
    try:
        before = tree.read_bytes(edit.path, _MOST_DIFF)
    except (OSError, exceptions.ImageUnreadable):
        before = b''
    if b'\0' in before or b'\0' in edit.content:
        return ''
    old, new = (
        raw[:_MOST_DIFF].decode('utf-8', 'replace').splitlines(keepends=True)
        for raw in (before, edit.content)
    )
    return ''.join(
        line if line.endswith('\n') else f'{line}\n'
        for line in difflib.unified_diff(old, new, edit.path, edit.path)
    )
