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

"""Change the words that boot loaders tell a kernel."""

import re
from collections.abc import Callable

from image_pipeline.audit.guest import boot, text
from image_pipeline.audit.remedies import draft

_DEFAULT = '/etc/default/grub'
_VARIABLE = re.compile(r'^\s*GRUB_CMDLINE_LINUX=')
_ASSIGNMENT = re.compile(r'^(\s*GRUB_CMDLINE_LINUX(?:_DEFAULT)?\+?=)(.*?)\s*$')
_CONSOLE = re.compile(r'(?<![^\s"\'])console=([A-Za-z]+[0-9]+)[^\s"\']*')
#: Before a word: the begin, a blank, a quotation mark, or an assignment.
_BEFORE = r'(^|[\s"\']|GRUB_CMDLINE_LINUX(?:_DEFAULT)?\+?=)'
#: Serial lines whose speed is said; the others have none.
_WITH_SPEED = ('ttyS', 'ttyAMA')


def drop(plan: draft.Draft, unwanted: Callable[[str], bool]) -> None:
    """Take words out of every command line.

    :param plan: takes the changes.
    :param unwanted: tells of a word whether it goes.
    """
    for line, command in boot.command_lines(plan.tree):
        for word in dict.fromkeys(filter(unwanted, command.split())):
            said = plan.said(line)
            if said is not None:
                plan.replace(line, _without(said, word))


def argument(serial: str) -> str:
    """Return the argument that names a serial console.

    :param serial: such as ``ttyS0``.
    """
    speed = ',115200n8' if serial.startswith(_WITH_SPEED) else ''
    return f'console={serial}{speed}'


def show(plan: draft.Draft, line: text.Line) -> None:
    """Let the kernel write to the screen, too.

    :param plan: takes the changes.
    :param line: with a command line that names other consoles.
    """
    said = plan.said(line) or ''
    match = _CONSOLE.search(said)
    if match:
        said = f'{said[: match.start()]}console=tty0 {said[match.start() :]}'
        plan.replace(line, said)


def log_to(plan: draft.Draft, line: text.Line, wanted: list[str]) -> None:
    """Let ``/dev/console`` be a serial line.

    :param plan: takes the changes.
    :param line: with a command line.
    :param wanted: serial consoles that will do, the best one first.
    """
    said = _quoted(plan.said(line) or '')
    there = [one for one in _CONSOLE.finditer(said) if one[1] in wanted]
    word = there[-1][0] if there else argument(wanted[0])
    if there:
        said = _without(said, word)
    last = list(_CONSOLE.finditer(said))
    if last:
        end = last[-1].end()
        plan.replace(line, f'{said[:end]} {word}{said[end:]}')
        return
    end = len(said) - said.endswith(('"', "'"))
    blank = '' if said[:end].endswith(('"', "'", ' ')) else ' '
    plan.replace(line, f'{said[:end]}{blank}console=tty0 {word}{said[end:]}')


def defaults(plan: draft.Draft, wanted: list[str]) -> None:
    """Let what updates the boot loader keep the consoles.

    :param plan: takes the changes.
    :param wanted: see :func:`log_to`.
    """
    lines = [
        line
        for path in boot.boot_files(plan.tree)
        if path.startswith(_DEFAULT)
        for line in text.said(plan.tree, path)
        if _VARIABLE.match(line.text)
    ]
    if lines:
        # The last one counts: the files are read as a shell does it.
        named = [one[1] for one in _CONSOLE.finditer(lines[-1].text)]
        if not named or named[-1] not in wanted:
            log_to(plan, lines[-1], wanted)
    elif plan.tree.is_file(_DEFAULT):
        plan.append(
            _DEFAULT,
            f'GRUB_CMDLINE_LINUX="console=tty0 {argument(wanted[0])}"',
        )


def _quoted(said: str) -> str:
    """Return an assignment of GRUB's with its value in quotation marks."""
    match = _ASSIGNMENT.match(said)
    if not match or match[2].startswith(('"', "'")):
        return said
    return f'{match[1]}"{match[2]}"'


def _without(said: str, word: str) -> str:
    """Return a line without a word."""
    found = re.compile(rf'{_BEFORE}{re.escape(word)}(?=[\s"\']|$)[ \t]*')
    return found.sub(r'\1', said).rstrip(' \t')
