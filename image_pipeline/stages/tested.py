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

"""Keep with an image what its smoke test found out."""

import logging

from image_pipeline import artifact
from image_pipeline.catalogues import base as catalogue_base
from image_pipeline.catalogues import states

LOG = logging.getLogger(__name__)


def note(
    catalogue: catalogue_base.Catalogue, image: artifact.ImageRecord, ram: int
) -> None:
    """Keep that an image passed, and let it ask for that much memory.

    What a person said of the memory stays.

    :param catalogue: where it is registered.
    :param image: what was booted.
    :param ram: MiB that it was booted with.
    """
    said = image.properties.get(states.MIN_RAM)
    changes: dict[str, str | None] = {}
    if said is None or said == str(image.tested_ram):
        changes[states.MIN_RAM] = str(ram)
    elif said.isdecimal() and int(said) < ram:
        LOG.warning(
            '%s: min_ram is %s MiB, but it was tested with %d: nobody knows '
            'that it boots with less; set memory_mib of the smoke test to '
            '%s, or leave min_ram out',
            image.name,
            said,
            ram,
            said,
        )
    catalogue.set_properties(
        image.id,
        changes,
        tested=catalogue_base.Tested(sha256=image.sha256, ram=ram),
    )
