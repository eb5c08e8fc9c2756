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

"""Delete an image, but not the memory of what was rejected."""

import contextlib

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    glance_desk,
    glance_family,
    glance_records,
)
from image_pipeline.clouds import images

_STATE = artifact.ImageState
#: How many digests are remembered with an image.
_MOST = 100


def delete(desk: glance_desk.Desk, image: images.Image) -> None:
    """Delete an image of the pipeline.

    If it was rejected, another image of its name keeps its digest, so that
    the same content is not taken for a new candidate one day.

    :param desk: the desk.
    :param image: the image, as it was seen last.
    """
    known = glance_records.rejects(image)
    sha256 = image.properties.get(glance_records.SHA256)
    if sha256 and glance_records.REJECTED in image.properties:
        known = [*known, sha256]
    if known:
        family = desk.look(image.properties[glance_records.NAME])
        heir = _heir(family, image.id)
        if heir is not None:
            kept = dict.fromkeys([*glance_records.rejects(heir), *known])
            desk.client.patch(
                heir.id,
                {glance_records.REJECTS: ' '.join(list(kept)[-_MOST:])},
            )
    if image.protected:
        desk.client.patch(image.id, {'protected': False})
    # A request that was repeated after a silence finds it gone.
    with contextlib.suppress(exceptions.NotFound):
        desk.client.delete(image.id)


def _heir(family: glance_family.Family, image_id: str) -> images.Image | None:
    """Return the image of the name that is likely to stay the longest."""
    others = [
        image
        for image in family
        if image.id != image_id and glance_records.is_registered(image)
    ]

    def rank(image: images.Image) -> tuple[bool, str]:
        record = glance_records.record(image)
        return record.state == _STATE.CURRENT, record.created_at

    return max(others, key=rank, default=None)
