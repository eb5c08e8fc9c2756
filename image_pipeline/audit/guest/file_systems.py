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
"""Read which file systems a guest is told not to mount."""

import re

from image_pipeline.audit.guest import kernels, systemd_conf, text
from image_pipeline.disk import files

#: The modules of file systems, by the names that ``modprobe.d`` may use for
#: them.
_NAMES = {
    'iso9660': ('isofs', 'iso9660', 'fs-iso9660'),
    'vfat': ('vfat', 'fat', 'fs-vfat', 'msdos'),
}
_NOTHING = re.compile(r'^(/usr)?(/s?bin/)?(true|false)\b')


def module(kind: str) -> str:
    """Return the name of a file system's module.

    :param kind: as ``mount -t`` has it.
    """
    return _NAMES.get(kind, (kind,))[0]


def barred(tree: files.FileTree, kind: str) -> list[text.Line]:
    """Return the lines of modprobe.d that keep a file system out.

    What is built into the kernel is mounted all the same.

    :param tree: the image's files.
    :param kind: as ``mount -t`` has it.
    """
    names = _NAMES.get(kind, (kind, f'fs-{kind}'))
    found = []
    for path in systemd_conf.paths(tree, 'modprobe.d'):
        for line in text.said(tree, path):
            words = line.text.split(maxsplit=2)
            if len(words) < 2 or kernels.normal(words[1]) not in names:
                continue
            if words[0] == 'blacklist' or (
                words[0] == 'install'
                and len(words) > 2
                and _NOTHING.match(words[2])
            ):
                found.append(line)
    return found
