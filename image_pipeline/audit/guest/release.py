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

"""Read which operating system a guest is."""

from collections.abc import Mapping

from image_pipeline.audit.guest import text
from image_pipeline.disk import files

_FAMILIES = {
    'debian': {'debian', 'ubuntu'},
    'redhat': {'rhel', 'centos', 'fedora', 'rocky', 'almalinux', 'ol'},
    'suse': {'suse', 'opensuse', 'sles', 'opensuse-leap'},
}


def os_release(tree: files.FileTree) -> dict[str, str]:
    """Return what /etc/os-release says, or /usr/lib/os-release.

    :param tree: the image's files.
    """
    for path in ('/etc/os-release', '/usr/lib/os-release'):
        found = {}
        for line in text.said(tree, path):
            name, equals, value = line.text.partition('=')
            if equals:
                found[name.strip()] = text.unquote(value)
        if found:
            return found
    return {}


def names(said: Mapping[str, str]) -> set[str]:
    """Return what an operating system is and what it is like.

    :param said: what :func:`os_release` returned.
    """
    return {said.get('ID', ''), *said.get('ID_LIKE', '').split()} - {''}


def family(said: Mapping[str, str]) -> str | None:
    """Return ``debian``, ``redhat``, ``suse``, or None for others.

    These are diskimage-builder's names of families, as pkg-map has them;
    Ubuntu is a Debian, and EL and Fedora are of Red Hat's.

    :param said: what :func:`os_release` returned.
    """
    found = names(said)
    for name, members in _FAMILIES.items():
        if found & members:
            return name
    return None
