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

"""Whom a shared image is shared with."""

import contextlib
from collections.abc import Iterable

from image_pipeline import exceptions
from image_pipeline.catalogues import base
from image_pipeline.clouds import images

_SHARED = 'shared'
_REJECTED = 'rejected'
_ACCEPTED = 'accepted'


def of(client: images.Images, image: images.Image) -> tuple[base.Member, ...]:
    """Return whom an image is shared with; nobody, if it is not shared.

    :param client: the image service.
    :param image: the image.
    """
    if image.visibility != _SHARED:
        return ()
    return tuple(
        base.Member(project=member.project, status=member.status)
        for member in client.members(image.id)
    )


def copy(
    client: images.Images,
    image: images.Image,
    *,
    former: images.Image | None,
    also: Iterable[str],
) -> None:
    """Share an image with those who had the former one.

    Who rejected that is not asked again.  Each has to accept the new one by
    itself (``openstack image set --accept``): Glance lets nobody else do so.

    :param client: the image service.
    :param image: the image, still hidden.
    :param former: the one that it replaces.
    :param also: ids of further projects.
    """
    if image.visibility != _SHARED:
        return
    wanted = dict.fromkeys(also)
    if former is not None:
        for member in of(client, former):
            if member.status != _REJECTED:
                wanted.setdefault(member.project)
    has = {member.project for member in of(client, image)}
    for project in wanted:
        if project not in has:
            with contextlib.suppress(exceptions.StateConflict):
                client.add_member(image.id, project)


def note(members: Iterable[base.Member]) -> list[str]:
    """Return who does not see an image yet, as one line; none if all do.

    :param members: whom it is shared with.
    """
    waiting = [
        f'{member.project} ({member.status})'
        for member in members
        if member.status != _ACCEPTED
    ]
    if not waiting:
        return []
    return [
        'not in the listings of these projects until they accept it '
        f'(`openstack image set --accept`): {", ".join(waiting)}'
    ]
