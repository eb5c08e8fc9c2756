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

"""The temporary things of one server: key pair, group, port, volume, itself.

All of them have one name, which says whose they are; the marks of who made
them, and until when they may stay, are written where each kind of thing has
room for them, in the request that makes it.
"""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from image_pipeline import exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import marks as clouds_marks

LOG = logging.getLogger(__name__)

#: Seconds between two looks at a thing that comes or goes; polite, and less
#: than a person notices.
POLL = 1.0
#: Seconds that a server or a volume may take to go.
GONE_LIMIT = 120.0
# Neutron up to 2023.1 takes tags of 60 characters at most.
_TAG_LENGTH = 60
_SSH_PORT = 22

Wait = Callable[[float], object]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """What a server is made with.

    :param key_name: its key pair.
    :param group_id: its security group, if there is a network service.
    :param port_id: its port, if it has a network.
    """

    key_name: str
    group_id: str | None = None
    port_id: str | None = None


class Maker:
    """Make and remove the things of one name.

    :param cloud: the cloud.
    :param name: of everything.
    :param marks: who makes it.
    """

    def __init__(
        self,
        cloud: clouds_cloud.Cloud,
        name: str,
        marks: clouds_marks.Marks,
    ) -> None:
        self.cloud = cloud
        self.name = name
        self.marks = marks

    def key_pair(self, public_key: str) -> str:
        """Make the key pair; its comment has the marks.

        :param public_key: OpenSSH's, one line.
        :returns: its name.
        """
        kind, blob = public_key.split()[:2]
        # Nova's key pairs have neither tags nor a description.
        text = f'{kind} {blob} {described(self.marks)}'
        with self.cloud.translated('Nova', 'make a key pair'):
            self.cloud.compute.create_keypair(name=self.name, public_key=text)
        return self.name

    def group(self) -> str:
        """Make a security group that lets SSH and ping in.

        :returns: its id.
        """
        network = self.cloud.network
        with self.cloud.translated('Neutron', 'make a security group'):
            made = network.create_security_group(
                name=self.name, description=described(self.marks)
            )
            self._tag(made)
            for rule in (
                {
                    'protocol': 'tcp',
                    'port_range_min': _SSH_PORT,
                    'port_range_max': _SSH_PORT,
                },
                {'protocol': 'icmp'},
            ):
                network.create_security_group_rule(
                    security_group_id=made.id,
                    direction='ingress',
                    ether_type='IPv4',
                    **rule,
                )
        return str(made.id)

    def port(self, network_id: str, group_id: str | None) -> str:
        """Make a port.

        :param network_id: of the network.
        :param group_id: its security group; None where ports have none.
        :returns: its id.
        """
        options = {'security_groups': [group_id]} if group_id else {}
        with self.cloud.translated('Neutron', 'make a port'):
            made = self.cloud.network.create_port(
                network_id=network_id,
                name=self.name,
                description=described(self.marks),
                **options,
            )
            self._tag(made)
        return str(made.id)

    def volume(self, image_id: str, size_gib: int, wait: Wait) -> str:
        """Make a volume of an image, and wait for it.

        :param image_id: the image.
        :param size_gib: of the volume.
        :param wait: sleeps; raises if the run is cancelled.
        :returns: its id.
        :raises StageFailed: the volume cannot be made.
        """
        with self.cloud.translated('Cinder', 'make a volume of the image'):
            made = self.cloud.volume.create_volume(
                name=self.name,
                size=size_gib,
                image_id=image_id,
                metadata=self.marks.properties,
            )
        while True:
            with self.cloud.translated('Cinder', 'look at the volume'):
                now = self.cloud.volume.get_volume(made.id)
            if now.status == 'available':
                return str(made.id)
            if str(now.status).startswith('error'):
                raise exceptions.StageFailed(
                    f'Cinder of cloud "{self.cloud.name}" could not make a '
                    f'volume of the image: its state is {now.status}',
                    hint='`openstack volume message list` may say why',
                )
            wait(POLL)

    def keep(self, until: str) -> None:
        """Note on everything that it stays for a time, for a look.

        :param until: ISO 8601.
        """
        changes = {clouds_marks.EXPIRES: until, KEPT: 'yes'}
        for server in servers(self.cloud, self.name):
            with (
                contextlib.suppress(exceptions.PipelineError),
                self.cloud.translated('Nova', 'mark the server'),
            ):
                self.cloud.compute.set_server_metadata(server.id, **changes)

    def remove(self, *, seconds: float = GONE_LIMIT) -> list[str]:
        """Remove everything of that name; what is not there is removed.

        :param seconds: how long to wait for what goes slowly.
        :returns: what could not be removed and why, one line each.
        """
        return remove(self.cloud, self.name, seconds=seconds)

    def _tag(self, thing: Any) -> None:
        # For people: `openstack port list --tags ...`; the marks themselves
        # came with the thing.
        tags = [tag for tag in self.marks.tags if len(tag) <= _TAG_LENGTH]
        try:
            self.cloud.network.set_tags(thing, tags)
        except Exception as exc:
            LOG.debug('%s has no tags: %s', self.name, exc)


#: Key of the metadata of a server that stays for a look.
KEPT = 'image_pipeline_kept'


def described(marks: clouds_marks.Marks) -> str:
    """Return marks as one text; :func:`marks_of` reads it.

    :param marks: the marks.
    """
    return ' '.join(marks.tags)


def marks_of(text: str | None) -> clouds_marks.Marks | None:
    """Return the marks in a description or a key's comment, or None.

    :param text: all of it.
    """
    return clouds_marks.from_tags((text or '').split())


def servers(cloud: clouds_cloud.Cloud, name: str) -> list[Any]:
    """Return the servers of a name.

    :param cloud: the cloud.
    :param name: the whole name.
    """
    with cloud.translated('Nova', 'list servers'):
        # Nova takes the name for a regular expression.
        found = cloud.compute.servers(details=True, name=name)
        return [one for one in found if one.name == name]


def remove(
    cloud: clouds_cloud.Cloud, name: str, *, seconds: float = GONE_LIMIT
) -> list[str]:
    """Remove everything of a name; what is not there is removed.

    :param cloud: the cloud.
    :param name: the whole name.
    :param seconds: how long to wait for what goes slowly.
    :returns: what could not be removed and why, one line each.
    """
    left: list[str] = []
    end = time.monotonic() + seconds
    # In this order: each is held by what stands before it.
    for remove_kind in (
        _remove_servers,
        _remove_ports,
        _remove_groups,
        _remove_key_pair,
        _remove_volumes,
    ):
        try:
            left.extend(remove_kind(cloud, name, end))
        except exceptions.PipelineError as exc:
            left.append(exc.message)
    return left


def _remove_servers(
    cloud: clouds_cloud.Cloud, name: str, end: float
) -> Iterator[str]:
    going = servers(cloud, name)
    for server in going:
        with _gone(), cloud.translated('Nova', 'delete a server'):
            cloud.compute.delete_server(server.id)
    while going:
        going = servers(cloud, name)
        failed = [one for one in going if one.status == 'ERROR']
        if not going:
            return
        if time.monotonic() > end:
            break
        for server in failed:
            # What failed while it went goes at a second try.
            with _gone(), cloud.translated('Nova', 'delete a server'):
                cloud.compute.delete_server(server.id)
        time.sleep(POLL / 2)
    for server in going:
        yield (
            f'server {server.id} does not go: its state is '
            f'{server.status}, {server.task_state or "nothing is done to it"}'
        )


def _remove_ports(
    cloud: clouds_cloud.Cloud, name: str, end: float
) -> Iterator[str]:
    yield from _remove_network(cloud, name, 'port')


def _remove_groups(
    cloud: clouds_cloud.Cloud, name: str, end: float
) -> Iterator[str]:
    yield from _remove_network(cloud, name, 'security_group')


def _remove_network(
    cloud: clouds_cloud.Cloud, name: str, kind: str
) -> Iterator[str]:
    if not cloud.offers('network'):
        return
    word = kind.replace('_', ' ')
    network = cloud.network
    list_them = {
        'port': network.ports,
        'security_group': network.security_groups,
    }[kind]
    delete = {
        'port': network.delete_port,
        'security_group': network.delete_security_group,
    }[kind]
    found: list[Any] = []
    # Some clouds have no security groups at all.
    with _gone(), cloud.translated('Neutron', f'list {word}s'):
        found = list(list_them(name=name))
    for one in found:
        try:
            with cloud.translated('Neutron', f'delete a {word}'):
                delete(one.id, ignore_missing=True)
        except exceptions.PipelineError as exc:
            yield f'{word} {one.id}: {exc.message}'


def _remove_key_pair(
    cloud: clouds_cloud.Cloud, name: str, end: float
) -> Iterator[str]:
    with cloud.translated('Nova', 'delete a key pair'):
        cloud.compute.delete_keypair(name, ignore_missing=True)
    yield from ()


def _remove_volumes(
    cloud: clouds_cloud.Cloud, name: str, end: float
) -> Iterator[str]:
    if not cloud.offers('block-storage'):
        return

    def found() -> list[Any]:
        with cloud.translated('Cinder', 'list volumes'):
            listed = cloud.volume.volumes(details=True, name=name)
            return [one for one in listed if one.name == name]

    for volume in found():
        with _gone(), cloud.translated('Cinder', 'delete a volume'):
            cloud.volume.delete_volume(volume.id)
    while going := found():
        if time.monotonic() > end:
            for volume in going:
                yield f'volume {volume.id} does not go: {volume.status}'
            return
        time.sleep(POLL / 2)


@contextlib.contextmanager
def _gone() -> Iterator[None]:
    """Be content with what is gone."""
    with contextlib.suppress(exceptions.NotFound):
        yield
