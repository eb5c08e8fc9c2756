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

"""The settings of the host's own apt, as apt.conf(5) has them."""

import re
from pathlib import Path

FOLDER = Path('/etc/apt')
#: ``Name "value";``, ``name {`` and ``};`` of apt.conf, and its comments.
_TOKEN = re.compile(
    r'"(?P<value>(?:[^"\\]|\\.)*)"|(?P<mark>[{};])'
    r'|(?P<skip>//[^\n]*|/\*.*?\*/|\#[^\n]*|\s+)|(?P<word>[^\s"{};]+)',
    re.DOTALL,
)


def proxies(folder: Path = FOLDER) -> dict[str, str]:
    """Return the proxies that the host's apt uses.

    A proxy for one host only, and one that a program finds out, are not
    among them.

    :param folder: apt's configuration.
    :returns: URL by scheme, ``http`` and ``https``.
    """
    settings = configuration(folder)
    found = {}
    for scheme in ('http', 'https'):
        # apt asks http's proxy for https, too, where that has none.
        for name in (scheme, 'http'):
            value = settings.get(f'acquire::{name}::proxy', '')
            if value:
                break
        if value and value.upper() != 'DIRECT':
            found[scheme] = value
    return found


def configuration(folder: Path = FOLDER) -> dict[str, str]:
    """Return apt's settings, the last word on each.

    :param folder: apt's configuration.
    :returns: value by name in small letters: ``acquire::http::proxy``.
    """
    # apt.conf(5): those of the folder first, in order; only names of letters,
    # digits, `-`, `_` and `.`, without an extension or with `conf`.
    files = [
        file
        for file in sorted((folder / 'apt.conf.d').glob('*'))
        if re.fullmatch(r'[\w-]+|[\w.-]+\.conf', file.name)
    ]
    found: dict[str, str] = {}
    for file in (*files, folder / 'apt.conf'):
        try:
            text = file.read_text(encoding='utf-8', errors='replace')
        except OSError:
            continue
        _read_settings(text, found)
    return found


def _read_settings(text: str, found: dict[str, str]) -> None:
    scopes: list[str] = []
    name = ''
    for token in _TOKEN.finditer(text):
        if token['word']:
            # A value may stand without quotes.
            if name:
                found['::'.join((*scopes, name))] = token['word']
            else:
                name = token['word'].lower()
        elif token['value'] is not None:
            value = token['value'].replace('\\"', '"')
            found['::'.join((*scopes, name))] = value
        elif token['mark']:
            if token['mark'] == '{':
                scopes.append(name)
            elif token['mark'] == '}' and scopes:
                scopes.pop()
            name = ''
