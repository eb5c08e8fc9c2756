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

"""Read which packages a guest has.

Nothing that is damaged is taken for a system without packages: that raises
:class:`~image_pipeline.audit.rule.CannotTell`.
"""

import re
from typing import TYPE_CHECKING

from image_pipeline.audit import rule
from image_pipeline.audit.guest import dpkg, package_record, rpm
from image_pipeline.disk import files

if TYPE_CHECKING:
    from image_pipeline.audit import view

Package = package_record.Package


def of(image: 'view.ImageView') -> tuple[Package, ...]:
    """Return the packages of an image; they are read once.

    :param image: the image.
    :raises CannotTell: see :func:`installed`, or the image has no files that
        can be read.
    """
    return image.remember('packages', lambda: installed(image.files))


def installed(tree: files.FileTree) -> tuple[Package, ...]:
    """Return all installed packages, of dpkg and of rpm, by name.

    :param tree: the image's files.
    :raises CannotTell: there is no database, or one is damaged.
    """
    found = [
        packages
        for packages in (dpkg.packages(tree), rpm.packages(tree))
        if packages is not None
    ]
    # Each tool can be installed where the other one is used.
    if not any(found):
        raise rule.CannotTell(
            'there is no package database that is read (dpkg, rpm)'
            if not found
            else 'the package database names no package'
        )
    return tuple(
        sorted(
            (package for packages in found for package in packages),
            key=lambda package: (package.name, package.arch),
        )
    )


def dpkg_versions(
    tree: files.FileTree, names: frozenset[str]
) -> dict[str, str]:
    """Return the versions of installed Debian packages.

    :param tree: the image's files.
    :param names: the packages that are asked for.
    :returns: none if the database is damaged.
    """
    try:
        found = dpkg.packages(tree) or []
    except (rule.CannotTell, OSError):
        return {}
    return {
        package.name: package.full_version
        for package in found
        if package.name in names
    }


def version(text: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with, to compare them.

    :param text: such as ``1:2.06-13+deb12u1``; an epoch is left out.
    """
    text = text.partition(':')[2] if ':' in text else text
    match = re.match(r'\d+(?:\.\d+)*', text)
    return tuple(int(part) for part in match[0].split('.')) if match else ()
