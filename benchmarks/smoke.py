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

"""A smoke test's boot in a cloud, beside the bare requests for one.

    python benchmarks/smoke.py --cloud devcloud [--rounds 3]

The cloud is one of clouds.yaml.  In each round the tiny image is booted once
by the pipeline's hypervisor, and once by the requests that nobody can do
without: POST a server on the network, GET it until it runs, POST for its
console until all answers are there, DELETE it, GET until it is gone; in turn,
one after another.  Both are told the same user data.  Beyond that the
pipeline makes a key pair, a security group with two rules and a port, tags
them, chooses flavor and network, and takes all of it down again.
"""

import argparse
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from image_pipeline import artifact
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings
from image_pipeline.host import cancellation, process
from image_pipeline.hypervisors import base, nova, nova_choose, nova_told
from image_pipeline.probes import registry, script, watch
from image_pipeline.stages import keys
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import tiny_image

_LIMITS = watch.Limits(total=1800, silence=900, answer=900)
_SHAPE = base.Shape(
    firmware=base.Firmware.BIOS,
    vcpus=1,
    memory_bytes=tiny_image.MEMORY_MIB << 20,
    disk_bytes=tiny_image.SIZE,
)


class Timed:
    """Seconds of one boot: until it ran, had answered, was gone."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.laps: list[float] = []

    def lap(self) -> None:
        """Note that the next thing is done."""
        self.laps.append(time.monotonic() - self._start)


def asked() -> tuple[watch.Watch, bytes]:
    """Return what watches one instance, and its user data."""
    nonce = uuid.uuid4().hex[:16]
    probes = registry.select(tiny_image.PROBES)
    return (
        watch.Watch(nonce, probes, limits=_LIMITS),
        script.render(nonce, probes, wait=60),
    )


def ours(
    target: settings.Target, image: artifact.ImageRecord, folder: Path
) -> Timed:
    """Boot it with the hypervisor."""
    hypervisor = nova.NovaHypervisor(
        target, cache=store_cache.Cache(folder / 'cache')
    )
    watched, user_data = asked()
    timed = Timed()
    with hypervisor.boot(
        image,
        seed=base.Seed(
            instance_id=str(uuid.uuid4()),
            hostname='benchmark',
            public_key=keys.make(None),
            user_data=user_data,
            run_id='benchmark',
        ),
        shape=_SHAPE,
        work_dir=folder,
        host=process.Host(),
        cancelled=cancellation.CancellationToken(),
        undo=lambda record: None,
    ) as instance:
        timed.lap()
        _listen(watched, instance.console, instance.running)
        timed.lap()
    timed.lap()
    return timed


def bare(
    target: settings.Target, image: artifact.ImageRecord, flavor: str
) -> Timed:
    """Boot it with the requests alone."""
    cloud = clouds_cloud.open_cloud(target)
    compute = cloud.compute
    network = nova_choose.network(cloud, target)
    watched, user_data = asked()
    timed = Timed()
    server = compute.create_server(
        name=f'benchmark-{uuid.uuid4().hex[:8]}',
        image_id=image.id,
        flavor_id=flavor,
        networks=[{'uuid': network.id}] if network else 'none',
        user_data=nova_told.user_data(user_data),
        config_drive=True,
    )
    while (now := compute.get_server(server.id).status) != 'ACTIVE':
        if now == 'ERROR':
            raise SystemExit('the server went to ERROR')
        time.sleep(1)
    timed.lap()

    def console() -> bytes:
        time.sleep(0.5)
        said: Any = compute.get_server_console_output(server.id)
        return str(said['output']).encode()

    _listen(watched, console, lambda: True)
    timed.lap()
    compute.delete_server(server.id)
    compute.wait_for_delete(server, interval=1, wait=300)
    timed.lap()
    return timed


def _listen(watched: watch.Watch, read: Any, running: Any) -> None:
    heard = watch.listen(
        watched,
        read=read,
        running=running,
        wait=time.sleep,
        reached=lambda milestone: None,
    )
    if heard.diagnosis:
        raise SystemExit(f'it did not answer: {heard.diagnosis.message}')


def uploaded(cloud: clouds_cloud.Cloud, path: Path) -> artifact.ImageRecord:
    """Put the tiny image into the cloud."""
    made = cloud.connection.image.create_image(
        name=f'benchmark-{uuid.uuid4().hex[:8]}',
        filename=str(path),
        disk_format='qcow2',
        container_format='bare',
    )
    return artifact.ImageRecord(
        id=str(made.id),
        name=made.name,
        final_name=made.name,
        state=artifact.ImageState.CANDIDATE,
        sha256='',
        sha512='',
        size=path.stat().st_size,
        virtual_size=tiny_image.SIZE,
        format='qcow2',
        visibility='private',
        hidden=False,
        created_at='2026-01-01T00:00:00Z',
    )


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--cloud', default='devcloud')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--flavor', default=None)
    given = parser.parse_args()
    target = settings.Target(
        name=given.cloud,
        catalogue='glance',
        hypervisor='nova',
        cloud=given.cloud,
        flavor=given.flavor,
    )
    cloud = clouds_cloud.open_cloud(target)
    path = tiny_image.build(tiny_image.cache_folder())
    image = uploaded(cloud, path)
    flavor = nova_choose.flavor(
        nova_choose.flavors(cloud),
        nova_choose.need(image, _SHAPE),
        target=target,
    )
    laps: dict[str, list[list[float]]] = {'ours': [], 'bare': []}
    try:
        with tempfile.TemporaryDirectory() as folder:
            # The first boot of an image brings it to the compute host.
            bare(target, image, flavor.id)
            for _ in range(given.rounds):
                laps['bare'].append(bare(target, image, flavor.id).laps)
                laps['ours'].append(ours(target, image, Path(folder)).laps)
    finally:
        cloud.connection.image.delete_image(image.id)
    print(f'{"":6}{"active":>8}{"answered":>10}{"gone":>8}  seconds, median')
    medians = {
        name: [statistics.median(column) for column in zip(*each, strict=True)]
        for name, each in laps.items()
    }
    for name, (active, answered, gone) in medians.items():
        print(f'{name:6}{active:8.1f}{answered:10.1f}{gone:8.1f}')
    print(f'overhead: {medians["ours"][2] - medians["bare"][2]:.1f} s')


if __name__ == '__main__':
    main()
