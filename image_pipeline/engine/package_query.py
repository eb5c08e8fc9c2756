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

"""Which images have a package of some version: ``openssl<3.0.17``."""

import dataclasses
import fnmatch
import operator
import re
from collections.abc import Callable, Iterable, Sequence

from image_pipeline import exceptions
from image_pipeline.engine import package_lists

_QUERY = re.compile(
    r'\s*(?P<name>[A-Za-z0-9*?][A-Za-z0-9+._*?:-]*?)\s*'
    r'(?:(?P<sign><<|<=|<|==|=|>=|>>|>)\s*(?P<version>[A-Za-z0-9.+:~^_-]+))?'
    r'\s*'
)
_SIGNS: dict[str, Callable[[int, int], bool]] = {
    '<': operator.lt,
    '<=': operator.le,
    '=': operator.eq,
    '>=': operator.ge,
    '>': operator.gt,
}
#: As Debian's control files and Python write them.
_ALSO = {'<<': '<', '>>': '>', '==': '='}
_HINT = (
    'give a name alone, or a name, one of < <= = >= > and a version: '
    '"openssl<3.0.17-1~deb12u2"'
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query:
    """A package that is looked for.

    :param text: what the user gave.
    :param name: the name of a binary or a source package; ``*`` and ``?``
        stand for other characters.
    :param sign: how its version compares; None: any version.
    :param version: with what.
    """

    text: str
    name: str
    sign: str | None = None
    version: str = ''

    def finds(self, package: package_lists.Package) -> bool:
        """Whether a package is one that is looked for.

        :param package: the package.
        """
        return any(
            self.sign is None
            or _SIGNS[self.sign](
                compare(package.manager, version, self.version), 0
            )
            for version in self._versions(package)
        )

    def doubt(self, package: package_lists.Package) -> str | None:
        """Return why a package is not found that a person may have meant.

        :param package: the package.
        """
        if self.sign is None or self.finds(package):
            return None
        for version in self._versions(package):
            epoch, upstream, revision = _split(version)
            asked = _split(self.version)
            # What the question leaves open is taken from the package.
            same = _joined(
                epoch if asked[0] is None else asked[0],
                asked[1],
                revision
                if not asked[2] and asked[1] == upstream
                else asked[2],
            )
            sign = _SIGNS[self.sign]
            if sign(compare(package.manager, version, same), 0):
                return (
                    f'{package.name} {version} is not {self.sign} '
                    f'{self.version}, as {package.manager} compares; it is '
                    f'{self.sign} {same}'
                )
        return None

    def _versions(self, package: package_lists.Package) -> Iterable[str]:
        if fnmatch.fnmatchcase(package.name, self.name):
            yield package.version
        elif fnmatch.fnmatchcase(package.source, self.name):
            yield package.source_version


def parse(text: str) -> Query:
    """Return what is looked for.

    :param text: such as ``openssl<3.0.17``.
    :raises InvalidInput: it is not of that form.
    """
    found = _QUERY.fullmatch(text)
    if found is None:
        raise exceptions.InvalidInput(
            f'"{text}" is no package to look for', hint=_HINT
        )
    sign = found['sign']
    return Query(
        text=text,
        name=found['name'],
        sign=_ALSO.get(sign, sign) if sign else None,
        version=found['version'] or '',
    )


def find(
    queries: Sequence[Query], packages: Sequence[package_lists.Package]
) -> tuple[list[package_lists.Package], list[str]]:
    """Return the packages of an image that are looked for, and doubts.

    :param queries: each must find a package, else there is none.
    :param packages: of the image.
    """
    found = [
        [package for package in packages if query.finds(package)]
        for query in queries
    ]
    doubts = [
        doubt
        for query in queries
        for package in packages
        if (doubt := query.doubt(package))
    ]
    if not all(found):
        return [], doubts
    every = {(one.name, one.version): one for each in found for one in each}
    return [every[key] for key in sorted(every)], doubts


def compare(manager: str, one: str, other: str) -> int:
    """Return -1, 0 or 1, as a package manager sorts two versions.

    :param manager: ``dpkg`` or ``rpm``.
    :param one: a version.
    :param other: another.
    """
    if manager == 'rpm':
        from image_pipeline.audit.guest import rpm_version

        return rpm_version.compare(one, other)
    from image_pipeline.dib import repositories

    left, right = map(repositories.version_key, (one, other))
    return (left > right) - (left < right)


def _split(text: str) -> tuple[int | None, str, str]:
    from image_pipeline.audit.guest import rpm_version

    return rpm_version.split(text)


def _joined(epoch: int | None, version: str, revision: str) -> str:
    return (
        (f'{epoch}:' if epoch is not None else '')
        + version
        + (f'-{revision}' if revision else '')
    )
