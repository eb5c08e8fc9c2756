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

"""The states of images and how they change: values only, no catalogue.

Every catalogue decides by these functions, so that all of them agree; what
each has to do is to make the change at once, and to survive a kill.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base

_STATE = artifact.ImageState
_SHORT = 8
#: Beginnings of property keys that are not for people: the pipeline's own
#: record of an image, and what Glance's API refuses to set.
RESERVED = ('image_pipeline_', 'os_glance')
#: The least memory of an instance, in MiB.
MIN_RAM = 'min_ram'


def candidate(
    image: artifact.Artifact,
    *,
    image_id: str,
    name: str,
    recipe: str,
    run_id: str,
    properties: Mapping[str, str],
    tags: Sequence[str],
    created_at: str,
    rejected: bool,
) -> artifact.ImageRecord:
    """Return the record of an image that is new: private and hidden.

    :param image: the file; kind ``image``.
    :param image_id: the catalogue's id for it.
    :param name: the name that it is to have when it is current.
    :param recipe: the recipe's name.
    :param run_id: the run.
    :param properties: image properties.
    :param tags: tags.
    :param created_at: ISO 8601, UTC.
    :param rejected: whether this content was rolled back before.
    """
    sha256 = image.digest.removeprefix('sha256:')
    return artifact.ImageRecord(
        id=image_id,
        name=f'{name}.candidate-{sha256[:_SHORT]}',
        final_name=name,
        state=_STATE.REJECTED if rejected else _STATE.CANDIDATE,
        sha256=sha256,
        sha512=image.properties['sha512'],
        size=image.size,
        virtual_size=image.properties['virtual_size'],
        format=image.properties['format'],
        visibility='private',
        hidden=True,
        created_at=created_at,
        run_id=run_id,
        recipe=recipe,
        properties=dict(properties),
        tags=tuple(tags),
        reason='the same content was rolled back before' if rejected else None,
    )


def updated(
    record: artifact.ImageRecord,
    *,
    properties: Mapping[str, str],
    tags: Sequence[str],
) -> artifact.ImageRecord:
    """Return what registering the same content again makes of an image.

    The least memory stays if a smoke test found it out: the content is the
    same, so nothing else would be found out now.

    :param record: the image that is there.
    :param properties: image properties.
    :param tags: tags.
    """
    kept = {}
    if record.tested_ram is not None:
        found_out = str(record.tested_ram)
        if record.properties.get(MIN_RAM) == found_out:
            kept[MIN_RAM] = found_out
    return dataclasses.replace(
        record, properties={**kept, **properties}, tags=tuple(tags)
    )


def changed(
    record: artifact.ImageRecord,
    properties: Mapping[str, str | None],
    tested: base.Tested | None = None,
) -> artifact.ImageRecord:
    """Return what a change of properties makes of an image.

    :param record: the image.
    :param properties: the new values; None takes a property away.
    :param tested: what a smoke test found out; None leaves what is known.
    :raises InvalidInput: a key is reserved.
    """
    for key in sorted(properties):
        if not key or key.startswith(RESERVED):
            raise exceptions.InvalidInput(
                f'the property "{key}" is reserved',
                hint=f'properties that begin with {" or ".join(RESERVED)} '
                'are set by the pipeline and by Glance',
            )
    merged = {**record.properties, **properties}
    if tested is not None:
        record = dataclasses.replace(
            record, tested_sha256=tested.sha256, tested_ram=tested.ram
        )
    return dataclasses.replace(
        record,
        properties={
            key: value for key, value in merged.items() if value is not None
        },
    )


def listed(
    records: Iterable[artifact.ImageRecord],
    *,
    name: str | None,
    states: Sequence[artifact.ImageState],
) -> list[artifact.ImageRecord]:
    """Return images as catalogues list them: the newest first.

    :param records: the catalogue's images.
    :param name: only those of this final name.
    :param states: only those in one of these states; none means all.
    """
    return [
        record
        for record in sorted(
            records, key=lambda one: (one.created_at, one.id), reverse=True
        )
        if name in (None, record.final_name)
        and (not states or record.state in states)
    ]


def same_content(
    records: Iterable[artifact.ImageRecord],
    image: artifact.Artifact,
    name: str,
) -> artifact.ImageRecord | None:
    """Return the image that a file is registered as, or None.

    A retired image does not come back: the same content is a new candidate.

    :param records: the catalogue's images.
    :param image: the file.
    :param name: the final name.
    """
    sha256 = image.digest.removeprefix('sha256:')
    sha512 = image.properties['sha512']
    for record in records:
        # Of an adopted image nobody may know the one, but the other.
        same = (
            record.sha256 == sha256
            if record.sha256
            else record.sha512 == sha512
        )
        if (
            record.final_name == name
            and same
            and record.format == image.properties['format']
            and record.state != _STATE.RETIRED
        ):
            return record
    return None


def current(
    records: Iterable[artifact.ImageRecord], name: str
) -> artifact.ImageRecord | None:
    """Return the current image of a name, or None.

    :param records: the catalogue's images.
    :param name: the final name.
    """
    for record in records:
        if record.final_name == name and record.state == _STATE.CURRENT:
            return record
    return None


def promote(
    record: artifact.ImageRecord,
    former: artifact.ImageRecord | None,
    *,
    visibility: str,
    reason: str | None,
    force: bool,
    now: str,
) -> base.Swap:
    """Return what a promotion makes of two images.

    :param record: the image to promote; it is not current.
    :param former: the current one of its name, or None.
    :param visibility: what the current image gets.
    :param reason: kept with the image.
    :param force: promote even a rejected image.
    :param now: ISO 8601, UTC.
    :raises StateConflict: the image is retired, or rejected.
    """
    if record.state == _STATE.RETIRED:
        raise exceptions.StateConflict(
            f'{record.name} ({record.id}) is retired',
            hint='bake it again, or promote another one',
        )
    if record.state == _STATE.REJECTED and not force:
        why = f': {record.reason}' if record.reason else ''
        raise exceptions.StateConflict(
            f'{record.name} ({record.id}) was rejected{why}',
            hint='change the recipe; or say that you mean it: '
            f'`image-pipeline image promote --force {record.id}`',
        )
    if former:
        former = dataclasses.replace(
            former, state=_STATE.PREVIOUS, hidden=True
        )
    return base.Swap(
        current=dataclasses.replace(
            record,
            name=record.final_name,
            state=_STATE.CURRENT,
            hidden=False,
            visibility=visibility,
            promoted_at=now,
            reason=reason,
            previous_id=former.id if former else None,
        ),
        former=former,
    )


def roll_back(
    records: Sequence[artifact.ImageRecord],
    name: str,
    *,
    to: str | None = None,
    reason: str | None,
    now: str,
) -> base.Swap:
    """Return what a rollback makes of the images of a name.

    :param records: the catalogue's images.
    :param name: the final name.
    :param to: id of the previous image; None is the one that the current
        one replaced.
    :param reason: kept with the rejected image.
    :param now: ISO 8601, UTC.
    :raises NotFound: there is no image of that name, or no such image.
    :raises StateConflict: there is no current or no previous image, or the
        one asked for is none.
    """
    bad = current(records, name)
    if bad is None:
        raise _no_current(records, name)
    if to is not None:
        back = _previous(records, name, to)
    else:
        former = previous(records, bad)
        if former is None:
            raise exceptions.StateConflict(
                f'{name}: there is no previous image to go back to',
                hint='promote another one: `image-pipeline image list`',
            )
        back = former
    return base.Swap(
        current=dataclasses.replace(
            back, state=_STATE.CURRENT, hidden=False, promoted_at=now
        ),
        former=dataclasses.replace(
            bad, state=_STATE.REJECTED, hidden=True, reason=reason
        ),
    )


def previous(
    records: Iterable[artifact.ImageRecord], bad: artifact.ImageRecord
) -> artifact.ImageRecord | None:
    """Return the image that a rollback brings back, or None.

    That is the one that the current one replaced, or, if that is gone, the
    latest.

    :param records: the catalogue's images.
    :param bad: the current one.
    """
    return max(
        (
            record
            for record in records
            if record.final_name == bad.final_name
            and record.state == _STATE.PREVIOUS
        ),
        key=lambda one: (one.id == bad.previous_id, one.promoted_at or ''),
        default=None,
    )


def retire(
    record: artifact.ImageRecord, *, reason: str | None
) -> artifact.ImageRecord:
    """Return what retiring makes of an image.

    :param record: the image.
    :param reason: kept with it; None leaves the one that it has.
    :raises StateConflict: it is the current one.
    """
    if record.state == _STATE.CURRENT:
        raise exceptions.StateConflict(
            f'{record.name} ({record.id}) is the current image',
            hint='promote another one first',
        )
    return dataclasses.replace(
        record,
        state=_STATE.RETIRED,
        hidden=True,
        reason=reason if reason is not None else record.reason,
    )


def _previous(
    records: Iterable[artifact.ImageRecord], name: str, image_id: str
) -> artifact.ImageRecord:
    for record in records:
        if record.id == image_id and record.final_name == name:
            if record.state == _STATE.PREVIOUS:
                return record
            raise exceptions.StateConflict(
                f'{record.name} ({record.id}) is {record.state.value}, not '
                'previous',
                hint=f'`image-pipeline image promote {record.id}` makes it '
                'current',
            )
    raise exceptions.NotFound(
        f'there is no image {image_id} of the name "{name}"',
        hint=f'`image-pipeline image list {name}` shows those that are there',
    )


def _no_current(
    records: Iterable[artifact.ImageRecord], name: str
) -> exceptions.PipelineError:
    known = {record.final_name for record in records}
    if name in known:
        return exceptions.StateConflict(
            f'{name}: there is no current image',
            hint='promote one: `image-pipeline image list`',
        )
    return exceptions.NotFound(
        f'there is no image "{name}" in the catalogue',
        hint=exceptions.did_you_mean(name, known)
        or '`image-pipeline image list` shows those that are there',
    )
