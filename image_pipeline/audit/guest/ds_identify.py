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
"""See cloud-init's configuration as ds-identify does.

This shell script of cloud-init decides, long before Python runs, which
datasources are tried and whether cloud-init runs at all.  It knows no YAML:
it looks for a key with grep, in ``cloud.cfg`` and in every file of
``cloud.cfg.d`` by name, and takes the last line.  After ``tools/ds-identify``
of cloud-init 26.x.
"""

import dataclasses
import re
from collections.abc import Iterable

from image_pipeline.audit.guest import boot, cloud_init, systemd_conf, text
from image_pipeline.disk import files

CONFIG = '/etc/cloud/ds-identify.cfg'
PROGRAMS = (
    '/usr/lib/cloud-init/ds-identify',
    '/usr/libexec/cloud-init/ds-identify',
    '/lib/cloud-init/ds-identify',
)
#: ``DI_DEFAULT_POLICY`` and ``DI_DEFAULT_POLICY_NO_DMI``, since 25.1.4 the
#: same.
_POLICY = {
    'mode': 'search',
    'found': 'all',
    'maybe': 'none',
    'notfound': 'disabled',
}
_MODES = {'enabled', 'disabled', 'search', 'report'}
_CHOICES = {
    'found': {'all', 'first'},
    'maybe': {'all', 'none'},
    'notfound': {'enabled', 'disabled'},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seen:
    """A value that ds-identify finds for a key.

    :param line: where it stands.
    :param value: what it makes of it.
    """

    line: text.Line
    value: str


def check_config(
    tree: files.FileTree, key: str, paths: Iterable[str] | None = None
) -> Seen | None:
    """Return the last line with a key, as ``check_config`` finds it.

    :param tree: the image's files.
    :param key: such as ``datasource_list``.
    :param paths: the files to look in; None: all of the configuration.
    """
    pattern = re.compile(re.escape(key) + r'["\']*\s*:')
    found = None
    for path in _paths(tree) if paths is None else paths:
        for line in text.lines(tree, path):
            if not pattern.search(line.text):
                continue
            said = line.text.partition('#')[0]
            if said:
                _, colon, value = said.partition(': ')
                found = Seen(line=line, value=value if colon else said)
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Datasources:
    """The list that ds-identify works with.

    :param names: the datasources; empty: it finds no list, and takes its own
        with all of them but ``None``.
    :param line: where the list stands.
    """

    names: tuple[str, ...]
    line: text.Line | None

    @property
    def is_single(self) -> bool:
        """Whether it takes the only one without a look at the machine."""
        return bool(self.names) and (
            len(self.names) == 1 or self.names[1:] == ('None',)
        )


def datasources(tree: files.FileTree) -> Datasources:
    """Return the list of datasources that ds-identify sees.

    :param tree: the image's files.
    """
    seen = check_config(tree, 'datasource_list')
    if seen is None:
        return Datasources(names=(), line=None)
    # get_value takes what follows the last colon.
    value = seen.value.rpartition(':')[2].strip()
    if not value.removeprefix('[').removesuffix(']').strip():
        return Datasources(names=(), line=seen.line)
    return Datasources(names=tuple(_array(value)), line=seen.line)


def is_there(tree: files.FileTree) -> bool:
    """Tell whether the image has ds-identify.

    :param tree: the image's files.
    """
    return any(tree.is_file(path) for path in PROGRAMS)


def named(tree: files.FileTree) -> Seen | None:
    """Return the one datasource that is set past any list, or None.

    :param tree: the image's files.
    """
    for line, command in boot.command_lines(tree):
        for key in ('ds', 'ci.ds', 'ci.datasource'):
            for value in boot.arguments(command, key):
                return Seen(line=line, value=value.partition(';')[0])
    return _setting(tree, 'datasource')


def policy(tree: files.FileTree) -> tuple[dict[str, str], text.Line | None]:
    """Return what ds-identify does with what it finds.

    :param tree: the image's files.
    :returns: by ``mode``, ``found``, ``maybe`` and ``notfound``; and the
        line that says so, None where nothing does.
    """
    seen = _setting(tree, 'policy')
    for line, command in boot.command_lines(tree):
        for value in boot.arguments(command, 'ci.di.policy'):
            seen = Seen(line=line, value=value)
    said = dict(_POLICY)
    for token in seen.value.split(',') if seen else ():
        name, equals, value = token.partition('=')
        if not equals and token in _MODES:
            said['mode'] = token
        elif value in _CHOICES.get(name, ()):
            said[name] = value
    return said, seen.line if seen else None


def _paths(tree: files.FileTree) -> list[str]:
    names = systemd_conf.names(tree, cloud_init.FOLDER)
    return [
        cloud_init.MAIN,
        *(
            f'{cloud_init.FOLDER}/{name}'
            for name in names
            if name.endswith('.cfg') and not name.startswith('.')
        ),
    ]


def _setting(tree: files.FileTree, key: str) -> Seen | None:
    """Return a setting of ds-identify.cfg."""
    found = None
    for line in text.lines(tree, CONFIG):
        name, colon, value = line.text.partition('#')[0].partition(':')
        if colon and name.strip() == key:
            found = Seen(line=line, value=_unquote(value.strip()))
    return found


def _array(value: str) -> list[str]:
    """Return the words of a list on one line (``parse_yaml_array``)."""
    value = value.removeprefix('[').removesuffix(']')
    return [
        word
        for part in value.split(',')
        for word in _unquote(part.strip()).split()
    ]


def _unquote(value: str) -> str:
    for quote in '"\'':
        if len(value) > 1 and value[0] == value[-1] == quote:
            return value[1:-1]
    return value
