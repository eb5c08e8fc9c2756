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

"""Registering a large image, beside the programs that upload one.

    python benchmarks/upload.py --cloud devcloud [--size MIB] [--rounds 3]

The cloud is one of clouds.yaml.  In each round the same file of random bytes
is registered by the pipeline, and uploaded by ``glance image-create``, by
``openstack image create`` and by the three bare requests (POST, PUT, GET) of
one keystoneauth session; each in a process of its own, one after another, in
an order that turns.  Every process waits until the image is active, and all
images are deleted.  Told are wall and processor time, the memory of the
process, and what the pipeline needs beyond the bare requests: it looks for
the same content, checks schema, stores, quota and definitions, compares the
digest, and claims the image.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from image_pipeline import artifact
from image_pipeline.catalogues import glance
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings
from image_pipeline.disk import sparse
from image_pipeline.host import cancellation

_MIB = 1 << 20
_BLOCK = 64 * _MIB


class Timed(NamedTuple):
    """One run of a program.

    :param seconds: from its start to its end.
    :param cpu: seconds of processors, its children's included.
    :param memory: bytes that it had at most.
    """

    seconds: float
    cpu: float
    memory: int


def target(cloud: str) -> settings.Target:
    """Return a target that is nothing but a cloud."""
    return settings.Target(
        name=cloud, catalogue='glance', hypervisor='nova', cloud=cloud
    )


def make(folder: Path, size: int) -> artifact.Artifact:
    """Make the file, and the record that a bake would have of it."""
    path = folder / 'image.raw'
    block = os.urandom(min(size, _BLOCK))
    with path.open('wb') as file:
        for offset in range(0, size, len(block)):
            # Begins with no format's magic, and no block is like another.
            head = offset.to_bytes(16, 'big')
            file.write((head + block[16:])[: size - offset])
    found = sparse.digests(path)
    return artifact.Artifact(
        kind=artifact.IMAGE,
        path=path,
        digest=f'sha256:{found["sha256"]}',
        size=size,
        properties={
            'format': 'raw',
            'virtual_size': size,
            'sha512': found['sha512'],
        },
    )


def ours(cloud: str, image: artifact.Artifact, name: str) -> None:
    """Register it."""
    with tempfile.TemporaryDirectory() as folder:
        glance.GlanceCatalogue(target(cloud), state_dir=Path(folder)).register(
            image,
            name=name,
            recipe='benchmark',
            run_id='benchmark',
            properties={'os_distro': 'debian'},
            undo=lambda record: None,
            progress=lambda done, total, unit: None,
            cancelled=cancellation.CancellationToken(),
        )


def bare(cloud: str, image: artifact.Artifact, name: str) -> None:
    """Send it with three requests."""
    session = clouds_cloud.open_cloud(target(cloud)).session
    image_id = str(uuid.uuid4())
    where = {'endpoint_filter': {'service_type': 'image'}}
    session.post(
        '/v2/images',
        json={
            'id': image_id,
            'name': name,
            'disk_format': 'raw',
            'container_format': 'bare',
        },
        **where,
    )
    with image.path.open('rb') as file:
        session.put(
            f'/v2/images/{image_id}/file',
            data=file,
            headers={
                'Content-Type': 'application/octet-stream',
                'Content-Length': str(image.size),
            },
            **where,
        )
    found = session.get(f'/v2/images/{image_id}', **where).json()
    if found['os_hash_value'] != image.properties['sha512']:
        raise SystemExit('the digest differs')


def environment(cloud: str) -> dict[str, str]:
    """Return what a program needs that does not read clouds.yaml."""
    config = clouds_cloud.open_cloud(target(cloud)).config
    auth = {
        f'OS_{key.upper()}': str(value)
        for key, value in config.config['auth'].items()
    }
    region = {'OS_REGION_NAME': config.get_region_name() or ''}
    return os.environ | auth | region


def timed(arguments: Sequence[str | Path], env: Mapping[str, str]) -> Timed:
    """Run a program; tell what it took, and see that it did its work."""
    started = time.monotonic()
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, env=env)
    memory = 0
    # What wait4 tells has the memory of whoever forked in it.
    while True:
        memory = max(memory, high_water(child.pid))
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.02)
    seconds = time.monotonic() - started
    if code := os.waitstatus_to_exitcode(status):
        raise SystemExit(f'{arguments[0]} ended with {code}')
    return Timed(seconds, usage.ru_utime + usage.ru_stime, memory)


def high_water(pid: int) -> int:
    """Return the most bytes that a process has had in memory."""
    text = Path(f'/proc/{pid}/status').read_text()
    found = re.search(r'^VmHWM:\s+(\d+) kB', text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def programs(
    cloud: str, image: artifact.Artifact, record: Path, name: str
) -> dict[str, list[str | Path]]:
    """Return what is timed, by name."""
    again: list[str | Path] = [
        sys.executable,
        __file__,
        '--cloud',
        cloud,
        '--record',
        record,
    ]
    form = ['--disk-format', 'raw', '--container-format', 'bare']
    found: dict[str, list[str | Path]] = {
        'ours': [*again, '--name', name, '--do', 'ours'],
        'bare requests': [*again, '--name', name, '--do', 'bare'],
    }
    if shutil.which('glance'):
        found['glance image-create'] = [
            'glance', 'image-create', '--name', name,
            *form, '--file', image.path,
        ]  # fmt: skip
    if shutil.which('openstack'):
        found['openstack image create'] = [
            'openstack', '--os-cloud', cloud, 'image', 'create', *form,
            '--file', image.path, name,
        ]  # fmt: skip
    return found


def delete(cloud: str, name: str) -> None:
    """Delete what was uploaded."""
    found = clouds_cloud.open_cloud(target(cloud))
    for image in found.images.find(owner=found.project_id):
        if (image.name or '').startswith(name):
            found.images.delete(image.id)


def show(results: dict[str, list[Timed]], size: int) -> None:
    """Print what each took, and how it compares."""
    print(
        f'{"":24}  seconds    worst      CPU   MiB/s  memory, MB   times ours'
    )
    best = {name: min(found) for name, found in results.items()}
    first = next(iter(best.values()))
    for name, found in results.items():
        one = best[name]
        print(
            f'{name:24} {one.seconds:8.2f} {max(found).seconds:8.2f} '
            f'{min(each.cpu for each in found):8.2f} '
            f'{size / _MIB / one.seconds:7.1f} '
            f'{max(each.memory for each in found) / 1e6:11.0f} '
            f'{one.seconds / first.seconds:10.2f}'
        )
    if not {'ours', 'bare requests'} <= best.keys():
        return
    overhead = best['ours'].seconds - best['bare requests'].seconds
    print(f'ours beyond the bare requests: {overhead:.2f} s (best of each)')


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Time all of them, in turn."""
    image = make(folder, options.size * _MIB)
    record = folder / 'record.json'
    record.write_text(json.dumps(image.to_json()))
    name = f'benchmark-{uuid.uuid4().hex[:8]}'
    login = environment(options.cloud)
    results: dict[str, list[Timed]] = {}
    print(
        f'{options.size} MiB to {options.cloud}, load {os.getloadavg()[0]:.1f}'
    )
    for number in range(options.rounds):
        found = [
            (title, arguments)
            for title, arguments in programs(
                options.cloud, image, record, name
            ).items()
            if not options.only or title.split()[0] in options.only
        ]
        turn = number % len(found)
        for title, arguments in found[turn:] + found[:turn]:
            # The others would ask why there are two ways to log in.
            env = login if arguments[0] == 'glance' else os.environ
            try:
                done = timed(arguments, env)
            finally:
                delete(options.cloud, name)
            results.setdefault(title, []).append(done)
    show(results, image.size)
    print(f'load at the end {os.getloadavg()[0]:.1f}')


def main() -> None:
    """Measure, or do one of the things that are measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--cloud', required=True, help='of clouds.yaml')
    parser.add_argument('--size', type=int, default=1024, help='MiB')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--folder', type=Path, help='where the file goes')
    parser.add_argument(
        '--only', action='append', help='one of those, by its first word'
    )
    parser.add_argument('--do', choices=['ours', 'bare'], help='one of them')
    parser.add_argument('--record', type=Path, help=argparse.SUPPRESS)
    parser.add_argument('--name', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.do:
        image = artifact.Artifact.from_json(
            json.loads(options.record.read_text())
        )
        work: Callable[[str, artifact.Artifact, str], None] = (
            ours if options.do == 'ours' else bare
        )
        work(options.cloud, image, options.name)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        measure(options, Path(folder))


if __name__ == '__main__':
    main()
