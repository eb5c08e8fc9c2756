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

"""Read which packages a guest has."""

import re

from image_pipeline.audit.guest import text
from image_pipeline.disk import files


def dpkg_versions(
    tree: files.FileTree, names: frozenset[str]
) -> dict[str, str]:
    """Return the versions of installed Debian packages.

    :param tree: the image's files.
    :param names: the packages that are asked for.
    """
    found: dict[str, str] = {}
    package, installed = '', False
    for line in text.lines(tree, '/var/lib/dpkg/status'):
        key, _, value = line.text.partition(': ')
        if key == 'Package':
            package, installed = value, False
        elif key == 'Status':
            installed = value.endswith(' installed')
        elif key == 'Version' and installed and package in names:
            found[package] = value
    return found


def version(text: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with, to compare them.

    :param text: such as ``1:2.06-13+deb12u1``; an epoch is left out.
    """
    text = text.partition(':')[2] if ':' in text else text
    match = re.match(r'\d+(?:\.\d+)*', text)
    return tuple(int(part) for part in match[0].split('.')) if match else ()
