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

"""HYG-18: locale and keyboard are neutral."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import text
from image_pipeline.disk import edits, files

_LOCALES = ('/etc/locale.conf', '/etc/default/locale', '/etc/sysconfig/i18n')
_NEUTRAL = {'LANG': 'C.UTF-8', 'XKBLAYOUT': 'us', 'KEYMAP': 'us'}
_KEYBOARDS = (
    ('/etc/default/keyboard', 'XKBLAYOUT'),
    ('/etc/vconsole.conf', 'KEYMAP'),
)


class Hyg18(rule.Rule):
    """Locale and keyboard are neutral."""

    id = 'HYG-18'
    severity = rule.Severity.INFO
    statement = (
        'the locale is C.UTF-8 or en_US.UTF-8 and there, and the keyboard '
        'is that of the US'
    )
    rationale = (
        'An installer leaves the language of who made the image; a locale '
        'that is not there makes every program complain.'
    )
    source = 'EGI fedcloud-vmi-templates; locale.conf(5)'
    satisfied_by = ('element:system-basics',)
    remedy = 'write LANG=C.UTF-8 to /etc/locale.conf and /etc/default/locale'
    fix = rule.Fix.YES
    probe = 'HYG-18'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'locales': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': ['C', 'POSIX', 'C.UTF-8', 'en_US.UTF-8'],
                'description': 'Locales that an image may have.',
            },
            'keyboards': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': ['', 'us'],
                'description': 'Keyboards that an image may have.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give locales and keyboards of one country, and missing ones."""
        tree = subject.files
        locales = {_normal(name) for name in options['locales']}
        for line, what in _bad(tree, locales, options['keyboards']).items():
            yield found.at(line, what)

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give C.UTF-8 and the keyboard of the US."""
        tree = subject.files
        locales = {_normal(name) for name in options['locales']}
        paths = (*_LOCALES, *(path for path, _ in _KEYBOARDS))
        bad = {
            (line.path, line.number)
            for line in _bad(tree, locales, options['keyboards'])
        }
        for path in paths:
            if not any(where == path for where, _ in bad):
                continue
            kept = []
            for line in text.lines(tree, path):
                key = line.text.strip().partition('=')[0]
                if (path, line.number) not in bad:
                    kept.append(line.text)
                elif key in _NEUTRAL:
                    kept.append(f'{key}={_NEUTRAL[key]}')
            yield edits.Write(
                path=tree.resolve(path),
                content=''.join(f'{line}\n' for line in kept).encode(),
            )


def _bad(
    tree: files.FileTree, locales: set[str], keyboards: list[str]
) -> dict[text.Line, str]:
    """Return the lines that are not neutral, and why."""
    bad: dict[text.Line, str] = {}
    for path in _LOCALES:
        for line in text.said(tree, path):
            key, _, value = line.text.strip().partition('=')
            value = text.unquote(value)
            if not key.startswith(('LANG', 'LC_')) or not value:
                continue
            if key == 'LANGUAGE':
                continue
            if _normal(value) not in locales:
                bad[line] = 'the locale is that of one country'
            elif not _is_there(tree, value):
                bad[line] = 'the locale is not in the image'
    for path, name in _KEYBOARDS:
        for line in text.said(tree, path):
            key, _, value = line.text.strip().partition('=')
            if key == name and text.unquote(value) not in keyboards:
                bad[line] = 'the keyboard is that of one country'
    return bad


def _normal(name: str) -> str:
    """Return a locale's name as glibc compares it: en_us.utf8."""
    language, _, charset = name.lower().partition('.')
    return f'{language}.{charset.replace("-", "")}'.rstrip('.')


def _is_there(tree: files.FileTree, name: str) -> bool:
    """Tell whether a locale is there; C.UTF-8 is in glibc since 2.35."""
    if _normal(name).partition('.')[0] in {'c', 'posix'}:
        return True
    if tree.is_file('/usr/lib/locale/locale-archive'):
        return True
    try:
        return _normal(name) in map(_normal, tree.listdir('/usr/lib/locale'))
    except OSError:
        return False
