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

"""Why a server went to ERROR, in words that tell what to do."""

import contextlib
import re
from typing import Any

from image_pipeline import exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.hypervisors import nova_choose

_NO_HOST = re.compile(r'No valid host|NoValidHost|not enough hosts', re.I)
_PLUG = re.compile(
    r'virtual interface|vif.?plug|network(?:s)? allocation|PortBinding'
    r'|binding failed|Failed to allocate the network',
    re.I,
)
_RETRIED = re.compile(r'Exceeded maximum number of retries|MaxRetries', re.I)
_TOO_SMALL = re.compile(
    r"Flavor's disk is too small|FlavorDiskSmallerThan|ImageUnacceptable"
    r'|is not an? \w+ image|unacceptable',
    re.I,
)
_IMAGE_GONE = re.compile(r'Image \S+ could not be found|ImageNotFound', re.I)
_NO_ROOM = re.compile(r'No space left|InsufficientFreeMemory|ENOSPC', re.I)
_HW_PROPERTIES = ('hw_', 'img_', 'os_secure_boot', 'trait:')


def explain(
    cloud: clouds_cloud.Cloud,
    server: Any,
    *,
    flavor: nova_choose.Flavor,
    zone: str | None,
    properties: dict[str, str],
) -> exceptions.PipelineError:
    """Return what went wrong with a server in state ERROR.

    What is the image's own fault is a failure of its smoke test; what the
    cloud could not do is not.

    :param cloud: the cloud.
    :param server: as Nova tells it.
    :param flavor: the flavor that it was to have.
    :param zone: the availability zone that was asked for.
    :param properties: the image's, which place demands as well.
    """
    fault = server.fault or {}
    said = ' '.join(str(fault.get('message') or 'it says no reason').split())
    events = failed_events(cloud, server.id)
    where = f'Nova of cloud "{cloud.name}"'
    steps = f' (failed: {", ".join(events)})' if events else ''
    what = f'{where} could not start a server: {said}{steps}'
    asked = f'flavor {flavor}'
    asked += f', availability zone {zone}' if zone else ', any zone'
    hardware = [
        f'{name}={value}'
        for name, value in sorted(properties.items())
        if name.startswith(_HW_PROPERTIES)
    ]
    if hardware:
        asked += f', and of the image {", ".join(hardware)}'
    whole = f'{said} {fault.get("details") or ""}'
    if _IMAGE_GONE.search(whole):
        return exceptions.NotFound(what, hint='the image is gone')
    if _NO_HOST.search(whole):
        return exceptions.StageFailed(
            f'{what}; asked for was {asked}',
            hint='no compute host is up, or none has room for that: name '
            'another flavor or availability_zone for the target, or ask who '
            'runs the cloud (`openstack compute service list`)',
        )
    if _TOO_SMALL.search(whole):
        return exceptions.SmokeTestFailed(
            what, hint=f'the image does not fit: {asked}'
        )
    if _PLUG.search(whole):
        return exceptions.StageFailed(
            what,
            hint="the network's agent on the compute host did not plug the "
            'port in: `openstack network agent list` shows whether it is up',
        )
    if _RETRIED.search(whole):
        return exceptions.StageFailed(
            f'{what}; asked for was {asked}',
            hint='every host that was tried failed; the log of nova-compute '
            'says why',
        )
    if _NO_ROOM.search(whole):
        return exceptions.StageFailed(what, hint='the compute host is full')
    return exceptions.SmokeTestFailed(
        f'{what}; asked for was {asked}',
        hint='`openstack server event list` and the log of nova-compute say '
        'more',
    )


def failed_events(
    cloud: clouds_cloud.Cloud, server_id: str
) -> tuple[str, ...]:
    """Return the steps of a server's life that failed, as Nova names them.

    :param cloud: the cloud.
    :param server_id: the server.
    """
    found: list[str] = []
    # It adds to a message; that it cannot be had is no news.
    with contextlib.suppress(Exception):
        for action in cloud.compute.server_actions(server_id):
            whole = cloud.compute.get_server_action(
                action.request_id, server_id
            )
            for event in whole.events or ():
                result = _field(event, 'result')
                if result and str(result) != 'Success':
                    found.append(str(_field(event, 'event')))
    return tuple(dict.fromkeys(found))


def _field(event: Any, name: str) -> Any:
    if isinstance(event, dict):
        return event.get(name)
    return getattr(event, name, None)
