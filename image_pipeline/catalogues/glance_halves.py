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

"""Images in Glance whose registration has not come to its end.

Each says who is making it, on which host, and until when that may take
(:mod:`image_pipeline.clouds.marks`).  A dead run's are taken away by whoever
comes next; those of live runs, of this host and of others, are left alone.
"""

import contextlib
import datetime
import logging
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.catalogues import glance_records
from image_pipeline.clouds import images, marks
from image_pipeline.store import runs

LOG = logging.getLogger(__name__)

#: How long an upload may take before other hosts count it as dead: hours,
#: and as much as a link of this many bytes a second needs.
_HOURS = 6
_SLOWEST = 1 << 20


def own_marks(run_id: str, state_dir: Path, size: int) -> marks.Marks:
    """Return the marks of an image that this run is about to make.

    :param run_id: the run.
    :param state_dir: the state folder.
    :param size: bytes of the file.
    """
    return marks.make(
        run_id,
        marks.host_id(state_dir),
        seconds=_HOURS * 3600 + size // _SLOWEST,
    )


def dead(
    found: marks.Marks,
    state_dir: Path,
    *,
    now: datetime.datetime | None = None,
) -> bool:
    """Tell whether the run that marked a thing cannot be at it any more.

    A run of this host is asked by its lock.  One that the state folder does
    not know is another host's, or another user's: only time tells.

    :param found: the marks.
    :param state_dir: the state folder.
    :param now: with a time zone; None is now.
    """
    if found.host_id == marks.host_id(state_dir):
        folder = state_dir / 'runs' / Path(found.run_id).name
        if folder.is_dir():
            return not runs.Run(folder).alive()
    return found.expired(now or datetime.datetime.now(datetime.UTC))


def find(
    client: images.Images, project: str, *, name: str | None = None
) -> list[images.Image]:
    """Return the images that are on their way, of whatever run.

    :param client: the image service.
    :param project: the id of the project.
    :param name: only those of this final name.
    """
    found = []
    for step in (glance_records.SENDING, glance_records.CLAIMING):
        wanted = {glance_records.UPLOAD: step}
        if name is not None:
            wanted[glance_records.NAME] = name
        found += client.find(hidden=True, properties=wanted, owner=project)
    return [one for one in found if glance_records.is_under_way(one)]


def left(
    client: images.Images, project: str, state_dir: Path
) -> list[tuple[images.Image, str]]:
    """Return what dead runs have left half made.

    :param client: the image service.
    :param project: the id of the project.
    :param state_dir: the state folder.
    :returns: each image, and a line about it.
    """
    found = []
    for image in find(client, project):
        whose = marks.from_properties(image.properties)
        if whose is not None and dead(whose, state_dir):
            line = (
                f'the half registered image {image.id} ({image.name}) of run '
                f'{whose.run_id}'
            )
            found.append((image, line))
    return found


def sweep(client: images.Images, project: str, state_dir: Path) -> list[str]:
    """Take away what dead runs have left half made.

    :param client: the image service.
    :param project: the id of the project.
    :param state_dir: the state folder.
    :returns: what was taken away, a line each.
    """
    done = []
    for image, line in left(client, project, state_dir):
        if drop(client, image.id):
            LOG.info('removed %s', line)
            done.append(f'removed {line}')
    return done


def drop(client: images.Images, image_id: str) -> bool:
    """Delete an image that never was registered; look once more before.

    :param client: the image service.
    :param image_id: the image.
    :returns: whether it was there, and has been deleted.
    """
    with contextlib.suppress(exceptions.NotFound):
        # Its run may have ended well between the look and now.
        if glance_records.is_under_way(client.get(image_id)):
            client.delete(image_id)
            return True
    return False
