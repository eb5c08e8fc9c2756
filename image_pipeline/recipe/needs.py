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

"""What steps need of this host, compared with what it has."""

import dataclasses
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import packages, process
from image_pipeline.stages import base

_VERSION = re.compile(r'\d+(?:\.\d+)+')


class Needy(Protocol):
    """What is asked for its needs: a step of a plan."""

    @property
    def stage_name(self) -> str:
        """The stage's name."""

    def needs(self) -> base.HostNeeds:
        """Return what it needs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Needs:
    """What several steps need together.

    :param executables: least version (or None) and the stages, by program.
    :param root: the stages that need root.
    :param disk_bytes: free space in the state folder, in bytes.
    :param memory_bytes: of the step that needs most, in bytes.
    """

    executables: Mapping[str, tuple[str | None, tuple[str, ...]]]
    root: tuple[str, ...]
    disk_bytes: int
    memory_bytes: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostFacts:
    """How the needs of steps are compared with this host.

    :param which: where a program is, or None.
    :param is_root: whether we run as root.
    :param free_bytes: the free space around a folder that may not exist.
    :param memory_bytes: the memory that programs can have; None if unknown.
    :param version_of: a program's version, or None if it does not say.
    :param writable: whether a folder can be written, or be made.
    """

    which: Callable[[str], Path | None]
    is_root: bool
    free_bytes: Callable[[Path], int]
    memory_bytes: Callable[[], int | None]
    version_of: Callable[[str], str | None]
    writable: Callable[[Path], bool]


def host_facts(
    which: Callable[[str], Path | None] | None = None,
    is_root: bool | None = None,
) -> HostFacts:
    """Return the facts of the host that we run on.

    :param which: instead of looking at PATH.
    :param is_root: instead of asking the system.
    """
    return HostFacts(
        which=which or process.Host().which,
        is_root=os.geteuid() == 0 if is_root is None else is_root,
        free_bytes=_free_bytes,
        memory_bytes=_memory_bytes,
        version_of=_version_of,
        writable=_writable,
    )


def together(steps: Iterable[Needy]) -> Needs:
    """Return what steps need together.

    :param steps: of one plan.
    """
    executables: dict[str, tuple[str | None, tuple[str, ...]]] = {}
    root: dict[str, None] = {}
    disk = memory = 0
    for step in steps:
        needs = step.needs()
        for name, version in needs.executables.items():
            least, stages = executables.get(name, (None, ()))
            if step.stage_name not in stages:
                stages = (*stages, step.stage_name)
            executables[name] = (later(least, version), stages)
        if needs.root:
            root[step.stage_name] = None
        # What each step makes stays until the run has ended.
        disk += needs.disk_bytes
        memory = max(memory, needs.memory_bytes)
    return Needs(
        executables=dict(sorted(executables.items())),
        root=tuple(root),
        disk_bytes=disk,
        memory_bytes=memory,
    )


def check(
    steps: Iterable[Needy],
    *,
    settings: conf_settings.Settings,
    host: HostFacts | None = None,
) -> list[exceptions.Problem]:
    """Return what this host lacks for steps.

    :param steps: those that will run; a step that is skipped needs nothing.
    :param settings: the site's settings.
    :param host: the facts; None means this host.
    """
    steps = list(steps)
    if not steps:
        return []
    host = host or host_facts()
    needs = together(steps)
    problems = _check_programs(needs, host)
    if needs.root and not host.is_root:
        problems.append(
            exceptions.Problem(
                message=f'{_list(needs.root)} must run as root',
                hint='use sudo',
            )
        )
    problems.extend(_check_room(needs, settings.state_dir, host))
    return problems


def _check_programs(needs: Needs, host: HostFacts) -> list[exceptions.Problem]:
    problems = []
    for name, (least, stages) in needs.executables.items():
        remedy = packages.remedy([name], host.which)
        if host.which(name) is None:
            problems.append(
                exceptions.Problem(
                    message=f'the program {name} is missing; '
                    f'{_list(stages)} needs it',
                    hint=remedy,
                )
            )
        elif least is not None:
            found = host.version_of(name)
            # A program that does not tell its version gets a chance.
            if found is not None and later(found, least) != found:
                problems.append(
                    exceptions.Problem(
                        message=f'the program {name} is version {found}; '
                        f'{_list(stages)} needs {least}',
                        hint='update the package that it comes from',
                    )
                )
    return problems


def _check_room(
    needs: Needs, state_dir: Path, host: HostFacts
) -> Iterable[exceptions.Problem]:
    if not host.writable(state_dir):
        yield exceptions.Problem(
            message=f'the state folder {state_dir} cannot be written',
            hint='use sudo, or set another one with --state-dir',
        )
    free = host.free_bytes(state_dir)
    if needs.disk_bytes > free:
        yield exceptions.Problem(
            message=f'{_size(needs.disk_bytes)} of free space are needed in '
            f'{state_dir}, and there are {_size(free)}',
            hint='make room, or set another folder with --state-dir',
        )
    memory = host.memory_bytes()
    if memory is not None and needs.memory_bytes > memory:
        yield exceptions.Problem(
            message=f'{_size(needs.memory_bytes)} of memory are needed, and '
            f'{_size(memory)} are available',
        )


def _list(names: Iterable[str]) -> str:
    return ', '.join(names)


def later(one: str | None, other: str | None) -> str | None:
    """Return the later of two versions.

    :param one: such as ``7.2.22``; None is earlier than any.
    :param other: likewise.
    """
    if one is None or other is None:
        return one or other
    return max(one, other, key=_numbers)


def _numbers(version: str) -> list[int]:
    numbers = [int(part) for part in re.findall(r'\d+', version)]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


def _size(count: int) -> str:
    for unit, size in (('GiB', 2**30), ('MiB', 2**20), ('KiB', 2**10)):
        if count >= size:
            return f'{count / size:.1f} {unit}'
    return f'{count} B'


def _standing(folder: Path) -> Path:
    """Return the nearest folder above that is there."""
    for one in (folder, *folder.parents):
        if one.exists():
            return one
    return Path('/')


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(_standing(folder)).free


def _writable(folder: Path) -> bool:
    standing = _standing(folder)
    return standing.is_dir() and os.access(standing, os.W_OK | os.X_OK)


def _memory_bytes() -> int | None:
    try:
        lines = Path('/proc/meminfo').read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) * 1024
    return None


def _version_of(name: str) -> str | None:
    host = process.Host()
    # e2fsprogs' tools know -V only, and print to standard error.
    for option in ('--version', '-V'):
        try:
            done = host.run([name, option], timeout=10, ok=range(256))
        except exceptions.CommandFailed:
            continue
        if found := _VERSION.search(f'{done.stdout}\n{done.stderr}'):
            return found[0]
    return None
