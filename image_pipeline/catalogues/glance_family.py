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

"""The images of one name, as a listing shows them."""

import dataclasses
from collections.abc import Iterator

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import glance_intents, glance_records
from image_pipeline.clouds import images

#: What says that somebody is at an image, or was.
_MARKS = (
    glance_intents.SWAP,
    glance_intents.HANDOVER,
    glance_intents.WIDENED,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family:
    """The pipeline's images of a name.

    :param name: the final name.
    :param hidden: those that listings leave out.
    :param shown: those that users see.
    """

    name: str
    hidden: tuple[images.Image, ...] = ()
    shown: tuple[images.Image, ...] = ()

    def __iter__(self) -> Iterator[images.Image]:
        seen = set()
        # One that was shown between the two listings is in both.
        for image in (*self.shown, *self.hidden):
            if image.id not in seen:
                seen.add(image.id)
                yield image

    def get(self, image_id: str | None) -> images.Image | None:
        """Return one of them, or None.

        :param image_id: its id.
        """
        for image in self:
            if image.id == image_id:
                return image
        return None

    @property
    def records(self) -> list[artifact.ImageRecord]:
        """The records of those that are registered."""
        return [
            glance_records.record(image)
            for image in self
            if glance_records.is_registered(image)
        ]

    @property
    def intents(self) -> list[tuple[images.Image, glance_intents.Intent]]:
        """Who is changing which of them."""
        return [
            (image, intent)
            for image in self
            for intent in glance_intents.of(image)
        ]

    def handed_over(self, action: str) -> list[images.Image]:
        """Return the images that were hidden for a change.

        It is one, but for when somebody has shown another one by hand.

        :param action: the change.
        """
        return [
            image
            for image in self
            if action in glance_intents.handovers(image)
        ]

    @property
    def orphans(self) -> list[tuple[images.Image, str]]:
        """Images that were hidden for a change, the latest current one first.

        Each is with the change.
        """
        found = [
            (image, action)
            for image in self
            for action in glance_intents.handovers(image)
        ]

        def since(one: tuple[images.Image, str]) -> tuple[str, str]:
            promoted = one[0].properties.get(glance_records.PROMOTED_AT, '')
            return promoted, one[0].id

        return sorted(found, key=since, reverse=True)


def look(client: images.Images, project: str, name: str) -> Family:
    """Return the images of a name.

    The hidden ones are asked for first: an image that is shown meanwhile is
    then seen twice, and never missed.

    :param client: the image service.
    :param project: the id of the project that they belong to.
    :param name: the final name.
    """
    wanted = {glance_records.NAME: name}
    found = {
        hidden: tuple(
            image
            for image in client.find(
                hidden=hidden, properties=wanted, owner=project
            )
            if glance_records.is_ours(image)
        )
        for hidden in (True, False)
    }
    return Family(name=name, hidden=found[True], shown=found[False])


def names(client: images.Images, project: str) -> list[str]:
    """Return the names of images that somebody left half done.

    :param client: the image service.
    :param project: the id of the project.
    """
    shown: set[str] = set()
    found: set[str] = set()
    for hidden in (True, False):
        for image in client.find(hidden=hidden, owner=project):
            if not glance_records.is_ours(image):
                continue
            name = image.properties[glance_records.NAME]
            if any(glance_intents.keys(image, one) for one in _MARKS):
                found.add(name)
            if not image.hidden:
                if name in shown:
                    found.add(name)
                shown.add(name)
    return sorted(found)


def check_alone(
    client: images.Images, project: str, name: str, *, force: bool
) -> list[str]:
    """Refuse a name that users get another image by.

    :param client: the image service.
    :param project: the id of the project.
    :param name: the final name.
    :param force: take public and shared ones of other projects as they are.
    :returns: which there are, one line each.
    :raises StateConflict: with each of them, and what to do about it.
    """
    own, others = _strangers(client, project, name)
    if own:
        raise exceptions.StateConflict(
            f'{name}: there is an image of that name already, made by hand: '
            + ', '.join(image.id for image in own),
            hint=f'take it in: `image-pipeline image adopt {own[0].id} '
            f'--name {name}`; or hide it: `openstack image set --hidden '
            f'{own[0].id}`',
        )
    if others and not force:
        raise exceptions.StateConflict(
            f'{name}: another project has a visible image of that name: '
            + ', '.join(f'{one.id} ({one.visibility})' for one in others),
            hint='choose another name; or say that users are to tell them '
            'apart by their ids: --force',
        )
    return [
        f'{image.visibility} image {image.id} of project {image.owner} has '
        f'the name {name}, too'
        for image in others
    ]


def made_meanwhile(
    client: images.Images, project: str, name: str
) -> list[str]:
    """Return which images somebody has made by hand under a name.

    :param client: the image service.
    :param project: the id of the project.
    :param name: the final name.
    :returns: one line each.
    """
    own, _ = _strangers(client, project, name)
    return [
        f'somebody has made image {image.id} of the name {name} by hand '
        'meanwhile: users see both'
        for image in own
    ]


def _strangers(
    client: images.Images, project: str, name: str
) -> tuple[list[images.Image], list[images.Image]]:
    """Return what users see by a name: of this project, and of others."""
    own, others = [], []
    for image in client.find(hidden=False, name=name):
        if glance_records.is_ours(image) and (
            image.properties[glance_records.NAME] == name
        ):
            continue
        if image.owner == project:
            own.append(image)
        elif image.visibility == 'public' or _accepted(client, image, project):
            others.append(image)
    return own, others


def _accepted(
    client: images.Images, image: images.Image, project: str
) -> bool:
    """Tell whether an image of others is shared with us, and in listings."""
    if image.visibility != 'shared':
        return False
    return any(
        member.project == project and member.status == 'accepted'
        for member in client.members(image.id)
    )
