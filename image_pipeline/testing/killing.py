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

"""Kill our own process between any two changes of its files.

An audit hook sees every call that changes a file's name or content.  From
the chosen one on all of them fail, those of clean-up code too: what is then
on disk is what ``kill -9`` would have left::

    for number in itertools.count():
        with killing.before(number) as death:
            catalogue.promote(image_id)
        check(catalogue)
        if not death.came:
            break
"""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

_CHANGES = frozenset(
    {
        'os.chmod',
        'os.link',
        'os.mkdir',
        'os.remove',
        'os.rename',
        'os.rmdir',
        'os.symlink',
        'os.truncate',
    }
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class KilledError(BaseException):
    """The process is dead; not for ``except Exception``."""


class Death:
    """Whether and when death comes."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._thread = threading.get_ident()
        #: Whether it came.
        self.came = False

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Die at the chosen change.

        :param event: the audit event.
        :param arguments: what comes with it.
        """
        if threading.get_ident() != self._thread or not _changes(
            event, arguments
        ):
            return
        if self._left > 0:
            self._left -= 1
            return
        self.came = True
        raise KilledError(event)


_waiting: list[Death] = []
_installed = False


@contextlib.contextmanager
def before(number: int) -> Iterator[Death]:
    """Die before a change, counted from 0; the error stays inside.

    :param number: which change of the body.
    :returns: a context manager that gives the :class:`Death`.
    """
    global _installed
    if not _installed:
        # A hook cannot be taken away again, so it is put there once.
        sys.addaudithook(_hook)
        _installed = True
    death = Death(number)
    _waiting.append(death)
    try:
        with contextlib.suppress(KilledError):
            yield death
    finally:
        _waiting.remove(death)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    for death in _waiting:
        death.hook(event, arguments)


def _changes(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == 'open':
        flags = arguments[2]
        return isinstance(flags, int) and bool(flags & _WRITING)
    return event in _CHANGES
