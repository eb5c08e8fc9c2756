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

"""Who may be withdrawn, and what becomes of it: values only, no catalogue."""

import dataclasses
from collections.abc import Iterable

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base, states

_STATE = artifact.ImageState


def check_revoke(
    record: artifact.ImageRecord,
    records: Iterable[artifact.ImageRecord],
    *,
    force: bool,
) -> bool:
    """Return whether an image must be rolled back before it is revoked.

    :param record: the image.
    :param records: the catalogue's images.
    :param force: leave its name without a current image, if need be.
    :raises StateConflict: it is current, and there is no previous one.
    """
    if record.state != _STATE.CURRENT:
        return False
    if states.previous(records, record) is not None:
        return True
    if not force:
        raise exceptions.StateConflict(
            f'{record.name} ({record.id}) is current, and there is no '
            'previous image to go back to',
            hint='promote another one first; or leave its users without '
            f'one: `image-pipeline image revoke --force {record.id}`',
        )
    return False


def revoke(
    record: artifact.ImageRecord, *, reason: str
) -> artifact.ImageRecord:
    """Return what revoking makes of an image.

    :param record: the image.
    :param reason: kept with it.
    """
    return dataclasses.replace(
        record, state=_STATE.REJECTED, hidden=True, reason=reason
    )


def check_unused(record: artifact.ImageRecord, usage: base.Usage) -> None:
    """Refuse to delete an image that is used, or may be.

    :param record: the image.
    :param usage: what is known of its use.
    :raises StateConflict: it is in use, or that could not be found out.
    """
    if usage.in_use is False:
        return
    if usage.in_use:
        raise exceptions.StateConflict(
            f'{record.name} ({record.id}) is in use: '
            + (', '.join(usage.users) or 'by whom is not known'),
            hint='retire it without --delete; it is hidden then',
        )
    raise exceptions.StateConflict(
        f'{record.name} ({record.id}): whether it is in use could not be '
        'found out',
        hint='retire it without --delete, or ask somebody with more rights',
    )
