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

"""Compare versions as rpm does."""

import itertools
import re
from typing import Any

_SEGMENT = re.compile(r'[0-9]+|[A-Za-z]+|~|\^')
#: What comes before what, of two versions at the place where they differ:
#: ``~``, the end, ``^``, letters, digits.
_TILDE, _END, _CARET, _LETTERS, _DIGITS = range(5)


def key(text: str) -> tuple[tuple[int, Any], ...]:
    """Return what a version, or a release, sorts by.

    :param text: without the epoch.  What is neither letter, digit, ``~`` nor
        ``^`` only separates (rpm-version(7); rpmio/rpmvercmp.c).
    """
    found: list[tuple[int, Any]] = []
    for piece in _SEGMENT.findall(text):
        if piece == '~':
            found.append((_TILDE, 0))
        elif piece == '^':
            found.append((_CARET, 0))
        elif piece.isdigit():
            found.append((_DIGITS, int(piece)))
        else:
            found.append((_LETTERS, piece))
    return (*found, (_END, 0))


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1, as one version is before, like or after another.

    An epoch that is not said is 0; a release that one of them does not say
    is not compared, as in a dependency (rpm-version(7)).

    :param one: ``[epoch:]version[-release]``.
    :param other: likewise.
    """
    epoch, version, release = split(one)
    epoch_2, version_2, release_2 = split(other)
    pairs: list[tuple[Any, Any]] = [
        (epoch or 0, epoch_2 or 0),
        (key(version), key(version_2)),
    ]
    if release and release_2:
        pairs.append((key(release), key(release_2)))
    signs = ((left > right) - (left < right) for left, right in pairs)
    return next(itertools.dropwhile(lambda sign: not sign, signs), 0)


def split(text: str) -> tuple[int | None, str, str]:
    """Return a version's epoch, version and release.

    :param text: ``[epoch:]version[-release]``, as dpkg and rpm write it.
    :returns: None and an empty text for what it does not say.
    """
    epoch, colon, rest = text.partition(':')
    if not colon:
        epoch, rest = '', text
    version, _, release = rest.rpartition('-')
    if not version:
        version, release = rest, ''
    return (int(epoch) if epoch.isdigit() else None), version, release
