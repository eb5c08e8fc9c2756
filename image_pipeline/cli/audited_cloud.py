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


"""Which images of a cloud ``audit`` judges, and how."""

import argparse
import dataclasses
import datetime
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from image_pipeline import artifact, exceptions

if TYPE_CHECKING:
    from image_pipeline.audit import listing, profile, report, waiver
    from image_pipeline.clouds import images
    from image_pipeline.conf import settings as conf_settings
    from image_pipeline.host import cancellation

LOG = logging.getLogger(__name__)
_STATE = artifact.ImageState
#: What a default listing does not show of others.
_UNLISTED = frozenset({'community', 'all'})
_SHORTEST = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Content:
    """How images are read, where that is asked for.

    :param folder: on this host, for what is read.
    :param cancelled: stops reading.
    :param progress: told of the name, the bytes so far, and all.
    """

    folder: Path
    cancelled: 'cancellation.CancellationToken'
    progress: Callable[[str, int, int], object] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuditedInCloud:
    """One image of a cloud to be judged.

    :param target: the target's name.
    :param image: the image.
    :param listing: all images that one sees there.
    :param records: those of the pipeline.
    :param client: the cloud's image service.
    :param content: how to read it; None: its metadata is judged.
    """

    target: str
    image: 'images.Image'
    listing: 'listing.Listing'
    records: tuple[artifact.ImageRecord, ...]
    client: 'images.Images'
    content: Content | None = None

    @property
    def shown_as(self) -> Path:
        """What the report calls it; a waiver is about the last part."""
        name = self.image.name or self.image.id
        return Path(
            self.target,
            self.image.id,
            f'{name.replace("/", "_")}.{self.image.disk_format or "unknown"}',
        )

    def judge(
        self,
        chosen: 'profile.Profile',
        waived: 'Sequence[waiver.Waiver]',
    ) -> 'report.Report':
        """Judge it.

        :param chosen: the profile.
        :param waived: the waivers.
        :raises ImageUnreadable: it is no image that may be read.
        :raises PipelineError: the cloud does not give it.
        """
        from image_pipeline.audit import (
            cloud_image,
            listing,
            runner,
            subjects,
        )

        record = next(
            (one for one in self.records if one.id == self.image.id), None
        )
        registered = (
            subjects.RegisteredImageView(
                name=self.image.name or '',
                properties=listing.properties(self.image),
            )
            if record is None
            else subjects.RegisteredImageView.of(record, self.records)
        )
        listed = listing.ListedImageView(
            image=self.image, listing=self.listing
        )
        if self.content is not None and self.image.status == 'active':
            return cloud_image.CloudImage(
                client=self.client,
                image=self.image,
                folder=self.content.folder,
                cancelled=self.content.cancelled,
                progress=self._progress,
            ).run(
                chosen,
                waived,
                registered=registered,
                listed=listed,
                shown_as=self.shown_as,
            )
        return runner.run_metadata(
            chosen,
            waived,
            registered=registered,
            listed=listed,
            shown_as=self.shown_as,
            format_=self.image.disk_format or 'unknown',
            virtual_size=self.image.virtual_size or 0,
        )

    def _progress(self, done: int) -> None:
        if self.content is not None and self.content.progress is not None:
            self.content.progress(
                str(self.shown_as), done, self.image.size or 0
            )


def choose(
    parsed_args: argparse.Namespace,
    target: 'conf_settings.Target',
    content: Content | None,
) -> Iterator[AuditedInCloud]:
    """Give the images of a cloud that a user asked for.

    :param parsed_args: the command's.
    :param target: a target with a cloud.
    :param content: how to read them; None: their metadata is judged.
    :raises NotFound: there is no such image.
    :raises PipelineError: the cloud does not list them.
    """
    from image_pipeline.audit import listing as audit_listing
    from image_pipeline.catalogues import glance_records
    from image_pipeline.clouds import cloud as cloud_module

    cloud = cloud_module.open_cloud(target)
    client = cloud.images
    wanted = set(parsed_args.visibility)
    everything = client.find(visibility='all' if wanted & _UNLISTED else None)
    named = _Named(client, everything)
    chosen = [one for text in parsed_args.images for one in named.find(text)]
    listing = audit_listing.Listing(
        images=tuple(everything),
        project=cloud.project_id,
        now=datetime.datetime.now(datetime.UTC),
        store_kinds=_store_kinds(client),
    )
    if not parsed_args.images:
        chosen = [
            one
            for one in everything
            if _is_asked_for(one, listing, parsed_args.all, wanted)
        ]
    records = tuple(
        glance_records.record(one)
        for one in everything
        if glance_records.is_registered(one)
    )
    for image in sorted(chosen, key=lambda one: (one.name or '', one.id)):
        yield AuditedInCloud(
            target=target.name,
            image=image,
            listing=listing,
            records=records,
            client=client,
            content=content,
        )


class _Named:
    """Find images by what a user calls them.

    :param client: for those that no listing shows.
    :param known: the images of the listing.
    """

    def __init__(
        self, client: 'images.Images', known: 'list[images.Image]'
    ) -> None:
        self._client = client
        self._known = known

    def find(self, text: str) -> 'list[images.Image]':
        """Return the images that are meant; of a name, all that have it.

        :param text: an id, the beginning of one, or a name.
        :raises NotFound: there is none.
        """
        from image_pipeline.audit import listing

        for alike in (
            [one for one in self._known if one.id == text],
            [one for one in self._known if one.name == text],
            [
                one
                for one in self._known
                if listing.is_ours(one)
                and one.properties.get(listing.NAME) == text
            ],
            [
                one
                for one in self._known
                if len(text) >= _SHORTEST and one.id.startswith(text)
            ],
        ):
            if alike:
                return alike
        try:
            found = self._client.get(text)
        except exceptions.NotFound as exc:
            names = [one.name for one in self._known if one.name]
            raise exceptions.NotFound(
                f'there is no image "{text}" that this user may see',
                hint=exceptions.did_you_mean(text, names)
                or '--all judges all of the project',
            ) from exc
        # The rules look for it among the others.
        self._known.append(found)
        return [found]


def _is_asked_for(
    image: 'images.Image',
    listing: 'listing.Listing',
    everything: bool,
    visibilities: set[str],
) -> bool:
    from image_pipeline.audit import listing as audit_listing

    state = audit_listing.state(image)
    if visibilities and (
        'all' in visibilities or image.visibility in visibilities
    ):
        return state != _STATE.RETIRED
    if image.owner != listing.project:
        return False
    if everything:
        return state != _STATE.RETIRED
    return not visibilities and state == _STATE.CURRENT


def _store_kinds(client: 'images.Images') -> dict[str, str]:
    """Return what stores are, as far as this user may know."""
    try:
        found = client.stores()
    except exceptions.PipelineError as exc:
        LOG.debug('the stores are not told: %s', exc)
        return {}
    return {one.id: one.kind for one in found if one.kind}
