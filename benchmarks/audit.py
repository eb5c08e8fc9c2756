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

"""All rules over a large zstd qcow2, beside other readers of the same file.

    python benchmarks/audit.py --base debian-12.qcow2 [--size GIB] [--runs 3]
    python benchmarks/audit.py --image FILE [--runs 3]

``--base`` is an image with one ext4 root in its last partition.  Its tree,
with ``--size`` GiB of this host's /usr in /usr/lib, is made a disk anew, and
that a zstd qcow2 (as root, or owners are lost; nothing is mounted).  Beside
the audit are timed: ``qemu-img`` writing the file out as raw, which is what
it takes to mount or search it, and, where their appliance runs, ``guestfish``
listing every file and ``virt-inspector``.  Wall and processor time are told,
the latter of the process and its children: others' load changes it less.
Nothing is dropped from the page cache: all read the file from memory.
"""

import argparse
import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import finish

from image_pipeline.audit import view
from image_pipeline.disk import ext, qcow2_writer, reader
from image_pipeline.host import process

_MIB = 1 << 20
HOST = process.Host()


class Timed(NamedTuple):
    """One run of a program.

    :param seconds: from its start to its end.
    :param cpu: seconds of processors, its children's included.
    :param memory: bytes that it had at most; the largest of its processes.
    """

    seconds: float
    cpu: float
    memory: int


def build(folder: Path, base: Path, gib: float, least: int) -> Path:
    """Make a zstd qcow2 of an image's tree and files of this host.

    :param folder: where, with three times the space.
    :param base: the image.
    :param gib: how much of /usr to add.
    :param least: KiB that a file of it has at least.
    """
    raw, tree, disk = folder / 'base.raw', folder / 'tree', folder / 'disk'
    HOST.run(['qemu-img', 'convert', '-O', 'raw', base, raw])
    with reader.open_disk(raw) as opened:
        root = view.ImageView(opened).need_root()
    part, block = root.partition, root.file_system
    if part is None or not isinstance(block, ext.ExtSuperblock):
        raise SystemExit(f'{base}: its root is not ext4 in a partition')
    tree.mkdir()
    HOST.run(
        ['debugfs', '-R', f'rdump / {tree}', f'{raw}?offset={part.start}'],
        on_line=lambda line: None,
    )
    more = tree / 'usr/lib/host'
    more.mkdir()
    finish.fill(more, int(gib * (1 << 30)))
    if least:
        thin_out(more, least * 1024)
    size = int((gib * 1.15 + 1.5) * 1024) * _MIB
    with raw.open('r+b') as source, disk.open('wb') as target:
        os.copy_file_range(source.fileno(), target.fileno(), part.start)
        target.truncate(part.start + size + _MIB)
    number, end = part.number, part.start + size
    HOST.run(
        ['sgdisk', '--move-second-header', f'--delete={number}',
         f'--new={number}:{part.start // 512}:{end // 512 - 1}',
         f'--typecode={number}:{part.type}',
         f'--partition-guid={number}:{part.uuid}', disk],
    )  # fmt: skip
    HOST.run(
        ['mke2fs', '-q', '-F', '-t', 'ext4', '-L', block.label, '-U',
         block.uuid or 'random', '-d', tree, '-E', f'offset={part.start}',
         disk, f'{size // 1024}k'],
    )  # fmt: skip
    packed = folder / 'disk.qcow2'
    qcow2_writer.write(disk, packed)
    for path in (raw, disk):
        path.unlink()
    shutil.rmtree(tree)
    return packed


def thin_out(tree: Path, least: int) -> None:
    """Leave only large files, and the folders on the way to them.

    :param tree: the folder.
    :param least: bytes.
    """
    for folder, _, names in os.walk(tree, topdown=False):
        for name in names:
            path = Path(folder, name)
            if path.is_symlink() or path.stat().st_size < least:
                path.unlink()
        with contextlib.suppress(OSError):
            Path(folder).rmdir()


def timed(
    arguments: Sequence[str | Path], env: Mapping[str, str] | None = None
) -> Timed:
    """Run a program; tell what it took, and see that it did its work."""
    started = time.monotonic()
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, env=env)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - started
    code = os.waitstatus_to_exitcode(status)
    # 3: the audit found something.
    if code not in (0, 3):
        raise SystemExit(f'{arguments[0]} ended with {code}')
    cpu = usage.ru_utime + usage.ru_stime
    return Timed(seconds, cpu, usage.ru_maxrss * 1024)


@contextlib.contextmanager
def rivals(path: Path, folder: Path) -> Iterator[dict[str, list[str]]]:
    """Give what else reads the file, by name.

    :param path: the image.
    :param folder: for what they write.
    """
    found = {
        'qemu-img to raw': [
            'qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', str(path),
            str(folder / 'raw'),
        ]
    }  # fmt: skip
    if not shutil.which('guestfish'):
        print('guestfish is not installed (package libguestfs-tools)')
    elif HOST.run(
        ['guestfish', '-a', '/dev/null', 'run'],
        ok=range(-64, 256),
        on_line=lambda line: None,
    ).returncode:
        print(
            "libguestfs' appliance does not run here; libguestfs-test-tool "
            'says why, SUPERMIN_KERNEL names another kernel'
        )
    else:
        options = ['--ro', '--format=qcow2', '-a', str(path)]
        found['guestfish find /'] = ['guestfish', *options, '-i', 'find', '/']
        found['virt-inspector'] = ['virt-inspector', *options[1:]]
    try:
        yield found
    finally:
        (folder / 'raw').unlink(missing_ok=True)


def show(name: str, work: Callable[[], Timed], runs: int) -> None:
    """Print what a program took: its best run, and the worst."""
    found = sorted(work() for _ in range(runs))
    best, worst = found[0], found[-1]
    memory = max(one.memory for one in found)
    print(
        f'{name:18} {best.seconds:7.2f} s, worst {worst.seconds:7.2f} s; '
        f'CPU {min(one.cpu for one in found):7.2f} s; '
        f'{memory / 1e6:4.0f} MB'
    )


def main() -> None:
    """Build, time and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--image', type=Path, help='the qcow2 file to read')
    source.add_argument('--base', type=Path, help='make one of this image')
    parser.add_argument(
        '--size', type=float, default=4.3, help='GiB of /usr to add'
    )
    parser.add_argument(
        '--least',
        type=int,
        default=0,
        metavar='KIB',
        help='add only files as large as this (default: all)',
    )
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--folder', type=Path, help='where to work')
    parser.add_argument(
        '--keep', type=Path, help='keep the file made, as this'
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        path = arguments.image
        if path is None:
            path = build(
                Path(name), arguments.base, arguments.size, arguments.least
            )
            if arguments.keep:
                path = Path(shutil.move(path, arguments.keep))
        with reader.open_disk(path) as opened:
            count = len(view.ImageView(opened).census.entries)
        print(
            f'{path.stat().st_size / 1e9:.2f} GB, {count} files; '
            f'load {os.getloadavg()[0]:.1f}'
        )
        program = Path(sys.executable).with_name('image-pipeline')
        audit = [program, 'audit', path, '-f', 'json']
        # As pip leaves a package: compiled, and not anew at each start.
        env = {**os.environ, 'PYTHONPYCACHEPREFIX': f'{name}/compiled'}
        env.pop('PYTHONDONTWRITEBYTECODE', None)
        timed(audit, env)
        show('audit, all rules', lambda: timed(audit, env), arguments.runs)
        with rivals(path, Path(name)) as others:
            for rival, words in others.items():
                show(rival, functools.partial(timed, words), arguments.runs)


if __name__ == '__main__':
    main()
