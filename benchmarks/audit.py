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

"""All rules over a large zstd qcow2, beside unpacking the same file.

    python benchmarks/audit.py [--image FILE] [--runs 3] [--size GIB]

Without ``--image`` a disk with ``--size`` GiB of files that compress to about
a half is made (mke2fs -d, no root).  What users would do instead is to
convert the image to raw, in order to mount or search it: that is timed beside
the audit.  Ratios count; seconds depend on the host.  Nothing is dropped from
the page cache: both sides read the file from memory.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from image_pipeline.host import process
from image_pipeline.testing import images

_MIB = 1 << 20


def build(folder: Path, gib: float) -> Path:
    """Make a zstd qcow2 with so many GiB of files."""
    host = process.Host()
    images.SIZE = int((gib * 1.15 + 0.1) * (1 << 30)) // _MIB * _MIB
    images.ROOT_END = images.SIZE - _MIB
    tree = folder / 'more'
    tree.mkdir()
    chance = random.Random(1)
    for number in range(int(gib * 64)):
        # Half noise, half text: about what programs compress to.
        block = chance.randbytes(_MIB // 2) + b'text ' * (_MIB // 10)
        with (tree / f'{number:05}').open('wb') as file:
            for _ in range(16):
                file.write(block[chance.randrange(4096) :])
    raw = images.build(folder / 'disk.raw', host=host, files={
        '/data': None,
    })  # fmt: skip
    root = f'{raw}?offset={images.ROOT_START}'
    commands = 'cd /data\n' + ''.join(
        f'write {path} {path.name}\n' for path in sorted(tree.iterdir())
    )
    host.run(['debugfs', '-w', '-f', '-', root], stdin=commands)
    packed = folder / 'disk.qcow2'
    host.run(
        ['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-c', '-o',
         'compression_type=zstd', raw, packed]
    )  # fmt: skip
    raw.unlink()
    return packed


def audit(path: Path) -> int:
    """Audit as a user does, in a new process; return its memory in KiB."""
    program = Path(sys.executable).with_name('image-pipeline')
    child = subprocess.Popen(
        [program, 'audit', path, '-f', 'json'],
        stdout=subprocess.DEVNULL,
    )
    _, _, usage = os.wait4(child.pid, 0)
    return usage.ru_maxrss


def unpack(path: Path) -> None:
    """Do what it takes to look into the image by other means."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        subprocess.run(
            ['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', path,
             f'{folder}/raw'],
            check=True,
        )  # fmt: skip


def best(work: Callable[[Path], object], path: Path, runs: int) -> list[float]:
    """Return the seconds of each run, the shortest first."""
    seconds = []
    for _ in range(runs):
        started = time.monotonic()
        work(path)
        seconds.append(time.monotonic() - started)
    return sorted(seconds)


def main() -> None:
    """Build, time and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--image', type=Path)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--size', type=float, default=4.0)
    parser.add_argument('--folder', type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        path = arguments.image or build(Path(name), arguments.size)
        ours = best(audit, path, arguments.runs)
        memory = audit(path)
        theirs = best(unpack, path, arguments.runs)
        print(f'file: {path.stat().st_size / 1e9:.2f} GB')
        print('audit, all rules:  ', *(f'{s:.2f}' for s in ours), 's')
        print('qemu-img to raw:   ', *(f'{s:.2f}' for s in theirs), 's')
        print(f'ratio of the best:  {ours[0] / theirs[0]:.3f}')
        print(f'memory of the audit: {memory / 1024:.0f} MiB')


if __name__ == '__main__':
    main()
