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

"""Find what dead runs left of their servers, and remove it.

Names say what is of a run of ours, marks say of which host, and until when
it may stay.  What bears no marks that can be read is nobody's to touch.
"""

import dataclasses
import datetime
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from image_pipeline import exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import marks as clouds_marks
from image_pipeline.hypervisors import base, nova_parts

# `nova_parts.Maker` gives all things of a server one name.
_NAME = re.compile(
    re.escape(clouds_marks.NAME_PREFIX) + r'(?P<run>.+)-[0-9a-f]{8}'
)


@dataclasses.dataclass(kw_only=True)
class Group:
    """The things of one name.

    :param name: of all of them.
    :param kinds: what there is, such as ``server``.
    :param marks: of each that bears some.
    :param kept: whether it was left for a look.
    """

    name: str
    kinds: list[str] = dataclasses.field(default_factory=list)
    marks: list[clouds_marks.Marks] = dataclasses.field(default_factory=list)
    kept: bool = False

    @property
    def run_id(self) -> str:
        """The run."""
        return self.marks[0].run_id if self.marks else ''

    def dead(
        self,
        host_id: str,
        alive: Callable[[str], bool | None],
        now: datetime.datetime,
    ) -> bool:
        """Whether its run cannot need it any more.

        :param host_id: of this host.
        :param alive: whether a run works on; None if it is not known here.
        :param now: with a time zone.
        """
        if not self.marks:
            return False
        if all(one.expired(now) for one in self.marks):
            return True
        if self.kept or any(one.host_id != host_id for one in self.marks):
            return False
        # A run that this state folder does not know is another user's.
        return alive(self.run_id) is False


def find(cloud: clouds_cloud.Cloud) -> list[Group]:
    """Return all temporary things of a project, by name.

    :param cloud: the cloud.
    """
    groups: dict[str, Group] = {}
    for kind, name, marks, kept in _things(cloud):
        if not _NAME.fullmatch(name or ''):
            continue
        group = groups.setdefault(name, Group(name=name))
        group.kinds.append(kind)
        group.kept = group.kept or kept
        if marks:
            group.marks.append(marks)
    return [groups[name] for name in sorted(groups)]


_Thing = tuple[str, str, clouds_marks.Marks | None, bool]


def _things(cloud: clouds_cloud.Cloud) -> Iterator[_Thing]:
    with cloud.translated('Nova', 'list servers'):
        for one in cloud.compute.servers(
            details=True, name=f'^{clouds_marks.NAME_PREFIX}'
        ):
            found = dict(one.metadata or {})
            kept = found.get(nova_parts.KEPT) == 'yes'
            yield (
                'server',
                one.name,
                clouds_marks.from_properties(found),
                kept,
            )
    with cloud.translated('Nova', 'list key pairs'):
        for one in cloud.compute.keypairs():
            yield 'key pair', one.name, _of_key(one), False
    yield from _in_network(cloud)
    if cloud.offers('block-storage'):
        with cloud.translated('Cinder', 'list volumes'):
            for one in cloud.volume.volumes(details=True):
                found = dict(one.metadata or {})
                marks = clouds_marks.from_properties(found)
                yield 'volume', one.name, marks, False


def _of_key(one: Any) -> clouds_marks.Marks | None:
    return nova_parts.marks_of(getattr(one, 'public_key', None))


def _in_network(cloud: clouds_cloud.Cloud) -> Iterator[_Thing]:
    if not cloud.offers('network'):
        return
    project = cloud.project_id
    lists: Iterable[tuple[str, Callable[..., Iterable[Any]]]] = (
        ('port', cloud.network.ports),
        ('security group', cloud.network.security_groups),
    )
    for kind, list_them in lists:
        try:
            with cloud.translated('Neutron', f'list {kind}s'):
                found = list(list_them(project_id=project))
        except exceptions.NotFound:
            # Some clouds have no security groups.
            continue
        for one in found:
            marks = nova_parts.marks_of(one.description)
            yield kind, one.name, marks, False


def reap(
    cloud: clouds_cloud.Cloud,
    *,
    host_id: str,
    alive: Callable[[str], bool | None],
    dry_run: bool = False,
    seconds: float = nova_parts.GONE_LIMIT,
) -> Iterator[base.Leftover]:
    """Remove what dead runs left; give each when it is done with.

    :param cloud: the cloud.
    :param host_id: of this host.
    :param alive: whether a run works on; None if it is not known here.
    :param dry_run: only say what would be removed.
    :param seconds: how long to wait for what goes slowly.
    """
    now = datetime.datetime.now(datetime.UTC)
    for group in find(cloud):
        if not group.dead(host_id, alive, now):
            continue
        left: list[str] = []
        if not dry_run:
            left = nova_parts.remove(cloud, group.name, seconds=seconds)
        yield base.Leftover(
            name=group.name,
            run_id=group.run_id,
            kinds=tuple(sorted(group.kinds)),
            problem='; '.join(left),
        )
