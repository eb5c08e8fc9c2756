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

"""What a user means by the name or id of an image."""

import argparse
import datetime
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from image_pipeline import artifact, exceptions

if TYPE_CHECKING:
    from image_pipeline.catalogues import base as catalogue_base
    from image_pipeline.conf import settings as conf_settings

LOG = logging.getLogger(__name__)

#: For the help of commands; what a name alone means follows.
HELP = 'an id, the beginning of one (8 characters), or a name'
_SHORTEST = 8


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the option that says whose catalogue is meant.

    :param parser: the command's.
    """
    parser.add_argument(
        '--target',
        metavar='TARGET',
        default='local',
        help='whose catalogue (default: local)',
    )


def open_catalogue(
    settings: 'conf_settings.Settings', name: str
) -> 'catalogue_base.Catalogue':
    """Return a target's catalogue, with nothing half done in it.

    :param settings: the site's settings.
    :param name: the target's name.
    :raises NotFound: there is no such target.
    """
    from image_pipeline.catalogues import registry

    target = settings.targets.get(name)
    if target is None:
        raise exceptions.NotFound(
            f'there is no target "{name}"',
            hint=exceptions.did_you_mean(name, settings.targets)
            or f'targets are {", ".join(sorted(settings.targets))}',
        )
    catalogue = registry.load(target, settings.state_dir)
    for line in catalogue.recover():
        LOG.warning('%s: %s', name, line)
    return catalogue


def find(
    catalogue: 'catalogue_base.Catalogue',
    text: str,
    *,
    first: artifact.ImageState,
) -> artifact.ImageRecord:
    """Return the image that a user means.

    :param catalogue: where to look.
    :param text: an id, the beginning of one, a candidate's or a final name.
    :param first: of several images of a name, one in this state comes first,
        then the newest one in service.
    :raises NotFound: there is none.
    :raises InvalidInput: there are several.
    """
    images = list(catalogue.list_images())
    by_id = _by_id(images, text)
    if by_id is not None:
        return by_id
    named = [image for image in images if text == image.final_name]
    # A candidate's own name tells which one.
    named = named or [image for image in images if text == image.name]
    in_service = [
        image for image in named if image.state != artifact.ImageState.RETIRED
    ]
    for image in in_service:
        if image.state == first:
            return image
    if first == artifact.ImageState.CANDIDATE and in_service:
        return _without_candidate(in_service, text)
    if named:
        return (in_service or named)[0]
    known = {image.final_name for image in images}
    raise exceptions.NotFound(
        f'there is no image "{text}" at target "{catalogue.target.name}"',
        hint=exceptions.did_you_mean(text, known)
        or '`image-pipeline image list` shows those that are there',
    )


def chosen(
    catalogue: 'catalogue_base.Catalogue',
    texts: Sequence[str],
    *,
    keep: int | None,
    older_than: int | None,
    delete: bool,
) -> Iterator[tuple[artifact.ImageRecord, str | None]]:
    """Give the images to retire, and why each; see ``image retire``.

    :param catalogue: where to look.
    :param texts: ids and names; none: every name.
    :param keep: former images that stay; None: as the target says.
    :param older_than: days.
    :param delete: whether retired ones are chosen too.
    :raises NotFound: there is no such image.
    """
    from image_pipeline.catalogues import policy

    images = list(catalogue.list_images())
    names = {image.final_name for image in images}
    by_policy = policy.Policy(
        keep=catalogue.target.keep if keep is None else keep,
        older_than=older_than,
        delete=delete,
    ).choose(images, now=datetime.datetime.now(datetime.UTC))
    if not texts:
        yield from by_policy
    # All names are looked up before anything is done.
    single = {
        text: find(catalogue, text, first=artifact.ImageState.CANDIDATE)
        for text in texts
        if text not in names
    }
    for text in texts:
        if text in single:
            yield single[text], None
            continue
        for image, why in by_policy:
            if image.final_name == text:
                yield image, why


def _by_id(
    images: Sequence[artifact.ImageRecord], text: str
) -> artifact.ImageRecord | None:
    found = [image for image in images if image.id == text]
    if not found and len(text) >= _SHORTEST:
        found = [image for image in images if image.id.startswith(text)]
    if len(found) > 1:
        raise exceptions.InvalidInput(
            f'{len(found)} images have an id that begins with "{text}"',
            hint='give more of it',
        )
    return found[0] if found else None


def _without_candidate(
    images: Sequence[artifact.ImageRecord], text: str
) -> artifact.ImageRecord:
    """Return the current image if nothing newer waits to be promoted."""
    for image in images:
        if image.state == artifact.ImageState.CURRENT:
            return image
    raise exceptions.StateConflict(
        f'{text}: no image waits to be promoted',
        hint='name one by its id: `image-pipeline image list`',
    )
