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


"""Ask a cloud whether servers could be started for a smoke test.

Nothing is changed.  Whether a user may start a server is found out with a
flavor that there is not: Nova checks rights first, and refuses the flavor
after that (``nova/api/openstack/compute/servers.py``, ``create``).
"""

import uuid
from collections.abc import Iterator
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings as conf_settings
from image_pipeline.hypervisors import nova_choose

Objection = artifact.Objection
#: Since then "networks" may be none, or a port.
_VERSION = '2.37'
_FORBIDDEN = 403


def check(
    cloud: clouds_cloud.Cloud,
    target: conf_settings.Target,
    intent: artifact.Intent,
) -> Iterator[Objection]:
    """Give what speaks against booting an image.

    :param cloud: the cloud.
    :param target: the target.
    :param intent: what a run is about to do.
    :raises PipelineError: nobody can log in, or there is no such service.
    """
    options = intent.makes.get(artifact.SMOKE_REPORT)
    if options is None:
        return
    # What fails here fails everything below: it is told once.
    cloud.endpoint('compute', 'Nova')
    yield from Objection.tried(lambda: _rights(cloud, target))
    yield from Objection.tried(lambda: _flavor(cloud, target, intent, options))
    yield from Objection.tried(lambda: _network(cloud, target))
    if 'volume' in options.get('also', ()):
        yield from Objection.tried(lambda: _volumes(cloud, target, intent))


def _rights(
    cloud: clouds_cloud.Cloud, target: conf_settings.Target
) -> Iterator[Objection]:
    """Give that this user may not start servers."""
    nothing = str(uuid.uuid4())
    with cloud.translated('Nova', 'ask for the right to start servers'):
        answer = cloud.compute.post(
            '/servers',
            json={
                'server': {
                    'name': 'image-pipeline-preflight',
                    'imageRef': nothing,
                    'flavorRef': nothing,
                    'networks': 'none',
                }
            },
            microversion=_VERSION,
            raise_exc=False,
        )
    if answer.status_code == _FORBIDDEN:
        yield Objection.error(
            'this user may not start servers at target '
            f'"{target.name}": {_said(answer)}',
            'it takes the role member of the project; see "Roles" in the '
            'guide for administrators',
        )


def _said(answer: Any) -> str:
    """Return what Nova says of a request that it refuses."""
    try:
        (body,) = answer.json().values()
        return str(body['message']).rstrip('.')
    except (ValueError, KeyError, TypeError, AttributeError):
        return f'status {answer.status_code}'


def _flavor(
    cloud: clouds_cloud.Cloud,
    target: conf_settings.Target,
    intent: artifact.Intent,
    options: Any,
) -> Iterator[Objection]:
    """Give that no flavor fits, or that the quota has no room for it."""
    known = nova_choose.flavors(cloud)
    size = intent.virtual_size or 0
    said = intent.properties
    taken = nova_choose.flavor(
        known,
        nova_choose.Need(
            ram_mib=max(
                _number(said.get('min_ram')),
                int(options.get('memory_mib', 0)),
            ),
            vcpus=int(options.get('vcpus', 1)),
            disk_gib=max(
                _number(said.get('min_disk')), -(-size // nova_choose.GIB)
            ),
        ),
        target=target,
    )
    with cloud.translated('Nova', 'read the quota'):
        limits = cloud.compute.get_limits().absolute
    for what, most, used, wanted in (
        ('instances', limits.instances, limits.instances_used, 1),
        (
            'processors',
            limits.total_cores,
            limits.total_cores_used,
            taken.vcpus,
        ),
        ('MiB of memory', limits.total_ram, limits.total_ram_used,
         taken.ram_mib),
    ):  # fmt: skip
        yield from _short(
            target,
            what,
            (most, used, wanted),
            f'a server of flavor {taken.name}',
            'delete servers that nobody needs (`image-pipeline reap` removes '
            'what dead runs left)',
        )
    most = getattr(limits, 'keypairs', None)
    if most is not None and int(most) >= 0:
        with cloud.translated('Nova', 'list keypairs'):
            count = sum(1 for _ in cloud.compute.keypairs())
        if count >= int(most):
            yield Objection.error(
                f'this user has {count} keypairs at target "{target.name}", '
                f'and may have {most}',
                'delete one: `openstack keypair list`',
            )


def _network(
    cloud: clouds_cloud.Cloud, target: conf_settings.Target
) -> Iterator[Objection]:
    """Give a network that there is not, and quotas of ports."""
    if not cloud.offers('network'):
        if target.network is not None:
            yield Objection.error(
                f'target "{target.name}" names the network '
                f'"{target.network}", and its cloud has no Neutron'
            )
        return
    chosen = nova_choose.network(cloud, target)
    if chosen is None:
        # A server without one boots, by its config drive.
        yield Objection.warning(
            f'target "{target.name}" has no network for a server: it is '
            'booted without one, and DHCP and SSH are not tried',
            'make one, or name one as `network` of the target',
        )
        return
    try:
        with cloud.translated('Neutron', 'read the quota'):
            quota = cloud.network.get_quota(cloud.project_id, details=True)
    except (exceptions.Forbidden, exceptions.NotFound):
        # Not every cloud tells its users; making the port does.
        return
    for what, of in (
        ('ports', quota.ports),
        ('security groups', quota.security_groups if chosen.secured else None),
    ):
        if not isinstance(of, dict) or int(of.get('limit', -1)) < 0:
            continue
        left = int(of['limit']) - int(of.get('used', 0))
        if left < 1:
            yield Objection.error(
                f'the quota of target "{target.name}" has no {what} left of '
                f'{of["limit"]}',
                'delete those that nobody needs, or ask for a higher quota',
            )


def _volumes(
    cloud: clouds_cloud.Cloud,
    target: conf_settings.Target,
    intent: artifact.Intent,
) -> Iterator[Objection]:
    """Give that there is no room for the volume that is booted from."""
    if not cloud.offers('block-storage'):
        # The stage says so, and boots all the same.
        return
    with cloud.translated('Cinder', 'read the quota'):
        limits = cloud.volume.get_limits().absolute
    size = max(1, -(-(intent.virtual_size or 0) // nova_choose.GIB))
    for what, most, used, wanted in (
        ('volumes', limits.max_total_volumes, limits.total_volumes_used, 1),
        (
            'GiB of volumes',
            limits.max_total_volume_gigabytes,
            limits.total_gigabytes_used,
            size,
        ),
    ):
        yield from _short(
            target,
            what,
            (most, used, wanted),
            'booting from a volume',
            'delete volumes that nobody needs',
        )


def _short(
    target: conf_settings.Target,
    what: str,
    numbers: tuple[Any, Any, int],
    taker: str,
    hint: str,
) -> Iterator[Objection]:
    """Give that a quota has too little of something left.

    :param numbers: the quota (None or -1: without a limit), what is used of
        it, and what is wanted.
    """
    most, used, wanted = numbers
    if most is None or int(most) < 0:
        return
    left = int(most) - int(used or 0)
    if left < wanted:
        yield Objection.error(
            f'the quota of target "{target.name}" has {max(left, 0)} of '
            f'{most} {what} left, and {taker} takes {wanted}',
            f'{hint}, or ask for a higher quota',
        )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
