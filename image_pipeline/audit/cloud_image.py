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


"""Judge an image of a cloud by what is in it."""

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from image_pipeline import exceptions
from image_pipeline.audit import listing, report, runner, subjects
from image_pipeline.audit import profile as audit_profile
from image_pipeline.audit import waiver as audit_waiver
from image_pipeline.clouds import images
from image_pipeline.disk import reader, remote
from image_pipeline.host import cancellation

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CloudImage:
    """An image of a cloud, to be read.

    :param client: the cloud's image service.
    :param image: the image; its data is there.
    :param folder: on this host, for what is read.
    :param cancelled: stops reading.
    :param progress: told of the bytes of a download.
    """

    client: images.Images
    image: images.Image
    folder: Path
    cancelled: cancellation.CancellationToken
    progress: Callable[[int], object] | None = None

    def run(
        self,
        profile: audit_profile.Profile,
        waived: Iterable[audit_waiver.Waiver],
        *,
        registered: subjects.RegisteredImageView,
        listed: listing.ListedImageView,
        shown_as: Path,
    ) -> report.Report:
        """Report what all rules say of it.

        What the rules need is read; all of it where the cloud does not give
        parts, or the format is not read in parts.

        :param profile: the rules.
        :param waived: the waivers.
        :param registered: its properties, and its record in a catalogue.
        :param listed: what the cloud lists of it.
        :param shown_as: what the report and waivers call it.
        :raises ImageUnreadable: it is no image that may be read.
        :raises PipelineError: the cloud does not give it.
        """
        judge = functools.partial(
            runner.run,
            profile=profile,
            waived=tuple(waived),
            registered=registered,
            listed=listed,
            shown_as=shown_as,
            # What others get is what the cloud gives them.
            published=False,
        )
        with remote.RemoteFile(
            self._read,
            self.image.size or 0,
            folder=self.folder,
            name=str(shown_as),
        ) as file:
            whole = not self.client.ranges(self.image.id)
            if whole:
                LOG.warning(
                    '%s: the cloud gives no parts of it; it is downloaded',
                    shown_as,
                )
                file.take(self._download)
            try:
                found = judge(shown_as, source=file)
            except reader.NotRemote:
                if not whole:
                    whole = True
                    file.take(self._download)
                found = judge(file.path)
            except exceptions.ImageUnreadable:
                if file.failure is not None:
                    raise file.failure from None
                raise
            if file.failure is not None:
                raise file.failure
            return dataclasses.replace(
                found,
                reading=report.Reading(
                    bytes=file.fetched,
                    size=file.size,
                    digest_checked=whole and bool(self.image.hash_value),
                ),
            )

    def _read(self, offset: int, length: int) -> bytes:
        self.cancelled.check()
        return self.client.read(self.image.id, offset, length)

    def _download(self, file: BinaryIO) -> int:
        return self.client.download(
            self.image.id,
            file,
            progress=self.progress,
            cancelled=self.cancelled.check,
        )
