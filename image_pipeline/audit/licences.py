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

"""Which software must not simply be given away with an image."""

import fnmatch
import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from image_pipeline.audit.guest import dpkg, package_record
from image_pipeline.disk import files

STATUS = dpkg.STATUS
#: Debian's and Ubuntu's own word for what is not free.  Firmware is its own
#: section in Debian (non-free-firmware), which every official image has.
_SECTION = re.compile(r'^Section: (non-free|restricted|multiverse)/', re.M)
_NAME = re.compile(r'^Package: (\S+)$', re.M)
_INSTALLED = re.compile(r'^Status: \S+ \S+ installed$', re.M)
_MOST_BYTES = 64 << 20


def distributions() -> Mapping[str, str]:
    """Return by os-release's ID what a distribution asks for."""
    return _tables()['distributions']


def packages(
    installed: Iterable[package_record.Package],
) -> Mapping[str, list[str]]:
    """Return the proprietary packages of an image, by what to mind.

    :param installed: the packages.
    """
    pattern = _pattern()
    found: dict[str, list[str]] = {}
    for one in installed:
        match = pattern.fullmatch(one.name)
        if match and 'firmware' not in one.name:
            why = list(_tables()['packages'].values())[
                int((match.lastgroup or 'p0')[1:])
            ]
            found.setdefault(why, []).append(one.name)
    return found


def sections(tree: files.FileTree) -> Mapping[str, list[str]]:
    """Return the packages that Debian or Ubuntu do not call free.

    :param tree: the image's files.
    """
    try:
        text = tree.read_text(STATUS, _MOST_BYTES)
    except OSError:
        return {}
    found: dict[str, list[str]] = {}
    for match in _SECTION.finditer(text):
        # Fields are anywhere in their paragraph.
        start = text.rfind('\n\n', 0, match.start()) + 1
        end = text.find('\n\n', match.end())
        paragraph = text[start : end if end >= 0 else len(text)]
        name = _NAME.search(paragraph)
        if not name or 'firmware' in name[1]:
            continue
        if _INSTALLED.search(paragraph):
            found.setdefault(match[1], []).append(name[1])
    return found


@functools.cache
def _pattern() -> re.Pattern[str]:
    """Return one pattern for all: an image has a thousand packages."""
    return re.compile(
        '|'.join(
            f'(?P<p{number}>{"|".join(map(fnmatch.translate, one.split()))})'
            for number, one in enumerate(_tables()['packages'])
        )
    )


@functools.cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    # PyYAML takes 25 ms to import, which few commands need.
    import yaml

    text = Path(__file__).with_suffix('.yaml').read_text()
    found: dict[str, dict[str, str]] = yaml.safe_load(text)
    return found
