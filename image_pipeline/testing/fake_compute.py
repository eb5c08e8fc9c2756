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

"""Nova and Neutron in memory, as far as a smoke test asks them.

:class:`FakeCloud` has what of a :class:`~image_pipeline.clouds.cloud.Cloud`
the hypervisor uses.  It keeps the services' rules that matter: a server's
key pair, port and group must be there, a group that a port uses stays.
"""

import contextlib
import itertools
import re
import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from image_pipeline import exceptions

Thing = SimpleNamespace


class FakeCloud:
    """A cloud with one project.

    :param volumes: whether it has block storage.
    :param network: whether it has a network service.
    """

    def __init__(self, *, volumes: bool = False, network: bool = True) -> None:
        self.name = 'fake'
        self.project_id = 'project'
        self.services = {'compute', 'image'}
        if volumes:
            self.services.add('block-storage')
        if network:
            self.services.add('network')
        #: Every call that changes something, in order.
        self.calls: list[str] = []
        #: Raised instead of the call of that name.
        self.failures: dict[str, Exception] = {}
        self.compute = FakeCompute(self)
        self.network = FakeNetwork(self)
        self.volume = FakeVolume(self)

    def offers(self, service_type: str) -> bool:
        """Whether it has a service."""
        return service_type in self.services

    @contextlib.contextmanager
    def translated(self, service: str, doing: str) -> Iterator[None]:
        """Raise what the fakes raise, which is ours already."""
        yield

    def called(self, name: str) -> None:
        """Note a call; it fails if it is to."""
        self.calls.append(name)
        if name in self.failures:
            raise self.failures[name]

    @property
    def things(self) -> list[str]:
        """What there is, apart from what was there at first."""
        return [
            *(f'server {one.name}' for one in self.compute.all),
            *(f'key {one.name}' for one in self.compute.keys.values()),
            *(f'port {one.name}' for one in self.network.all_ports.values()),
            *(f'group {one.name}' for one in self.network.groups.values()),
            *(f'volume {one.name}' for one in self.volume.all.values()),
        ]


class FakeCompute:
    """Nova.

    :param cloud: whose it is.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.all: list[Any] = []
        self.keys: dict[str, Any] = {}
        self.kinds = [
            flavor('tiny', ram=256, disk=1),
            flavor('small', ram=1024, disk=5),
        ]
        self.limits: dict[str, int] = {}
        #: What a server prints; called with it.
        self.prints: Callable[[Any], str] = lambda server: 'Linux version\n'
        #: How a server comes out.
        self.status = 'ACTIVE'
        self.fault: dict[str, str] | None = None
        #: Looks at a server that is deleted until it is gone.
        self.lingers = 0
        #: Events of a server's actions that failed.
        self.events: list[str] = []

    def get_endpoint_data(self) -> Any:
        """Return which versions it has: the first one only."""
        return Thing(min_microversion=None, max_microversion=None)

    def flavors(self, *, details: bool = True) -> list[Any]:
        """List flavors."""
        return list(self.kinds)

    def get_limits(self) -> Any:
        """Return the quota."""
        most = {
            'instances': 10, 'instances_used': 0,
            'total_cores': 20, 'total_cores_used': 0,
            'total_ram': 51200, 'total_ram_used': 0,
        }  # fmt: skip
        return Thing(absolute=Thing(**most | self.limits))

    def create_keypair(self, *, name: str, public_key: str) -> Any:
        """Make a key pair."""
        self._cloud.called('create_keypair')
        self.keys[name] = Thing(name=name, public_key=public_key)
        return self.keys[name]

    def delete_keypair(self, name: str, *, ignore_missing: bool) -> None:
        """Delete a key pair."""
        self._cloud.called('delete_keypair')
        self.keys.pop(name, None)

    def keypairs(self) -> list[Any]:
        """List key pairs."""
        return list(self.keys.values())

    def create_server(self, **options: Any) -> Any:
        """Make a server."""
        self._cloud.called('create_server')
        assert options['key_name'] in self.keys
        for one in options['networks']:
            if options['networks'] not in ('none', 'auto'):
                assert one['port'] in self._cloud.network.all_ports
        made = Thing(
            id=str(uuid.uuid4()),
            name=options['name'],
            options=options,
            status=self.status,
            task_state=None,
            fault=self.fault,
            metadata=dict(options['metadata']),
            addresses={},
            availability_zone='nova',
            has_config_drive=options['config_drive'],
            looks=self.lingers,
            deleted=False,
        )
        self.all.append(made)
        return made

    def get_server(self, server_id: str) -> Any:
        """Return a server."""
        for one in self.all:
            if one.id == server_id:
                return one
        raise exceptions.NotFound(f'there is no server {server_id}')

    def servers(self, *, details: bool, name: str) -> list[Any]:
        """List servers whose name matches."""
        for one in list(self.all):
            if one.deleted:
                one.looks -= 1
                if one.looks < 0:
                    self.all.remove(one)
        return [one for one in self.all if re.search(name, one.name)]

    def delete_server(self, server_id: str) -> None:
        """Delete a server; it may linger."""
        self._cloud.called('delete_server')
        self.get_server(server_id).deleted = True

    def set_server_metadata(self, server_id: str, **changes: str) -> None:
        """Change a server's metadata."""
        self.get_server(server_id).metadata.update(changes)

    def get_server_console_output(self, server_id: str) -> dict[str, str]:
        """Return what a server printed."""
        return {'output': self.prints(self.get_server(server_id))}

    def server_actions(self, server_id: str) -> list[Any]:
        """List what was done to a server."""
        return [Thing(request_id='req-1')]

    def get_server_action(self, request: str, server_id: str) -> Any:
        """Return the steps of what was done."""
        return Thing(
            events=[{'event': one, 'result': 'Error'} for one in self.events]
        )

    def reboot_server(self, server_id: str, kind: str) -> None:
        """Start a server again."""
        self._cloud.called('reboot_server')

    def rescue_server(self, server_id: str) -> None:
        """Start a server from another disk."""
        self._cloud.called('rescue_server')
        self.get_server(server_id).status = 'RESCUE'

    def unrescue_server(self, server_id: str) -> None:
        """Start a server from its own disk again."""
        self._cloud.called('unrescue_server')
        self.get_server(server_id).status = 'ACTIVE'

    def resize_server(self, server_id: str, flavor_id: str) -> None:
        """Give a server another flavor."""
        self._cloud.called('resize_server')
        self.get_server(server_id).status = 'VERIFY_RESIZE'

    def confirm_server_resize(self, server_id: str) -> None:
        """Keep the other flavor."""
        self._cloud.called('confirm_server_resize')
        self.get_server(server_id).status = 'ACTIVE'


class FakeNetwork:
    """Neutron.

    :param cloud: whose it is.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self._ids = (f'id-{number}' for number in itertools.count(1))
        self.all = [network('provider', shared=True)]
        self.all_ports: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}

    def networks(self) -> list[Any]:
        """List networks."""
        return list(self.all)

    def create_security_group(self, **options: Any) -> Any:
        """Make a security group."""
        self._cloud.called('create_security_group')
        made = Thing(id=next(self._ids), **options)
        self.groups[made.id] = made
        return made

    def create_security_group_rule(self, **options: Any) -> None:
        """Add a rule to a group."""
        assert options['security_group_id'] in self.groups

    def create_port(self, **options: Any) -> Any:
        """Make a port."""
        self._cloud.called('create_port')
        made = Thing(id=next(self._ids), **options)
        self.all_ports[made.id] = made
        return made

    def set_tags(self, thing: Any, tags: list[str]) -> None:
        """Tag a thing."""
        assert all(len(tag) <= 60 for tag in tags)
        thing.tags = tags

    def ports(self, **query: Any) -> list[Any]:
        """List ports."""
        return _listed(self.all_ports, query)

    def security_groups(self, **query: Any) -> list[Any]:
        """List groups."""
        return _listed(self.groups, query)

    def delete_port(self, port_id: str, *, ignore_missing: bool) -> None:
        """Delete a port."""
        self._cloud.called('delete_port')
        self.all_ports.pop(port_id, None)

    def delete_security_group(
        self, group_id: str, *, ignore_missing: bool
    ) -> None:
        """Delete a group that no port uses."""
        self._cloud.called('delete_security_group')
        for port in self.all_ports.values():
            if group_id in getattr(port, 'security_groups', []):
                raise exceptions.StateConflict(f'group {group_id} is in use')
        self.groups.pop(group_id, None)


class FakeVolume:
    """Cinder.

    :param cloud: whose it is.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.all: dict[str, Any] = {}
        self.status = 'available'

    def create_volume(self, **options: Any) -> Any:
        """Make a volume."""
        self._cloud.called('create_volume')
        made = Thing(id=str(uuid.uuid4()), status=self.status, **options)
        self.all[made.id] = made
        return made

    def get_volume(self, volume_id: str) -> Any:
        """Return a volume."""
        return self.all[volume_id]

    def volumes(self, **query: Any) -> list[Any]:
        """List volumes."""
        query.pop('details', None)
        return _listed(self.all, query)

    def delete_volume(self, volume_id: str) -> None:
        """Delete a volume."""
        self._cloud.called('delete_volume')
        self.all.pop(volume_id, None)


def flavor(name: str, *, ram: int, disk: int, **options: Any) -> Any:
    """Return a flavor as the SDK has one.

    :param name: its name.
    :param ram: MiB.
    :param disk: GiB.
    :param options: what differs from a plain one.
    """
    values = {'vcpus': 1, 'extra_specs': {}, 'is_disabled': False}
    return Thing(
        **{'id': f'id-{name}', 'name': name, 'ram': ram, 'disk': disk}
        | values
        | options
    )


def network(name: str, *, shared: bool = False, **options: Any) -> Any:
    """Return a network as the SDK has one.

    :param name: its name.
    :param shared: whether every project may use it.
    :param options: what differs from a plain one.
    """
    values = {
        'id': f'id-{name}',
        'name': name,
        'project_id': 'admin' if shared else 'project',
        'is_shared': shared,
        'is_router_external': False,
        'subnet_ids': ['subnet'],
        'is_admin_state_up': True,
        'is_port_security_enabled': True,
    }
    return Thing(**values | options)


def _listed(things: dict[str, Any], query: dict[str, Any]) -> list[Any]:
    name = query.get('name')
    return [one for one in things.values() if name is None or one.name == name]
