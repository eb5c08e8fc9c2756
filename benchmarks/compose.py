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

"""Time a cold bake beside diskimage-builder with its own elements.

    python benchmarks/compose.py [--rounds 2] [--recipe debian-12]

Ours: ``image-pipeline bake RECIPE --until convert`` with an empty state
directory, Python's start, planning and digests included.  Theirs:
``disk-image-create -t qcow2`` with the stock elements that make about such an
image, debootstrap and an empty cache.  Both install the cloud kernel, from
the same mirrors, which are those of the host's own apt; both build in memory
if there is plenty, as is the default of both.  The sides take turns.  Without
device-mapper and kpartx stock diskimage-builder gets the plug-in
loop_offset.py: it could not finish.

Then ours once more, with what the last round left in its cache (the base
tree): that is measured apart.  As root; needs debootstrap and what
``image-pipeline doctor`` asks for.  Load by others falsifies it: the load
average before each run is printed.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import diskimage_builder.paths

from image_pipeline import elements, exceptions
from image_pipeline.audit import view
from image_pipeline.conf import settings
from image_pipeline.dib import output, packages
from image_pipeline.disk import reader
from image_pipeline.host import loops, process

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
HOST = process.Host()
#: What the recipe's egi-cloud-image has a counterpart for.
STOCK = (
    'vm', 'debian-minimal', 'cloud-init', 'cloud-init-datasources',
    'cloud-init-growpart', 'openssh-server', 'enable-serial-console',
)  # fmt: skip
_SCRIPTS = '/usr/share/debootstrap/scripts'
_PLUGIN = """\
[diskimage_builder.block_device.plugin]
offset_partitioning = loop_offset:OffsetPartitioning
"""

Phases = dict[str, float]


def ours(recipe: str, state: Path) -> tuple[Phases, Path]:
    """Bake, and return the seconds of each part and the image."""
    started = time.monotonic()
    done = HOST.run(
        [BIN / 'image-pipeline', '--state-dir', state, 'bake', recipe,
         '--until', 'convert', '-f', 'json']
    )  # fmt: skip
    total = time.monotonic() - started
    run = json.loads(done.stdout)
    if run['unchanged']:
        sys.exit('nothing was baked')
    seconds = {one['stage']: one['seconds'] for one in run['stages']}
    log = state / 'runs' / run['run'] / 'logs' / 'compose.log'
    phases = {}
    for line in log.read_text().splitlines():
        name, colon, rest = line.partition(': ')
        if colon and name.endswith('.d') and rest.endswith(' s'):
            phases[name] = float(rest[:-2])
    phases['pack, digest'] = seconds['compose'] - sum(phases.values())
    phases['convert'] = seconds['convert']
    phases['all'] = total
    image = run['stages'][-1]['artifacts'][0]['path']
    return phases, Path(image)


def without_mapper() -> bool:
    """Return whether this host lacks what stock partitioning needs."""
    try:
        # The node alone says nothing: kpartx makes it where it is missing.
        Path('/dev/mapper/control').open('rb').close()
    except OSError:
        return True
    return HOST.which('kpartx') is None


def stock_environment(folder: Path, release: str) -> dict[str, str]:
    """Return what stock diskimage-builder is told."""
    mirrors = packages.mirrors(settings.Mirrors())
    chosen = folder / 'elements'
    chosen.mkdir(parents=True)
    # The one element of ours that it gets: same kernel on both sides.
    (chosen / 'cloud-kernel').symlink_to(elements.path() / 'cloud-kernel')
    found = {
        'PATH': process.search_path(),
        'HOME': str(folder),
        'ELEMENTS_PATH': str(chosen),
        'DIB_RELEASE': release,
        'DIB_DISTRIBUTION_MIRROR': mirrors.debian,
        'DIB_DEBIAN_SECURITY_MIRROR': mirrors.debian_security,
        'DIB_IMAGE_CACHE': str(folder / 'cache'),
        'DIB_CLOUD_INIT_DATASOURCES': 'ConfigDrive, OpenStack',
        'DIB_CLOUD_INIT_GROWPART_DEVICES': '/',
        # The debootstrap element takes mmdebstrap where it is installed,
        # unless it is given a script: this is the one debootstrap takes.
        'DIB_DEBIAN_DEBOOTSTRAP_SCRIPT': f'{_SCRIPTS}/{release}',
        'TMP_DIR': str(folder),
    }
    if without_mapper():
        _add_plugin(folder, found)
    return {name: value for name, value in found.items() if value}


def _add_plugin(folder: Path, environment: dict[str, str]) -> None:
    """Make the plug-in known by a folder on Python's path."""
    site = folder / 'site'
    metadata = site / 'loop_offset-1.dist-info'
    metadata.mkdir(parents=True)
    (metadata / 'METADATA').write_text('Name: loop-offset\nVersion: 1\n')
    (metadata / 'entry_points.txt').write_text(_PLUGIN)
    shutil.copy(HERE / 'loop_offset.py', site)
    stock = Path(diskimage_builder.paths.get_path('elements'))
    text = (stock / 'block-device-mbr/block-device-default.yaml').read_text()
    layout = folder / 'layout.yaml'
    layout.write_text(text.replace('partitioning:', 'offset_partitioning:'))
    environment['PYTHONPATH'] = str(site)
    environment['DIB_BLOCK_DEVICE_CONFIG'] = f'file://{layout}'


def theirs(release: str, folder: Path) -> tuple[Phases, Path]:
    """Run stock diskimage-builder; as :func:`ours`."""
    environment = stock_environment(folder, release)
    follow = output.Reader()
    converting: list[float] = []
    log = folder / 'log'

    def line(text: str) -> None:
        follow.line(text)
        if 'Converting image using qemu-img' in text:
            converting.append(time.monotonic())

    started = time.monotonic()
    try:
        HOST.run(
            # Whatever it mounts ends with it.
            ['unshare', '--mount', '--pid', '--fork', '--kill-child',
             '--mount-proc', '--propagation', 'private',
             BIN / 'disk-image-create', '-t', 'qcow2',
             '-o', folder / 'image', *STOCK, 'cloud-kernel'],
            env=environment, log=log, on_line=line, cwd=Path('/'),
        )  # fmt: skip
    except exceptions.CommandFailed as exc:
        sys.exit('\n'.join([*exc.tail, exc.message]))
    finally:
        for name in set(re.findall(r'dib_image\.\w+', log.read_text())):
            loops.detach(name)
    ended = time.monotonic()
    phases = follow.phases()
    last = ended - converting[0]
    phases['copy, other'] = ended - started - last - sum(phases.values())
    phases['convert'] = last
    phases['all'] = ended - started
    return phases, folder / 'image.qcow2'


def installed(image: Path) -> list[str]:
    """Return the packages of an image."""
    with reader.open_disk(image) as disk:
        tree = view.ImageView(disk).files
        text = tree.read_text('/var/lib/dpkg/status', 64 << 20)
    with tempfile.NamedTemporaryFile('w') as file:
        file.write(text)
        file.flush()
        return [one['name'] for one in packages.read_status(Path(file.name))]


class Bench:
    """Runs of both sides, in folders that are taken away.

    :param folder: where to work.
    :param recipe: ours.
    :param release: Debian's, for theirs.
    """

    def __init__(self, folder: Path, recipe: str, release: str) -> None:
        self._folder = folder
        self._recipe = recipe
        self._release = release
        self._kernels: list[str] = []
        self._images: dict[str, Path] = {}

    def cold(self, side: str) -> float:
        """Run a side in an empty folder; return its seconds."""
        place = self._folder / side
        if place.exists():
            subprocess.run(['rm', '-rf', place], check=True)
        if side == 'ours':
            return self._show(side, lambda: ours(self._recipe, place))
        place.mkdir()
        return self._show(side, lambda: theirs(self._release, place))

    def cached(self) -> float:
        """Run ours with nothing but the cache of its last cold run."""
        place = self._folder / 'ours'
        others = [one for one in place.iterdir() if one.name != 'cache']
        subprocess.run(['rm', '-rf', *others], check=True)
        title = 'ours, base tree cached'
        return self._show(title, lambda: ours(self._recipe, place))

    def keep(self, folder: Path) -> None:
        """Copy the last image of each side."""
        folder.mkdir(parents=True, exist_ok=True)
        for title, image in self._images.items():
            shutil.copy(image, folder / f'{title}.qcow2')

    def _show(
        self, title: str, work: Callable[[], tuple[Phases, Path]]
    ) -> float:
        load = os.getloadavg()[0]
        cpu = _cpu()
        phases, image = work()
        self._images[title] = image
        cpu = _cpu() - cpu
        seconds = phases.pop('all')
        names = installed(image)
        print(
            f'{title}: {seconds:.1f} s, CPU {cpu:.1f} s, {len(names)} '
            f'packages, {image.stat().st_size / 1e6:.0f} MB, load average '
            f'before it {load:.2f}'
        )
        print(
            '   ',
            ', '.join(
                f'{name.removesuffix(".d")} {part:.1f}'
                for name, part in phases.items()
                if part >= 0.1
            ),
            flush=True,
        )
        kernels = [one for one in names if one.startswith('linux-image-')]
        self._kernels = self._kernels or kernels
        if kernels != self._kernels:
            sys.exit(f'the kernels differ: {kernels}, {self._kernels}')
        return seconds


def _cpu() -> float:
    """Return the seconds of CPU of all programs that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run both sides in turn, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--rounds', type=int, default=2)
    parser.add_argument('--recipe', default='debian-12')
    parser.add_argument(
        '--release', default='bookworm', help="Debian's, for the stock side"
    )
    parser.add_argument('--folder', type=Path, help='where to work')
    parser.add_argument('--keep', type=Path, help='a folder for both images')
    given = parser.parse_args()
    if os.geteuid():
        sys.exit('diskimage-builder needs root')
    if without_mapper():
        print('no device-mapper or no kpartx here: theirs gets loop_offset.py')
    found: dict[str, list[float]] = {'ours': [], 'theirs': []}
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        bench = Bench(Path(name), given.recipe, given.release)
        for number in range(given.rounds):
            # Each side begins a round: what the first one warms, and what
            # others do to the host, are for both.
            for side in sorted(found, reverse=number % 2 == 0):
                found[side].append(bench.cold(side))
        if given.keep:
            bench.keep(given.keep)
        cached = bench.cached()
    base = min(found['theirs'])
    print(f'ours / theirs, best of each: {min(found["ours"]) / base:.2f}')
    print(f'with the base tree cached: {cached / base:.2f}')


if __name__ == '__main__':
    main()
