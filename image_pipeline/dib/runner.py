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

"""Run diskimage-builder, in namespaces of its own."""

import dataclasses
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.dib import namespace, output
from image_pipeline.host import loops, process

GIB = 1 << 30
#: A tree in memory: it is taken if this much is free, and this share of it.
#: Two that start at once must both fit.
_MEMORY_LEAST = 6 * GIB
_MEMORY_SHARE = 0.4
#: What apt says of a server that it did not get through to, or that could not
#: serve it; not of a file that is not there (apt's methods/connect.cc, http).
_UNREACHABLE = re.compile(
    r'[EW]: Failed to fetch \w+:/*(?P<server>[^/\s]+)\S*\s+'
    r'(?P<why>(?:Could not (?:connect|resolve)|Unable to connect'
    r'|Cannot initiate the connection|Temporary failure resolving'
    r'|Connection (?:failed|timed out)|5\d\d\s).*)'
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Composed:
    """What diskimage-builder made.

    :param disk: the raw disk.
    :param dpkg_status: the tree's list of packages, or None.
    :param scripts: every script that ran, with its seconds.
    :param seconds: how long it all took.
    """

    disk: Path
    dpkg_status: Path | None
    scripts: tuple[output.Script, ...]
    seconds: float


def memory_for_tree(meminfo: str) -> int:
    """Return how many bytes of memory the tree may take; 0: too few.

    :param meminfo: the content of ``/proc/meminfo``.
    """
    for line in meminfo.splitlines():
        if line.startswith('MemAvailable:'):
            available = int(line.split()[1]) * 1024
            if available >= _MEMORY_LEAST:
                return int(available * _MEMORY_SHARE)
    return 0


def run(
    elements: Sequence[str],
    *,
    environment: Mapping[str, str],
    found: Mapping[str, Path],
    work_dir: Path,
    memory: int,
    own_dev: bool,
    host: process.Runner,
    log: Path,
    progress: object,
    timeout: float | None = None,
) -> Composed:
    """Run diskimage-builder to its end.

    :param elements: what to compose; no ``base`` is added.
    :param environment: see :mod:`.environment`.
    :param found: the elements that are used, for naming what failed.
    :param work_dir: gets ``disk.raw`` and ``dpkg-status``; its folder
        ``build`` must be there.
    :param memory: bytes of a tmpfs for the tree; 0: it is made on disk.
    :param own_dev: whether the host's devices are kept away from it.
    :param host: runs it.
    :param log: gets its whole output.
    :param progress: a stage's :class:`~image_pipeline.stages.base.Progress`.
    :param timeout: seconds that it may take.
    :raises CommandFailed: naming the script that failed, and its last lines.
    :raises Unavailable: it failed since a mirror could not be reached.
    """
    argv = namespace.command(
        [
            'bash',
            f'{environment["_LIB"]}/disk-image-create',
            '-n',
            *('-a', environment['ARCH']),
            *('-t', 'raw'),
            *('-o', str(work_dir / 'disk')),
            *elements,
        ],
        python=sys.executable,
        folder=work_dir / 'build',
        memory=memory,
        own_dev=own_dev,
    )

    def tell(phase: str, name: str, number: int) -> None:
        progress(number, None, f'phase:{phase} {name}')  # type: ignore[operator]

    reader = output.Reader(tell)
    try:
        done = host.run(
            argv,
            env=environment,
            log=log,
            on_line=reader.line,
            timeout=timeout,
        )
    except exceptions.CommandFailed as exc:
        raise explain(exc, reader, found) from exc
    finally:
        if not own_dev:
            loops.detach(Path(environment['TMP_DIR']).name)
    disk = work_dir / 'disk.raw'
    status = work_dir / 'dpkg-status'
    if not disk.exists():
        raise exceptions.CommandFailed(
            'diskimage-builder ended well, but made no disk',
            tail=reader.tail,
            log=str(log),
        )
    with log.open('a') as file:
        file.writelines(
            f'{phase}: {seconds:.1f} s\n'
            for phase, seconds in (
                *reader.phases().items(),
                ('all', done.seconds),
            )
        )
    return Composed(
        disk=disk,
        dpkg_status=status if status.exists() else None,
        scripts=tuple(reader.scripts),
        seconds=done.seconds,
    )


def explain(
    failure: exceptions.CommandFailed,
    reader: output.Reader,
    found: Mapping[str, Path],
) -> exceptions.CommandFailed | exceptions.Unavailable:
    """Return an error that names the script that failed.

    :param failure: what the program's end was.
    :param reader: what it printed.
    :param found: the elements that are used.
    :returns: Unavailable if it failed since a mirror could not be reached.
    """
    how = failure.message.rpartition('`')[2].strip()
    if reader.running is None:
        last = reader.tail[-1] if reader.tail else ''
        what = f'diskimage-builder {how}' + (f': {last}' if last else '')
    else:
        phase, name = reader.running
        owners = [
            element
            for element, folder in found.items()
            if os.path.lexists(folder / phase / name)
        ]
        of = f' of the element {" or ".join(owners)}' if owners else ''
        what = f'{phase}/{name}{of} {how}'
    if mirror := _unreachable(reader.tail):
        return exceptions.Unavailable(
            f'the mirror {mirror["server"]} could not be reached: '
            f'{mirror["why"].strip().rstrip(":.")}; {what}',
            tail=tuple(reader.tail),
            log=failure.log,
            hint='try again later, or give another mirror in [mirrors] of '
            'the configuration',
        )
    return exceptions.CommandFailed(
        what,
        argv=failure.argv,
        returncode=failure.returncode,
        tail=tuple(reader.tail) or failure.tail,
        log=failure.log,
        hint=f'its whole output is in {failure.log}' if failure.log else None,
    )


def _unreachable(lines: Iterable[str]) -> re.Match[str] | None:
    """Return the first complaint about a server, if there is one."""
    return next(filter(None, map(_UNREACHABLE.match, lines)), None)
