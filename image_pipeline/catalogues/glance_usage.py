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

"""Who uses an image: servers, volumes, images made of it, and members.

An administrator sees all projects.  Everybody else sees his own: that is
enough for an image that never was visible beyond its project, and for no
other one.
"""

import dataclasses
from collections.abc import Callable, Iterator

from image_pipeline import exceptions
from image_pipeline.catalogues import base, glance_records
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import images

#: What says of an image which one it was made of: Nova's snapshots (
#: nova/compute/api.py, _create_image), older ones, and whatever copies all
#: properties, as Cinder's upload of a volume does.
_MADE_OF = ('base_image_ref', 'image_ref', glance_records.ID)
_PRIVATE = 'private'
_VOLUMES = 'block-storage'


@dataclasses.dataclass
class _Found:
    users: list[str] = dataclasses.field(default_factory=list)
    unseen: list[str] = dataclasses.field(default_factory=list)


def usage(
    client: images.Images,
    image: images.Image,
    *,
    project: str,
    cloud: clouds_cloud.Cloud | None,
) -> base.Usage:
    """Say who uses an image, as far as this user may see.

    :param client: the image service.
    :param image: the image.
    :param project: the id of the user's project.
    :param cloud: with its servers and volumes; None if there are none.
    """
    found = _Found()
    everything = cloud is not None and cloud.is_admin
    found.users += _made_of(client, image)
    found.users += _members(client, image, project)
    if cloud is not None:
        _ask(found, 'servers', lambda: _servers(cloud, image, everything))
        if cloud.offers(_VOLUMES):
            _ask(found, 'volumes', lambda: _volumes(cloud, image, everything))
    if not everything and exposed(image):
        found.unseen.append('servers, volumes and snapshots of other projects')
    in_use: bool | None = False
    if found.users:
        in_use = True
    elif found.unseen:
        in_use = None
    return base.Usage(
        in_use=in_use,
        users=tuple(found.users),
        unseen=tuple(found.unseen),
    )


def exposed(image: images.Image) -> bool:
    """Tell whether other projects may ever have seen an image.

    :param image: the image.
    """
    return (
        image.visibility != _PRIVATE
        or image.properties.get(glance_records.EXPOSED) == 'yes'
    )


def _ask(found: _Found, what: str, ask: Callable[[], Iterator[str]]) -> None:
    try:
        found.users += ask()
    except exceptions.Forbidden as exc:
        found.unseen.append(f'{what}: {exc.message}')


def _made_of(client: images.Images, image: images.Image) -> Iterator[str]:
    seen = {image.id}
    for key in _MADE_OF:
        for one in client.find(properties={key: image.id}):
            if one.id not in seen:
                seen.add(one.id)
                what = one.properties.get('image_type', 'image')
                yield f'{what} {one.name} ({one.id}) was made of it'


def _members(
    client: images.Images, image: images.Image, project: str
) -> Iterator[str]:
    if image.visibility != 'shared':
        return
    for member in client.members(image.id):
        if member.status != 'rejected' and member.project != project:
            yield f'shared with project {member.project} ({member.status})'


def _servers(
    cloud: clouds_cloud.Cloud, image: images.Image, everything: bool
) -> Iterator[str]:
    with cloud.translated('Nova', f'list the servers of image {image.id}'):
        # Nova sends those of the whole cloud only if it is asked to.
        scope = {'all_projects': True} if everything else {}
        found = list(cloud.compute.servers(image=image.id, **scope))
    for server in found:
        yield (
            f'server {server.name} ({server.id}, {server.status}) of project '
            f'{server.project_id}'
        )


def _volumes(
    cloud: clouds_cloud.Cloud, image: images.Image, everything: bool
) -> Iterator[str]:
    with cloud.translated('Cinder', f'list the volumes of image {image.id}'):
        scope = {'all_projects': True} if everything else {}
        found = list(cloud.volume.volumes(**scope))
    for volume in found:
        metadata = volume.volume_image_metadata or {}
        if metadata.get('image_id') == image.id:
            yield f'volume {volume.name or ""} ({volume.id}) of project ' + (
                getattr(volume, 'project_id', None) or '?'
            )
