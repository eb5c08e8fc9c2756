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

"""What a run came to, as tables, JSON or YAML."""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from image_pipeline.engine import result

_FORMS = ('table', 'json', 'yaml')
_TAIL = 10


def add_form_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``-f`` to a command that prints runs.

    :param parser: the command's.
    """
    parser.add_argument(
        '-f',
        '--format',
        choices=_FORMS,
        default='table',
        dest='form',
        help='how the result is printed (default: table)',
    )


def results(
    done: Sequence['result.RunResult'],
    *,
    form: str,
    single: bool,
    out: TextIO,
    program: str = 'image-pipeline',
) -> None:
    """Print what came of runs.

    :param done: the runs.
    :param form: table, json or yaml.
    :param single: print one object instead of a list.
    :param out: standard output.
    :param program: how the program was called, for what to do next.
    """
    if form == 'table':
        for one in done:
            out.write('\n'.join(_lines(one, program)) + '\n')
        return
    values: Any = [one.to_json() for one in done]
    if single and len(values) == 1:
        values = values[0]
    if form == 'json':
        out.write(json.dumps(values, indent=2) + '\n')
    else:
        import yaml

        yaml.safe_dump(values, out, sort_keys=False)


def failures(done: 'result.RunResult', out: TextIO) -> None:
    """Tell what failed, where to look and what to do next.

    :param done: the run.
    :param out: standard error.
    """
    for line in _failure_lines(done):
        out.write(f'{line}\n')


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; its last column is not padded.

    :param header: names of the columns.
    :param rows: one text a column.
    """
    every = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    lines = []
    for row in every:
        cells = [
            text.ljust(width) for text, width in zip(row, widths, strict=True)
        ]
        lines.append('  '.join(cells).rstrip())
    return lines


def _lines(done: 'result.RunResult', program: str) -> Iterable[str]:
    if done.unchanged:
        yield f'{done.recipe}: nothing has changed'
    else:
        yield f'{done.recipe}: run {done.run} {done.state} in ' + (
            f'{done.seconds:.1f} s'
        )
    yield ''
    yield from table(
        ('stage', 'state', 'seconds', 'reason'),
        (
            (
                step.key,
                str(step.state),
                f'{step.seconds:.1f}' if step.seconds else '',
                step.reason,
            )
            for step in done.steps
        ),
    )
    yield from _disagreements(done)
    if done.images:
        yield ''
        yield from table(
            ('image', 'target', 'state', 'id', 'path'),
            (_image(image) for image in done.images),
        )
        yield from _next(done, program)


def _disagreements(done: 'result.RunResult') -> Iterable[str]:
    """Give the rules of which the audit and the booted guest disagree."""
    from image_pipeline.probes import disagreement

    if not done.disagreements:
        return
    yield ''
    yield 'defects of the audit, which the smoke test found:'
    for one in done.disagreements:
        yield f'  {disagreement.line(one)}'
    yield f'  {disagreement.HINT}'


def _image(image: Mapping[str, Any]) -> tuple[str, ...]:
    keys = ('name', 'target', 'state', 'id', 'path')
    return tuple(str(image[key] or '') for key in keys)


def _next(done: 'result.RunResult', program: str) -> Iterable[str]:
    """Give the commands that promote, or say what is missing for them."""
    waiting = [one for one in done.images if one['state'] == 'candidate']
    ready = [one for one in waiting if done.smoke_tested(one['id'])]
    if ready:
        yield ''
        yield 'to give the candidate to users:'
    for image in ready:
        yield (
            f'  {program} image promote --target {image["target"]} '
            f'{image["id"]}'
        )
    untested = [one for one in waiting if one not in ready]
    if untested:
        yield ''
        yield 'no smoke test has passed, so not yet for users:'
    for image in untested:
        yield f'  {image["id"]}: {_untested(done, image["target"])}'


def _untested(done: 'result.RunResult', target: str) -> str:
    for step in done.steps:
        if (step.stage, step.key) == ('smoke-test', f'smoke-test@{target}'):
            if step.state in ('succeeded', 'skipped'):
                return f'{step.key} was of another file'
            return f'{step.key}: {step.state}'
    return (
        'the run had no smoke-test; bake the recipe without --until, '
        'and with that stage'
    )


def _failure_lines(done: 'result.RunResult') -> Iterable[str]:
    failed = [(step.key, step.error) for step in done.steps if step.error]
    if done.error:
        failed.append(('', done.error))
    for key, error in failed:
        yield (
            f'error: {key}: {error.message}'
            if key
            else (f'error: {error.message}')
        )
        for line in error.tail[-_TAIL:]:
            yield f'  | {line}'
        if error.log:
            yield f'log: {error.log}'
        for path in error.evidence:
            yield f'evidence: {path}'
        if error.hint:
            yield f'hint: {error.hint}'
    if done.state == 'interrupted':
        yield 'interrupted; what was under way is undone'
    for line in done.undone:
        yield f'undone: {line}'
    for key, _ in failed:
        if key:
            yield f'see:  image-pipeline run log {done.run} {key}'
    if failed or done.state == 'interrupted':
        yield f'next: image-pipeline run resume {done.run}'
