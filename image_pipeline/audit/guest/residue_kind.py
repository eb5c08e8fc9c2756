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

"""What a kind of residue is: where it lies, and how it is mended."""

import dataclasses
import enum
import re

from image_pipeline.audit import rule as audit_rule


class Mend(enum.StrEnum):
    """How residue is mended."""

    #: The path goes, with all that is below it.  A pattern that ends with
    #: ``/*`` or ``/**`` so empties a folder, which stays.
    REMOVE = 'remove'
    #: The file stays, with owner and mode, and has nothing in it.
    TRUNCATE = 'truncate'
    #: The file gets the content that it has in a system that never ran.
    WRITE = 'write'
    #: The lines go that say it; the rest of the file stays.
    LINES = 'lines'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of residue.

    :param name: what it is called; virt-sysprep's name of the operation,
        where that has one.
    :param rule: the rule that objects to it.
    :param paths: where it lies; see :func:`image_pipeline.audit.guest.\
residue.found` for what a pattern may say.
    :param why: why an image must not carry it, one line.
    :param mend: how it is mended.
    :param severity: where that is not the rule's own.
    :param but: patterns of what may stay.
    :param unless: it is none, if one of these patterns fits anything: what
        a package brought stays.
    :param families: of distributions that have it; none: all.
    :param line: it is none, unless a line of the file fits; what
        :attr:`Mend.LINES` takes out.
    :param fine: contents with which a file may stay, beside being empty.
    :param default: what :attr:`Mend.WRITE` writes.
    :param files: whether only files count, and no folders.
    :param links: whether symbolic links count; only :attr:`Mend.REMOVE`
        acts on one, never on what it leads to.
    :param empty: whether it counts even if there is nothing in it.
    """

    name: str
    rule: str
    paths: tuple[str, ...]
    why: str
    mend: Mend = Mend.REMOVE
    severity: audit_rule.Severity | None = None
    but: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    families: frozenset[str] = frozenset()
    line: re.Pattern[str] | None = None
    fine: tuple[bytes, ...] = ()
    default: bytes = b''
    files: bool = False
    links: bool = True
    empty: bool = False
