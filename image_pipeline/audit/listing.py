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


"""Images as a cloud lists them, for rules about those.

Nothing of an image's content is needed, nor that the pipeline made it: this
is what a listing tells, to whoever may see it.
"""

import dataclasses
import datetime
import functools
from collections.abc import Mapping

from image_pipeline.audit import rule
from image_pipeline.clouds import images as cloud_images
from image_pipeline.clouds import marks

#: What the Glance catalogue keeps in an image's properties; it has the same
#: names, and a test compares them.  Nova copies properties to each snapshot of
#: a server, so an image is the pipeline's only if it has its own id.
ID = 'image_pipeline_id'
STATE = 'image_pipeline_state'
NAME = 'image_pipeline_name'
SWAP = 'image_pipeline_swap'
OURS = 'image_pipeline_'
#: Nova sets it on the image of a server: etc/metadefs, compute-… image_type.
_SNAPSHOTS = frozenset({'snapshot', 'backup'})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listing:
    """All images that somebody sees in a cloud.

    :param images: all of them, hidden ones too.
    :param project: id of the project of whoever looks.
    :param now: the time to judge by, in UTC.
    :param store_kinds: such as ``rbd``, by the store's id, as far as told.
    """

    images: tuple[cloud_images.Image, ...]
    project: str | None
    now: datetime.datetime
    store_kinds: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def by_name(self) -> Mapping[str, tuple[cloud_images.Image, ...]]:
        """Images that are found by a name, as `server create` looks it up.

        Hidden images are not, nor those that others offer to the community.
        """
        found: dict[str, list[cloud_images.Image]] = {}
        for one in self.images:
            foreign = one.owner != self.project
            if one.hidden or (foreign and one.visibility == 'community'):
                continue
            # An administrator's listing has the private ones of everybody.
            if foreign and one.visibility == 'private':
                continue
            if one.name:
                found.setdefault(one.name, []).append(one)
        return {name: tuple(alike) for name, alike in found.items()}

    @functools.cached_property
    def by_final_name(self) -> Mapping[str, tuple[cloud_images.Image, ...]]:
        """Images of the pipeline, by the name that users ask for."""
        found: dict[str, list[cloud_images.Image]] = {}
        for one in self.images:
            name = one.properties.get(NAME)
            if name and state(one):
                found.setdefault(name, []).append(one)
        return {name: tuple(alike) for name, alike in found.items()}

    @functools.cached_property
    def ids(self) -> frozenset[str]:
        """The ids of all images."""
        return frozenset(one.id for one in self.images)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListedImageView:
    """An image as a cloud lists it, among the others.

    :param image: the image.
    :param listing: all of them.
    """

    image: cloud_images.Image
    listing: Listing

    @property
    def properties(self) -> dict[str, str]:
        """What is said of it: properties, min_disk and min_ram."""
        return properties(self.image)

    @property
    def is_own(self) -> bool:
        """Whether it belongs to the project of whoever looks."""
        return self.image.owner == self.listing.project

    @property
    def state(self) -> str | None:
        """Its state in the pipeline; None of an image from elsewhere."""
        return state(self.image)

    @property
    def marks(self) -> marks.Marks | None:
        """Which run is making it; None of an image from elsewhere."""
        if not is_ours(self.image):
            return None
        return marks.from_properties(self.image.properties)

    @property
    def is_active(self) -> bool:
        """Whether its data is there, and may be had."""
        return self.image.status == 'active'

    @property
    def is_snapshot(self) -> bool:
        """Whether Nova made it of a server."""
        return self.image.properties.get('image_type') in _SNAPSHOTS

    @property
    def age(self) -> datetime.timedelta | None:
        """For how long it has been there."""
        if self.image.created_at is None:
            return None
        return self.listing.now - self.image.created_at

    def need_image(self) -> None:
        """See that it is an image to start servers from, with its data.

        :raises NotApplicable: it is a server's, or its data is not there.
        """
        if self.is_snapshot:
            raise rule.NotApplicable('it is a snapshot of a server')
        if self.image.status not in {'active', 'deactivated'}:
            raise rule.NotApplicable(f'it is {self.image.status}, not active')


def is_ours(image: cloud_images.Image) -> bool:
    """Tell whether the pipeline made an image.

    :param image: the image.
    """
    return image.properties.get(ID) == image.id


def state(image: cloud_images.Image) -> str | None:
    """Return the state of an image of the pipeline; None of others.

    :param image: the image.
    """
    return image.properties.get(STATE) if is_ours(image) else None


def properties(image: cloud_images.Image) -> dict[str, str]:
    """Return what is said of an image, without what is the pipeline's own.

    :param image: the image.
    :returns: its properties; min_disk and min_ram among them if they say
        something.
    """
    found = {
        key: value
        for key, value in image.properties.items()
        if not key.startswith(OURS) and not key.startswith('os_glance')
    }
    for key, number in (
        ('min_disk', image.min_disk),
        ('min_ram', image.min_ram),
    ):
        if number:
            found[key] = str(number)
    return found
