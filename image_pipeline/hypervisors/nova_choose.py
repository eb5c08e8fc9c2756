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

"""Choose what a smoke test's server is made of: flavor, network, zone."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings as conf_settings
from image_pipeline.hypervisors import base

GIB = 1 << 30
MIB = 1 << 20
#: Extra specs that take something rare; see Nova's "Extra Specs" reference.
_RARE = ('pci_passthrough:', 'resources:', 'hw:cpu_policy', 'hw:mem_page')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flavor:
    """A flavor, as far as it matters here.

    :param id: its id.
    :param name: its name.
    :param ram_mib: memory.
    :param vcpus: processors.
    :param disk_gib: root disk; 0: as large as the image.
    :param specs: its extra specs, as far as they were told.
    """

    id: str
    name: str
    ram_mib: int
    vcpus: int
    disk_gib: int
    specs: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        disk = f'{self.disk_gib} GiB' if self.disk_gib else "the image's"
        return (
            f'{self.name} ({self.vcpus} processors, {self.ram_mib} MiB, '
            f'disk {disk})'
        )

    @property
    def size(self) -> tuple[bool, int, int, int]:
        """By which flavors are put in order, the smallest first."""
        # Without a disk of its own a server takes what the image says, which
        # clouds may refuse to those who are no admin (policy
        # servers:create:zero_disk_flavor).
        return self.disk_gib == 0, self.ram_mib, self.vcpus, self.disk_gib


@dataclasses.dataclass(frozen=True, kw_only=True)
class Need:
    """What an image asks of a flavor.

    :param ram_mib: memory.
    :param vcpus: processors.
    :param disk_gib: root disk.
    """

    ram_mib: int
    vcpus: int
    disk_gib: int

    def __str__(self) -> str:
        return (
            f'{self.vcpus} processors, {self.ram_mib} MiB of memory and '
            f'{self.disk_gib} GiB of disk'
        )

    def lacks(self, flavor: Flavor, *, volume: bool = False) -> str | None:
        """Return what a flavor lacks, or None.

        :param flavor: the flavor.
        :param volume: whether the root disk is a volume.
        """
        if flavor.ram_mib < self.ram_mib:
            return f'{flavor.ram_mib} MiB of memory, not {self.ram_mib}'
        if flavor.vcpus < self.vcpus:
            return f'{flavor.vcpus} processors, not {self.vcpus}'
        if not volume and 0 < flavor.disk_gib < self.disk_gib:
            return f'{flavor.disk_gib} GiB of disk, not {self.disk_gib}'
        return None


def need(image: artifact.ImageRecord, shape: base.Shape) -> Need:
    """Return what an image asks of a flavor.

    :param image: its properties may have ``min_ram`` and ``min_disk``.
    :param shape: the machine that the recipe wants.
    """
    return Need(
        ram_mib=max(
            _number(image.properties.get('min_ram')),
            shape.memory_bytes // MIB,
        ),
        vcpus=shape.vcpus,
        disk_gib=max(
            _number(image.properties.get('min_disk')),
            -(-image.virtual_size // GIB),
        ),
    )


def flavors(cloud: clouds_cloud.Cloud) -> list[Flavor]:
    """Return the flavors that this user may take, the smallest first.

    :param cloud: the cloud.
    """
    with cloud.translated('Nova', 'list flavors'):
        found = [
            Flavor(
                id=str(one.id),
                name=str(one.name),
                ram_mib=int(one.ram or 0),
                vcpus=int(one.vcpus or 0),
                disk_gib=int(one.disk or 0),
                specs=dict(one.extra_specs or {}),
            )
            for one in cloud.compute.flavors(details=True)
            if not one.is_disabled
        ]
    return sorted(found, key=lambda one: one.size)


def flavor(
    known: Sequence[Flavor],
    wanted: Need,
    *,
    target: conf_settings.Target,
    volume: bool = False,
) -> Flavor:
    """Return the smallest flavor that an image fits, or the target's.

    :param known: of :func:`flavors`.
    :param wanted: what the image asks for.
    :param target: may name one.
    :param volume: whether the root disk is a volume.
    :raises NotFound: the target's does not exist.
    :raises StageFailed: none is large enough.
    """
    where = f'cloud "{target.cloud}"'
    if target.flavor is not None:
        for one in known:
            if target.flavor in (one.name, one.id):
                lacks = wanted.lacks(one, volume=volume)
                if lacks:
                    raise exceptions.StageFailed(
                        f'flavor {one.name} of target "{target.name}" is too '
                        f'small for the image: it has {lacks}',
                        hint='name a larger one, or none: the smallest that '
                        'fits is taken then',
                    )
                return one
        names = [one.name for one in known]
        raise exceptions.NotFound(
            f'{where} has no flavor "{target.flavor}"',
            hint=exceptions.did_you_mean(target.flavor, names)
            or f'flavors are {", ".join(names) or "none"}',
        )
    fitting = [
        one for one in known if wanted.lacks(one, volume=volume) is None
    ]
    # A flavor for a graphics card would be taken from those who need it.
    plain = [
        one
        for one in fitting
        if not any(key.startswith(_RARE) for key in one.specs)
    ]
    if not fitting:
        raise exceptions.StageFailed(
            f'{where} has no flavor with {wanted}',
            hint='flavors are '
            + ('; '.join(map(str, known[:8])) if known else 'none'),
        )
    return (plain or fitting)[0]


def larger(known: Sequence[Flavor], than: Flavor) -> Flavor | None:
    """Return the next larger flavor with a disk that is no smaller, or None.

    :param known: of :func:`flavors`.
    :param than: the flavor that a server has.
    """
    for one in known:
        if (
            one.size > than.size
            and one.id != than.id
            and one.ram_mib >= than.ram_mib
            and one.vcpus >= than.vcpus
            and (one.disk_gib >= than.disk_gib if than.disk_gib else True)
            and bool(one.disk_gib) == bool(than.disk_gib)
        ):
            return one
    return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """A network for a server.

    :param id: its id.
    :param name: its name.
    :param secured: whether ports on it may have security groups.
    """

    id: str
    name: str
    secured: bool = True


def network(
    cloud: clouds_cloud.Cloud, target: conf_settings.Target
) -> Network | None:
    """Return the target's network, or the only usable one, or None.

    :param cloud: the cloud.
    :param target: may name one.
    :raises NotFound: the target's does not exist.
    :raises StageFailed: several could be meant.
    """
    if not cloud.offers('network'):
        return None
    with cloud.translated('Neutron', 'list networks'):
        found = list(cloud.network.networks())
    if target.network is not None:
        named = [one for one in found if target.network in (one.id, one.name)]
        if not named:
            names = sorted({str(one.name) for one in found})
            raise exceptions.NotFound(
                f'cloud "{target.cloud}" has no network "{target.network}"',
                hint=exceptions.did_you_mean(target.network, names)
                or f'networks are {", ".join(names) or "none"}',
            )
        if len(named) > 1:
            raise _ambiguous(target, named)
        return _network(named[0])
    usable = [one for one in found if _usable(one, cloud.project_id)]
    # A project's own networks are meant for its servers; a shared one is
    # there for all.
    own = [one for one in usable if one.project_id == cloud.project_id]
    choice = own or usable
    if len(choice) > 1:
        raise _ambiguous(target, choice)
    return _network(choice[0]) if choice else None


def _usable(one: Any, project: str) -> bool:
    # An admin sees the networks of everybody.
    reachable = one.project_id == project or one.is_shared
    external = one.is_router_external and not one.is_shared
    return bool(
        reachable
        and not external
        and one.subnet_ids
        and one.is_admin_state_up is not False
    )


def _network(one: Any) -> Network:
    return Network(
        id=str(one.id),
        name=str(one.name),
        secured=one.is_port_security_enabled is not False,
    )


def _ambiguous(
    target: conf_settings.Target, choice: Iterable[Any]
) -> exceptions.StageFailed:
    names = ', '.join(sorted(f'{one.name} ({one.id})' for one in choice))
    return exceptions.StageFailed(
        f'cloud "{target.cloud}" has several networks for a server: {names}',
        hint=f'name one as `network` of [target:{target.name}]',
    )


def room(limits: Any, taken: Flavor) -> int:
    """Return how many servers of a flavor a project's quota has room for.

    :param limits: the absolute limits of Nova.
    :param taken: the flavor.
    """
    pairs = (
        (limits.instances, limits.instances_used, 1),
        (limits.total_cores, limits.total_cores_used, taken.vcpus),
        (limits.total_ram, limits.total_ram_used, taken.ram_mib),
    )
    left = [
        (int(most) - int(used or 0)) // max(1, each)
        for most, used, each in pairs
        # -1: without a limit.
        if most is not None and int(most) >= 0
    ]
    return min(left, default=_NO_LIMIT)


#: Where there is no quota.
_NO_LIMIT = 1000


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
