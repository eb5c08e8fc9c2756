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

"""Time the finish of an image beside what users would run instead.

Finish is: drop what deleted files left, compress, sha256 and sha512.  It is
compared with ``qemu-img convert -c`` (zlib, its default), ``sha256sum`` and
``sha512sum`` one after another.  The disk is a file system with 3 GB of this
host's /usr; both sides read the same one.  Only ratios of one run mean
anything::

    python benchmarks/finish.py [--size GIB] [--folder FOLDER] [--json]

``dirty`` is the same disk after a quarter of its files was deleted with
debugfs: their blocks keep their content, and the stage zerofree has to copy.
Needs qemu-img and e2fsprogs, three times the size as free space, no root.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from image_pipeline import artifact
from image_pipeline.host import process
from image_pipeline.stages import convert, zerofree
from image_pipeline.testing import fakes

HOST = process.Host()


def fill(tree: Path, limit: int) -> int:
    """Link files of /usr into a tree, up to a size; return their number."""
    total = count = 0
    for folder, folders, files in os.walk('/usr'):
        folders.sort()
        place = tree / folder.lstrip('/')
        place.mkdir(parents=True, exist_ok=True)
        for name in sorted(files):
            source = Path(folder, name)
            size = source.lstat().st_size
            if total + size > limit:
                # Not all the small files of the rest instead.
                if total > limit * 0.9:
                    return count
                continue
            try:
                os.link(source, place / name, follow_symlinks=False)
            except OSError:
                if not source.is_symlink() and source.is_file():
                    shutil.copy2(source, place / name)
            total, count = total + size, count + 1
    return count


def pack(folder: Path, limit: int) -> Path:
    tree, disk = folder / 'tree', folder / 'disk.raw'
    fill(tree, limit)
    with disk.open('wb') as file:
        file.truncate((limit * 5 // 4) >> 20 << 20)
    HOST.run(['mke2fs', '-q', '-F', '-t', 'ext4', '-d', tree, disk])
    return disk


def make_dirty(folder: Path, disk: Path) -> Path:
    dirty = folder / 'dirty.raw'
    HOST.run(['cp', '--sparse=always', disk, dirty])
    tree = folder / 'tree'
    files = sorted(path for path in tree.rglob('*') if path.is_file())
    commands = ''.join(
        f'rm "/{path.relative_to(tree)}"\n' for path in files[::4]
    )
    script = folder / 'commands'
    script.write_text(commands)
    HOST.run(['debugfs', '-w', '-f', script, dirty], on_line=lambda line: 0)
    # Links and reused directories: let the file system's own tool agree.
    HOST.run(['e2fsck', '-f', '-y', dirty], ok=(0, 1, 2))
    return dirty


def timed(work: Callable[[], object]) -> tuple[float, object]:
    started = time.monotonic()
    found = work()
    return time.monotonic() - started, found


def theirs(disk: Path, image: Path) -> int:
    HOST.run(
        ['qemu-img', 'convert', '-c', '-f', 'raw', '-O', 'qcow2', disk, image]
    )
    HOST.run(['sha256sum', image])
    HOST.run(['sha512sum', image])
    return image.stat().st_size


def ours(disk: Path, folder: Path, *, fast: bool) -> artifact.Artifact:
    given = artifact.Artifact(
        kind=artifact.DISK, path=disk, digest='', size=disk.stat().st_size
    )
    for name, stage in (
        ('zerofree', zerofree.ZerofreeStage(zerofree.ZerofreeOptions())),
        (
            'convert',
            convert.ConvertStage(convert.ConvertOptions(fast=fast)),
        ),
    ):
        (folder / name).mkdir(parents=True)
        context = fakes.stage_context(
            folder / name,
            host=HOST,
            inputs={artifact.DISK: given},
            format='qcow2',
        )
        given = next(iter(stage.run(context)))
    return given


def compare(disk: Path, folder: Path, rounds: int) -> dict[str, object]:
    """Run both sides on a disk, in turn."""
    found: dict[str, list[float]] = {'theirs': [], 'ours': [], 'fast': []}
    sizes: dict[str, int] = {}
    digests: dict[str, set[str]] = {'ours': set(), 'fast': set()}
    image_file = folder / 'theirs.qcow2'
    for number in range(rounds):
        for side in ('ours', 'fast'):
            place = folder / f'{side}-{number}'
            seconds, image = timed(
                lambda place=place, side=side: ours(
                    disk, place, fast=side == 'fast'
                )
            )
            assert isinstance(image, artifact.Artifact)
            found[side].append(seconds)
            sizes[side] = image.size
            digests[side].add(image.digest)
            shutil.rmtree(place)
        seconds, size = timed(lambda: theirs(disk, image_file))
        assert isinstance(size, int)
        found['theirs'].append(seconds)
        sizes['theirs'] = size
        image_file.unlink()
    base = min(found['theirs'])
    return {
        side: {
            'seconds': [round(one, 1) for one in found[side]],
            'times_faster': round(base / min(found[side]), 1),
            'bytes': sizes[side],
            'size_ratio': round(sizes[side] / sizes['theirs'], 3),
            # One round alone has nothing to compare.
            'bit_identical': len(digests[side]) == 1
            if side != 'theirs' and rounds > 1
            else None,
        }
        for side in found
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--size', type=float, default=3.0, metavar='GIB')
    parser.add_argument('--rounds', type=int, default=2)
    parser.add_argument('--folder', type=Path, default=None)
    parser.add_argument('--json', action='store_true')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        disk = pack(folder, int(arguments.size * 2**30))
        disks = {'packed': disk, 'dirty': make_dirty(folder, disk)}
        found: dict[str, object] = {
            kind: compare(path, folder, arguments.rounds)
            for kind, path in disks.items()
        }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    found['peak_memory_mib'] = peak
    if arguments.json:
        print(json.dumps(found, indent=1))
        return 0
    for kind in disks:
        print(kind)
        for side, row in found[kind].items():  # type: ignore[attr-defined]
            print(f'  {side:7}', *(f'{k}={v}' for k, v in row.items()))
    print(f'memory of our own process: {peak} MiB')
    return 0


if __name__ == '__main__':
    sys.exit(main())
