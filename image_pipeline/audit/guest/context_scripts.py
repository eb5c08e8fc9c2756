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
"""Find scripts that set an instance up from a disk that is handed to it.

The EGI wiki of 2013 has one for OpenNebula, and sites have copied it: it
mounts whatever second disk there is and runs what it finds there as root.
"""

import re
from collections.abc import Iterator

from image_pipeline import exceptions
from image_pipeline.audit.guest import text
from image_pipeline.disk import files

#: Where scripts of a site are; those of packages are elsewhere.
_PLACES = (
    '/etc/init.d/*',
    '/etc/rc.d/init.d/*',
    '/etc/rc.local',
    '/etc/rc.d/rc.local',
    '/etc/systemd/system/*.service',
    '/etc/systemd/system/*.mount',
    '/usr/local/bin/*',
    '/usr/local/sbin/*',
    '/usr/local/lib/systemd/system/*',
)
_MOST_FILES, _MOST_BYTES = 500, 64 << 10
_TELLING = (b'iso9660', b'context.sh', b'init.sh', b'ssh_host_dsa_key')
_MOUNT = re.compile(r'\bmount\s')
_DISK = re.compile(r'\biso9660\b|/dev/(?:sr|cd|[shxv]+d[a-z])')
_RUNS = re.compile(
    r'(?:^|[\s;&|(=/])(?:\.|source|sh|bash|exec)\s+["\']?[\w/${}.-]*'
    r'(?:init|context)\.sh\b'
)
_LABELLED = re.compile(r'by-label/|LABEL=|\s-L\s', re.IGNORECASE)


class Script:
    """A script that deals with such a disk.

    :param path: where it is.
    :param lines: what it says.
    """

    def __init__(self, path: str, lines: list[text.Line]) -> None:
        self.path = path
        self.lines = lines

    def runs(self) -> list[text.Line]:
        """Return the lines that run what is on the disk."""
        return [line for line in self.lines if _RUNS.search(line.text)]

    def mounts(self) -> list[text.Line]:
        """Return the lines that mount the disk."""
        return [
            line
            for line in self.lines
            if _mounts_a_disk(line.text) or line.text.startswith('What=')
        ]

    def dsa_keys(self) -> list[text.Line]:
        """Return the lines that ask for a host key of a type long gone."""
        return [line for line in self.lines if 'ssh_host_dsa_key' in line.text]


def _mounts_a_disk(command: str) -> bool:
    match = _MOUNT.search(command)
    return bool(match and _DISK.search(command, match.end()))


def is_labelled(line: text.Line) -> bool:
    """Tell whether a line names the disk by its label.

    :param line: of a script.
    """
    return bool(_LABELLED.search(line.text))


def scripts(tree: files.FileTree) -> list[Script]:
    """Return the scripts of a site that deal with such a disk.

    :param tree: the image's files.
    """
    found = []
    for path in _paths(tree):
        try:
            data = tree.read_bytes(path, _MOST_BYTES)
        except OSError:
            continue
        if any(word in data for word in _TELLING):
            found.append(Script(path, text.said(tree, path)))
    return found


def _paths(tree: files.FileTree) -> Iterator[str]:
    seen: set[str] = set()
    for pattern in _PLACES:
        for path in tree.glob(pattern):
            if not tree.is_file(path):
                continue
            real = tree.resolve(path)
            if real in seen or real.startswith('/usr/lib/'):
                continue
            if len(seen) >= _MOST_FILES:
                raise exceptions.ImageUnreadable(
                    f'more than {_MOST_FILES} scripts of a site'
                )
            seen.add(real)
            yield path
