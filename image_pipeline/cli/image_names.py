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

import datetime
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from image_pipeline import artifact, exceptions

if TYPE_CHECKING:
    from image_pipeline.catalogues import base as catalogue_base

#: For the help of commands; what a name alone means follows.
HELP = 'an id or a digest, the beginning of one (8 characters), or a name'
_SHORTEST = 8


def find(
    catalogue: 'catalogue_base.Catalogue',
    text: str,
    *,
    first: artifact.ImageState,
) -> artifact.ImageRecord:
    """Return the image that a user means.

    :param catalogue: where to look.
    :param text: an id or a digest, the beginning of one, a candidate's or a
        final name.
    :param first: of several images of a name, one in this state comes first,
        then the newest one in service.
    :raises NotFound: there is none.
    :raises InvalidInput: there are several.
    """
    images = list(catalogue.list_images())
    by_id = _by_id(images, text)
    if by_id:
        return _single(by_id, text, first)
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


def by_id(
    catalogue: 'catalogue_base.Catalogue', text: str
) -> artifact.ImageRecord:
    """Return the image of an id or a digest; a name is not enough.

    :param catalogue: where to look.
    :param text: an id or a digest, or the beginning of one.
    :raises NotFound: there is none.
    :raises InvalidInput: there are several, or it is a name.
    """
    images = list(catalogue.list_images())
    found = _by_id(images, text)
    if found:
        return _single(found, text, artifact.ImageState.CURRENT)
    where = f'at target "{catalogue.target.name}"'
    if any(text in (image.final_name, image.name) for image in images):
        raise exceptions.InvalidInput(
            f'{text} is a name, and may be that of several images {where}',
            hint=f'give an id: `image-pipeline image list {text}`',
        )
    raise exceptions.NotFound(
        f'there is no image {text} {where}',
        hint=exceptions.did_you_mean(text, [image.id for image in images])
        or '`image-pipeline image list` shows those that are there',
    )


def of_name(
    catalogue: 'catalogue_base.Catalogue', name: str, text: str
) -> artifact.ImageRecord:
    """Return an image of a name.

    :param catalogue: where to look.
    :param name: its final name.
    :param text: its id or digest, or the beginning of one.
    :raises NotFound: there is none.
    :raises InvalidInput: there are several.
    """
    images = list(catalogue.list_images())
    of_it = [image for image in images if image.final_name == name]
    found = _by_id(of_it, text)
    if found:
        return _single(found, text, artifact.ImageState.CANDIDATE)
    where = f'at target "{catalogue.target.name}"'
    others = {image.final_name for image in _by_id(images, text)}
    if others:
        raise exceptions.InvalidInput(
            f'{text} is no image of {name} {where}, but of '
            + ', '.join(sorted(others))
        )
    known = {image.final_name for image in images}
    raise exceptions.NotFound(
        f'there is no image {text} of {name} {where}',
        hint=(exceptions.did_you_mean(name, known) if not of_it else None)
        or f'`image-pipeline image list {name}` shows those that are there',
    )


def _by_id(
    images: Sequence[artifact.ImageRecord], text: str
) -> list[artifact.ImageRecord]:
    """Return the images of an id or digest, or of the beginning of one."""
    found = [image for image in images if image.id == text]
    digest = text.removeprefix('sha256:')
    if not found and len(digest) >= _SHORTEST:
        found = [
            image
            for image in images
            if image.id.startswith(text) or image.sha256.startswith(digest)
        ]
    return found


def _single(
    found: Sequence[artifact.ImageRecord],
    text: str,
    first: artifact.ImageState,
) -> artifact.ImageRecord:
    """Return the one that is meant; of the same content the one in use."""
    if len({image.sha256 or image.id for image in found}) > 1 or (
        len({image.final_name for image in found}) > 1
    ):
        raise exceptions.InvalidInput(
            f'{len(found)} images have an id or digest that begins with '
            f'"{text}"',
            hint='give more of it',
        )
    in_service = [
        image for image in found if image.state != artifact.ImageState.RETIRED
    ] or list(found)
    return next(
        (one for one in in_service if one.state == first), in_service[0]
    )


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
