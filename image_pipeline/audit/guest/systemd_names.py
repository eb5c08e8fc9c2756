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
"""Take apart the names of systemd's units; see systemd.unit(5)."""

import re

_TYPE = re.compile(
    r'\.(service|socket|target|timer|path|mount|automount|swap|slice|scope'
    r'|device)$'
)


def is_unit(name: str) -> bool:
    """Tell whether a name is one of a unit.

    :param name: of a file.
    """
    return _TYPE.search(name) is not None


def template(name: str) -> str:
    """Return the template of an instance, or nothing.

    :param name: such as ``getty@tty1.service``.
    """
    prefix, at, rest = name.partition('@')
    instance, _, kind = rest.rpartition('.')
    return f'{prefix}@.{kind}' if at and instance else ''


def prefixes(name: str) -> list[str]:
    """Return what a name shares with others: ``foo-.service``.

    :param name: such as ``foo-bar.service``.
    """
    stem, _, kind = name.rpartition('.')
    parts = stem.split('@')[0].split('-')
    return [
        f'{"-".join(parts[:count])}-.{kind}'
        for count in range(len(parts) - 1, 0, -1)
    ]
