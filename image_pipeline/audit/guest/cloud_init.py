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
"""Read what cloud-init will do in a guest.

Its configuration is ``/etc/cloud/cloud.cfg`` and, over that, the files of
``/etc/cloud/cloud.cfg.d``, the last one first.  As cloud-init itself does, a
file that is no YAML, or no mapping, is left out; :attr:`Config.problems`
tells of it.
"""

import dataclasses
import functools
from typing import Any

import yaml

from image_pipeline.audit.guest import (
    boot,
    cloud_init_merge,
    systemd_conf,
    text,
)
from image_pipeline.disk import files

MAIN = '/etc/cloud/cloud.cfg'
FOLDER = '/etc/cloud/cloud.cfg.d'
DISABLED = '/etc/cloud/cloud-init.disabled'
#: The names of datasources, case and all (``CFG_BUILTIN`` of cloud-init
#: 26.x).
DATASOURCES = frozenset(
    {
        'Akamai', 'AliYun', 'AltCloud', 'Azure', 'Bigstep', 'CloudCIX',
        'CloudSigma', 'CloudStack', 'ConfigDrive', 'DigitalOcean', 'Ec2',
        'Exoscale', 'GCE', 'Hetzner', 'IBMCloud', 'LXD', 'MAAS', 'NWCS',
        'NoCloud', 'None', 'OVF', 'OpenNebula', 'OpenStack', 'Oracle',
        'RbxCloud', 'Scaleway', 'SmartOS', 'UpCloud', 'VMware', 'Vultr',
        'WSL',
    }
)  # fmt: skip
#: A file of configuration has some KB.
_MOST_BYTES = 256 << 10
_MOST_FILES = 200
#: libyaml's compose() recurses without a bound of its own.
_MOST_DEEP = 2_000
_TRUE = frozenset({'true', '1', 'on', 'yes'})
_FALSE = frozenset({'off', '0', 'no', 'false'})
_PROGRAMS = ('/usr/bin/cloud-init', '/usr/local/bin/cloud-init')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem:
    """Why cloud-init leaves a file out.

    :param line: where.
    :param message: why.
    """

    line: text.Line
    message: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class _File:
    """A file of configuration; lines are looked up in its nodes."""

    path: str
    lines: list[text.Line]
    node: yaml.Node
    data: dict[str, Any]


class _Left(Exception):
    """A file is left out.

    :param message: why.
    :param number: the line.
    """

    def __init__(self, message: str, number: int = 1) -> None:
        super().__init__(message)
        self.number = number


class Config:
    """What the files of configuration say together.

    :param tree: the image's files.
    """

    def __init__(self, tree: files.FileTree) -> None:
        self.tree = tree
        self.problems: list[Problem] = []

    @functools.cached_property
    def data(self) -> dict[str, Any]:
        """All of it, as plain data."""
        try:
            return cloud_init_merge.merge(file.data for file in self._files)
        except ValueError as exc:
            self._leave(MAIN, [], 1, str(exc))
            return {}

    def get(self, *keys: str, default: Any = None) -> Any:
        """Return one value, or the default if nothing is said.

        :param keys: from the top, such as ``'ssh_pwauth'``.
        :param default: where there is none.
        """
        found: Any = self.data
        for key in keys:
            if not isinstance(found, dict) or key not in found:
                return default
            found = found[key]
        return found

    def where(self, *keys: str) -> text.Line | None:
        """Return the line that says it, in the file that wins.

        :param keys: from the top.
        """
        found = self.each(*keys)
        return found[0][0] if found else None

    def each(self, *keys: str) -> list[tuple[text.Line, Any]]:
        """Return what each file says, the winner first.

        :param keys: from the top.
        :returns: the line and the value.
        """
        found = []
        for file in self._files:
            number = _line(file.node, keys)
            value: Any = file.data
            for key in keys:
                value = value.get(key) if isinstance(value, dict) else None
            if number is not None:
                line = file.lines[min(number, len(file.lines) - 1)]
                found.append((line, value))
        return found

    def names(self, *keys: str) -> tuple[str, ...] | None:
        """Return a list of names, or None if there is no list.

        :param keys: from the top, such as ``'datasource_list'``.
        """
        found = self.get(*keys)
        if not isinstance(found, list):
            return None
        return tuple(str(one) for one in found)

    def modules(self, stage: str) -> tuple[str, ...]:
        """Return the names of a stage's modules, with ``_`` for ``-``.

        :param stage: ``init``, ``config`` or ``final``.
        """
        found = []
        listed = self.get(f'cloud_{stage}_modules')
        for one in listed if isinstance(listed, list) else ():
            name = one
            if isinstance(one, list):
                name = one[0] if one else None
            elif isinstance(one, dict):
                name = one.get('name')
            if isinstance(name, str) and name.strip():
                name = name.strip().replace('-', '_').removesuffix('.py')
                found.append(name.removeprefix('cc_'))
        return tuple(found)

    @functools.cached_property
    def paths(self) -> tuple[str, ...]:
        """The files that cloud-init reads, the one that wins first."""
        names = sorted(systemd_conf.names(self.tree, FOLDER), reverse=True)
        found = [f'{FOLDER}/{n}' for n in names if n.endswith('.cfg')]
        there = [path for path in found if self.tree.is_file(path)]
        if len(there) > _MOST_FILES:
            self._leave(FOLDER, [], 1, 'has too many files to be read')
            there = there[:_MOST_FILES]
        return (*there, *([MAIN] if self.tree.is_file(MAIN) else []))

    @functools.cached_property
    def _files(self) -> list[_File]:
        found = []
        for path in self.paths:
            lines = text.lines(self.tree, path)
            try:
                node, said = _parse(self._read(path))
            except _Left as exc:
                self._leave(path, lines, exc.number, str(exc))
            else:
                if node is not None and said is not None:
                    found.append(
                        _File(path=path, lines=lines, node=node, data=said)
                    )
        return found

    def _read(self, path: str) -> str:
        try:
            data = self.tree.read_bytes(path, _MOST_BYTES + 1)
        except OSError as exc:
            raise _Left(f'cannot be read: {exc.strerror}') from exc
        if len(data) > _MOST_BYTES:
            raise _Left('is too large to be read')
        try:
            return data.decode()
        except UnicodeDecodeError as exc:
            number = data.count(b'\n', 0, exc.start) + 1
            raise _Left('is not UTF-8', number) from exc

    def _leave(
        self, path: str, lines: list[text.Line], number: int, message: str
    ) -> None:
        line = text.Line(path=path, number=number, text='')
        if number <= len(lines):
            line = lines[number - 1]
        self.problems.append(Problem(line=line, message=message))


def merged(tree: files.FileTree) -> Config:
    """Return what cloud-init's files of configuration say together.

    :param tree: the image's files.
    """
    config = Config(tree)
    # Problems are known from here on.
    _ = config.data
    return config


def is_true(value: Any) -> bool:
    """Tell whether cloud-init takes a value for yes (``util.is_true``).

    :param value: as YAML has it.
    """
    return value is True or str(value).lower().strip() in _TRUE


def is_false(value: Any) -> bool:
    """Tell whether cloud-init takes a value for no (``util.is_false``).

    :param value: as YAML has it.
    """
    return value is False or str(value).lower().strip() in _FALSE


def is_installed(tree: files.FileTree) -> bool:
    """Tell whether the image has cloud-init.

    :param tree: the image's files.
    """
    return any(tree.is_file(path) for path in _PROGRAMS)


def disabled(tree: files.FileTree) -> text.Line | None:
    """Return what turns cloud-init off altogether, or None.

    :param tree: the image's files.
    """
    if tree.is_file(DISABLED):
        return text.Line(path=DISABLED, number=1, text='')
    for line, command in boot.command_lines(tree):
        if 'cloud-init=disabled' in command.split():
            return line
    return None


def _parse(said: str) -> tuple[yaml.Node | None, dict[str, Any] | None]:
    """Return a document, as nodes and as data; None for an empty one."""
    fast = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    deep = said.count('[') + said.count('{')
    deep += max(map(len, said.splitlines()), default=0)
    try:
        loader = (fast if deep < _MOST_DEEP else yaml.SafeLoader)(said)
        try:
            node = loader.get_single_node()
            data = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        raise _Left(
            f'is no YAML: {exc.problem or exc.context}',
            mark.line + 1 if mark else 1,
        ) from exc
    except (yaml.YAMLError, ValueError, TypeError) as exc:
        reason = ' '.join(str(exc).split())
        raise _Left(f'is no YAML: {reason}') from exc
    except RecursionError as exc:
        raise _Left('is too deeply nested') from exc
    if data is not None and not isinstance(data, dict):
        raise _Left('is no mapping')
    return node, data


def _line(node: yaml.Node, keys: tuple[str, ...]) -> int | None:
    """Return the line of a key, from 0, or None."""
    number = None
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            return None
        found = [pair for pair in node.value if pair[0].value == key]
        if not found:
            return None
        # The last one of equal keys wins.
        name, node = found[-1]
        number = name.start_mark.line
    return number
