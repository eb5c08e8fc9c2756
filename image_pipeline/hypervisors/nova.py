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

"""Nova: boot a server of the registered image in the target's cloud."""

import contextlib
import dataclasses
import datetime
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import marks as clouds_marks
from image_pipeline.host import cancellation, process
from image_pipeline.hypervisors import (
    base,
    nova_choose,
    nova_faults,
    nova_instance,
    nova_parts,
    nova_preflight,
    nova_reap,
    nova_told,
)

LOG = logging.getLogger(__name__)

#: By how much longer limits are where nobody said how fast the cloud is: it
#: may emulate its guests, on busy hosts.  Limits end what hangs, so they may
#: be too long, never too short.
TIME_FACTOR = 10.0
# Servers of one image at once; more would tell nothing more.
_AT_ONCE = 4
#: Seconds from the request until a server runs, without the image's transfer.
BUILD_LIMIT = 600.0
# Bytes a second at which a compute host gets an image at the worst.
_TRANSFER = 4 << 20
# Since then a server may be told its hostname.
_HOSTNAME_VERSION = '2.90'


class NovaHypervisor(base.Hypervisor):
    """Boot images as servers of the target's cloud."""

    #: See :data:`BUILD_LIMIT`.
    build_limit: float = BUILD_LIMIT

    @property
    def cloud(self) -> clouds_cloud.Cloud:
        """The target's cloud."""
        return clouds_cloud.open_cloud(self.target)

    def host_id(self) -> str:
        """Return what names this host in marks."""
        # The cache lies in the state folder.
        return clouds_marks.host_id(self.cache.root.parent)

    def time_factor(self, host: process.Runner) -> float:
        """Return what the target says, or enough for a cloud that emulates.

        :param host: not used.
        """
        said = self.target.time_factor
        return TIME_FACTOR if said is None else said

    def declines(
        self, image: artifact.ImageRecord, shape: base.Shape
    ) -> str | None:
        """Return why an image is not booted on a machine here, or None.

        :param image: its ``hw_firmware_type`` says what Nova boots it under.
        :param shape: the machine.
        """
        permitted = nova_told.firmware(image.properties)
        if shape.firmware is not permitted:
            said = image.properties.get(nova_told.FIRMWARE)
            why = f'is {said}' if said else 'is not set'
            return (
                f"Nova boots it under {permitted.value}: the image's "
                f'{nova_told.FIRMWARE} {why}'
            )
        if shape.volume and not self.cloud.offers('block-storage'):
            return (
                f'cloud "{self.cloud.name}" offers no block storage (Cinder)'
            )
        return None

    def capacity(self, shape: base.Shape) -> int:
        """Return how many servers the quota has room for, four at most.

        :param shape: the machine.
        """
        cloud = self.cloud
        with cloud.translated('Nova', 'read the quota'):
            limits = cloud.compute.get_limits().absolute
        smallest = nova_choose.Flavor(
            id='',
            name='',
            ram_mib=shape.memory_bytes // nova_choose.MIB,
            vcpus=shape.vcpus,
            disk_gib=0,
        )
        return max(1, min(_AT_ONCE, nova_choose.room(limits, smallest)))

    def preflight(
        self, intent: artifact.Intent
    ) -> Iterable[artifact.Objection]:
        """Give what speaks against it; see the contract.

        :param intent: what a run is about to do here.
        """
        return nova_preflight.check(self.cloud, self.target, intent)

    @contextlib.contextmanager
    def boot(
        self,
        image: artifact.ImageRecord,
        *,
        seed: base.Seed,
        shape: base.Shape,
        work_dir: Path,
        host: process.Runner,
        cancelled: cancellation.CancellationToken,
        undo: Callable[[artifact.UndoRecord], None],
        keep_on_failure: bool = False,
    ) -> Iterator[base.Instance]:
        """Boot a registered image as a server; see the contract.

        :param image: the registered image.
        :param seed: what the server is told; Nova chooses its id.
        :param shape: the machine; the flavor may be larger.
        :param work_dir: not used.
        :param host: not used.
        :param cancelled: stops waiting.
        :param undo: journals a record before anything is made.
        :param keep_on_failure: leave everything when the body raises.
        """
        cancelled.check()
        marks = clouds_marks.make(
            seed.run_id or 'manual', self.host_id(), seconds=seed.lifetime
        )
        name = marks.name(seed.instance_id[:8])
        undo(
            artifact.UndoRecord(
                kind='hypervisor',
                arguments={'target': self.target.name, 'name': name},
            )
        )
        cloud = self.cloud
        order = self._order(cloud, image, seed, shape)
        maker = nova_parts.Maker(cloud, name, marks)
        instance: nova_instance.NovaInstance | None = None
        kept = False
        try:
            instance = self._start(maker, order, cancelled)
            yield instance
        except BaseException:
            kept = keep_on_failure and instance is not None
            raise
        finally:
            if kept:
                maker.keep(self._until())
            else:
                if instance:
                    instance.close()
                for line in maker.remove():
                    # The run goes on: `reap` finds it by its marks.
                    LOG.warning('%s: left in the cloud: %s', name, line)

    def undo(self, arguments: Mapping[str, Any]) -> None:
        """Remove everything of a server.

        :param arguments: of the record that :meth:`boot` journaled.
        :raises StageFailed: something could not be removed.
        """
        left = nova_parts.remove(self.cloud, arguments['name'])
        if left:
            raise exceptions.StageFailed('; '.join(left))

    def reap(
        self,
        *,
        alive: Callable[[str], bool | None],
        dry_run: bool = False,
        seconds: float = nova_parts.GONE_LIMIT,
    ) -> Iterable[base.Leftover]:
        """Remove what dead runs left in the project; see the contract.

        :param alive: whether a run works on; None if it is not known here.
        :param dry_run: only say what would be removed.
        :param seconds: how long to wait for what goes slowly.
        """
        return nova_reap.reap(
            self.cloud,
            host_id=self.host_id(),
            alive=alive,
            dry_run=dry_run,
            seconds=seconds,
        )

    def _until(self) -> str:
        hours = self.target.keep_hours
        now = datetime.datetime.now(datetime.UTC)
        return clouds_marks.format_time(now + datetime.timedelta(hours=hours))

    def _order(
        self,
        cloud: clouds_cloud.Cloud,
        image: artifact.ImageRecord,
        seed: base.Seed,
        shape: base.Shape,
    ) -> '_Order':
        """Choose what the server is made of; nothing is made."""
        wanted = nova_choose.need(image, shape)
        network = nova_choose.network(cloud, self.target)
        return _Order(
            image=image,
            seed=seed,
            shape=shape,
            need=wanted,
            flavor=nova_choose.flavor(
                nova_choose.flavors(cloud),
                wanted,
                target=self.target,
                volume=shape.volume,
            ),
            network=network,
            zone=self.target.availability_zone,
            # Without a network nobody can ask a metadata service.
            config_drive=shape.config_drive or network is None,
        )

    def _start(
        self,
        maker: nova_parts.Maker,
        order: '_Order',
        cancelled: cancellation.CancellationToken,
    ) -> nova_instance.NovaInstance:
        cloud = maker.cloud
        options: dict[str, Any] = {
            'name': maker.name,
            'flavor_id': order.flavor.id,
            'key_name': maker.key_pair(order.seed.public_key),
            'user_data': nova_told.user_data(order.seed.user_data),
            'config_drive': order.config_drive,
            'metadata': maker.marks.properties,
            'networks': 'none',
        }
        if order.network:
            group = maker.group() if order.network.secured else None
            port = maker.port(order.network.id, group)
            options['networks'] = [{'port': port}]
        if order.zone:
            options['availability_zone'] = order.zone
        if _supports(cloud, _HOSTNAME_VERSION):
            options['hostname'] = hostname = order.seed.hostname
        else:
            hostname = nova_told.hostname(maker.name)
        disk = max(order.flavor.disk_gib, order.need.disk_gib)
        if order.shape.volume:
            cancelled.check()
            size = max(1, order.need.disk_gib)
            disk = size
            options['block_device_mapping'] = [
                {
                    'boot_index': 0,
                    'uuid': maker.volume(order.image.id, size, cancelled.wait),
                    'source_type': 'volume',
                    'destination_type': 'volume',
                    'delete_on_termination': True,
                }
            ]
        else:
            options['image_id'] = order.image.id
        cancelled.check()
        asked = time.monotonic()
        zone = f' in zone {order.zone}' if order.zone else ''
        doing = f'boot image {order.image.id} on {order.flavor.name}{zone}'
        with cloud.translated('Nova', doing):
            server = cloud.compute.create_server(**options)
        server = self._await(cloud, str(server.id), order, cancelled)
        seconds = time.monotonic() - asked
        if order.shape.volume or order.flavor.disk_gib:
            disk_bytes = disk * nova_choose.GIB
        else:
            disk_bytes = order.image.virtual_size
        made = nova_instance.Made(
            flavor=order.flavor,
            network=order.network,
            hostname=hostname,
            disk_bytes=disk_bytes,
            # Some clouds give every server one.
            config_drive=bool(server.has_config_drive) or order.config_drive,
            volume=order.shape.volume,
            seconds=seconds,
        )
        return nova_instance.NovaInstance(
            cloud,
            server,
            made=made,
            wait=cancelled.wait,
            facts=self._facts(server, made, order),
        )

    def _facts(
        self, server: Any, made: nova_instance.Made, order: '_Order'
    ) -> dict[str, Any]:
        return {
            'server': str(server.id),
            'cloud': self.cloud.name,
            'firmware': order.shape.firmware.value,
            'network': made.network.name if made.network else None,
            'config_drive': made.config_drive,
            'volume': made.volume,
            'zone': server.availability_zone,
            'active_after': round(made.seconds, 1),
        }

    def _await(
        self,
        cloud: clouds_cloud.Cloud,
        server_id: str,
        order: '_Order',
        cancelled: cancellation.CancellationToken,
    ) -> Any:
        """Return a server once it runs."""
        limit = self.build_limit + order.image.size / _TRANSFER
        end = time.monotonic() + limit
        while True:
            with cloud.translated('Nova', f'look at server {server_id}'):
                server = cloud.compute.get_server(server_id)
            if server.status == 'ACTIVE':
                return server
            if server.status == 'ERROR':
                raise nova_faults.explain(
                    cloud,
                    server,
                    flavor=order.flavor,
                    zone=order.zone,
                    properties=dict(order.image.properties),
                )
            if time.monotonic() > end:
                raise exceptions.StageFailed(
                    f'Nova of cloud "{cloud.name}" did not start server '
                    f'{server_id} within {limit:.0f} s: it is in '
                    f'{server.status} ({server.task_state or "no task"})',
                    hint='the compute host that was chosen does not answer, '
                    'or takes very long to get the image; `openstack compute '
                    'service list` shows what is up',
                )
            cancelled.wait(nova_parts.POLL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Order:
    """What a server is made of."""

    image: artifact.ImageRecord
    seed: base.Seed
    shape: base.Shape
    need: nova_choose.Need
    flavor: nova_choose.Flavor
    network: nova_choose.Network | None
    zone: str | None
    config_drive: bool


def _supports(cloud: clouds_cloud.Cloud, version: str) -> bool:
    from openstack import utils

    with cloud.translated('Nova', 'read its versions'):
        return bool(utils.supports_microversion(cloud.compute, version))
