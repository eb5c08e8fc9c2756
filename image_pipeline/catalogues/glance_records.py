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

"""Images of Glance as the pipeline's records, and back.

Everything that the pipeline knows of an image is in the image itself: in
what Glance has a field for, and in properties of one prefix.  So every
command works from any host that reaches the cloud.
"""

import datetime
import json
from collections.abc import Collection, Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.clouds import images, marks

_STATE = artifact.ImageState

#: What the pipeline's own properties begin with.
PREFIX = 'image_pipeline_'
#: Of the image: its own id, because Nova copies properties to every snapshot
#: of a server (nova.utils.get_system_metadata_from_image); its state, its
#: final name, and where it comes from.  It has no state until its data are
#: complete, and it is known that nobody else has registered the same.
ID = PREFIX + 'id'
STATE = PREFIX + 'state'
NAME = PREFIX + 'name'
RECIPE = PREFIX + 'recipe'
REGISTERED_AT = PREFIX + 'registered_at'
#: Of the content.  SHA-512 is Glance's own, unless the cloud computes
#: another digest.
SHA256 = PREFIX + 'sha256'
SHA512 = PREFIX + 'sha512'
VIRTUAL_SIZE = PREFIX + 'virtual_size'
#: Of who is registering it, and until when that may take.
RUN = marks.RUN
HOST = marks.HOST
EXPIRES = marks.EXPIRES
#: Of an image that is on its way: :data:`SENDING` or :data:`CLAIMING`.
UPLOAD = PREFIX + 'upload'
SENDING = 'sending'
CLAIMING = 'claiming'
#: Of its way through the states.
PROMOTED_AT = PREFIX + 'promoted_at'
PREVIOUS_ID = PREFIX + 'previous_id'
REPLACED_BY = PREFIX + 'replaced_by'
REASON = PREFIX + 'reason'
REJECTED = PREFIX + 'rejected'
#: SHA-256 of rejected images of the same name that are deleted now.
REJECTS = PREFIX + 'rejects'
SWAP = PREFIX + 'swap'
EXPOSED = PREFIX + 'exposed'
#: Of its smoke test.
TESTED_SHA256 = PREFIX + 'tested_sha256'
TESTED_RAM = PREFIX + 'tested_ram'
#: The keys of the properties that the pipeline has set, a JSON list; others
#: are an operator's, or a plug-in's of Glance, and stay.
KEYS = PREFIX + 'keys'

#: Glance's own, which nobody else may set.
_GLANCE = 'os_glance'
#: Attributes of an image that people set like properties.
ATTRIBUTES = ('min_disk', 'min_ram')
#: Glance keeps values as MySQL's TEXT, 65535 bytes, and refuses characters
#: of four bytes (glance/common/wsgi.py); a reason is for reading anyway.
_LONGEST = 1000
_BEYOND_BMP = 0x10000


def text(value: str) -> str:
    """Return a sentence as every Glance takes it.

    :param value: what somebody wrote.
    """
    plain = ''.join(
        '\N{REPLACEMENT CHARACTER}' if ord(one) >= _BEYOND_BMP else one
        for one in ' '.join(value.split())
    )
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + '…'


def stamp(when: datetime.datetime | None) -> str:
    """Return a time as properties have it: ISO 8601, UTC, microseconds.

    :param when: with a time zone; None gives nothing.
    """
    if when is None:
        return ''
    utc = when.astimezone(datetime.UTC)
    return utc.isoformat(timespec='microseconds').replace('+00:00', 'Z')


def now() -> str:
    """Return the time of day as properties have it."""
    return stamp(datetime.datetime.now(datetime.UTC))


def is_ours(image: images.Image) -> bool:
    """Tell whether an image is the pipeline's, in whatever state.

    :param image: the image.
    """
    return image.properties.get(ID) == image.id and NAME in image.properties


def is_registered(image: images.Image) -> bool:
    """Tell whether an image has got as far as being a candidate.

    :param image: the image.
    """
    return is_ours(image) and image.properties.get(STATE) in list(_STATE)


def is_under_way(image: images.Image) -> bool:
    """Tell whether an image is on its way to being a candidate.

    :param image: the image.
    """
    return is_ours(image) and not image.properties.get(STATE)


def record(image: images.Image) -> artifact.ImageRecord:
    """Return the record of a registered image.

    :param image: one of which :func:`is_registered` is true.
    """
    own = image.properties
    tested_ram = own.get(TESTED_RAM, '')
    return artifact.ImageRecord(
        id=image.id,
        name=image.name or '',
        final_name=own[NAME],
        state=_STATE(own[STATE]),
        sha256=own.get(SHA256, ''),
        sha512=sha512(image),
        size=image.size or 0,
        virtual_size=image.virtual_size or _number(own.get(VIRTUAL_SIZE)),
        format=image.disk_format or '',
        visibility=image.visibility,
        hidden=image.hidden,
        created_at=own.get(REGISTERED_AT) or stamp(image.created_at),
        promoted_at=own.get(PROMOTED_AT) or None,
        run_id=own.get(RUN) or None,
        recipe=own.get(RECIPE) or None,
        properties=custom(image),
        tags=tuple(sorted(image.tags)),
        reason=own.get(REASON) or None,
        previous_id=own.get(PREVIOUS_ID) or None,
        tested_sha256=own.get(TESTED_SHA256) or None,
        tested_ram=_number(tested_ram) or None,
    )


def sha512(image: images.Image) -> str:
    """Return the SHA-512 of an image, or nothing if it is not known.

    :param image: the image.
    """
    if image.hash_algo == 'sha512' and image.hash_value:
        return image.hash_value
    return image.properties.get(SHA512, '')


def rejects(image: images.Image) -> list[str]:
    """Return the digests of deleted images that were rejected.

    :param image: the image of the same name that keeps them.
    """
    return image.properties.get(REJECTS, '').split()


def custom(image: images.Image) -> dict[str, str]:
    """Return an image's properties as people see them.

    They are without the pipeline's and Glance's own, and with the least disk
    and memory, which Glance has fields for.

    :param image: the image.
    """
    found = {
        key: value
        for key, value in image.properties.items()
        if not key.startswith((PREFIX, _GLANCE))
    }
    for key in ATTRIBUTES:
        # Nothing said is 0 to Glance.
        if value := getattr(image, key):
            found[key] = str(value)
    return dict(sorted(found.items()))


def keys(image: images.Image) -> frozenset[str] | None:
    """Return which properties the pipeline has set; None if nobody knows.

    :param image: the image.
    """
    try:
        known = json.loads(image.properties[KEYS])
    except (KeyError, ValueError):
        return None
    if not isinstance(known, list):
        return None
    return frozenset(one for one in known if isinstance(one, str))


def own(after: artifact.ImageRecord) -> dict[str, str]:
    """Return the pipeline's own properties of a record.

    What is not known of it is empty.

    :param after: the record.
    """
    ram = after.tested_ram
    return {
        STATE: after.state.value,
        NAME: after.final_name,
        RECIPE: after.recipe or '',
        PROMOTED_AT: after.promoted_at or '',
        PREVIOUS_ID: after.previous_id or '',
        REASON: text(after.reason or ''),
        TESTED_SHA256: after.tested_sha256 or '',
        TESTED_RAM: str(ram) if ram is not None else '',
    }


def changes(
    before: images.Image,
    after: artifact.ImageRecord,
    extra: Mapping[str, str | None] | None = None,
) -> tuple[dict[str, Any], set[str]]:
    """Return what one PATCH has to do to make an image what a record says.

    :param before: the image as it is.
    :param after: what it is to be.
    :param extra: properties of the pipeline that a record does not have;
        None takes one away.
    :returns: what to set, and which properties to remove; both are empty if
        nothing is to be done.
    """
    wanted: dict[str, Any] = {
        'name': after.name,
        'visibility': after.visibility,
        'os_hidden': after.hidden,
        'tags': sorted(after.tags),
    }
    present: dict[str, Any] = {
        'name': before.name,
        'visibility': before.visibility,
        'os_hidden': before.hidden,
        'tags': sorted(before.tags),
    }
    for key in ATTRIBUTES:
        wanted[key] = _number(after.properties.get(key))
        present[key] = getattr(before, key)
    change = {
        key: value for key, value in wanted.items() if value != present[key]
    }
    properties: dict[str, str | None] = {
        # Empty values are not worth a property.
        **{key: value or None for key, value in own(after).items()},
        **{
            key: after.properties.get(key)
            for key in {*after.properties, *custom(before)}
            if key not in ATTRIBUTES
        },
        **(extra or {}),
    }
    for key, value in sorted(properties.items()):
        if value is not None and before.properties.get(key) != value:
            change[key] = value
    remove = {
        key
        for key, value in properties.items()
        if value is None and key in before.properties
    }
    return change, remove


def packed(names: Collection[str]) -> str:
    """Return the value of :data:`KEYS`.

    :param names: the properties that the pipeline sets.
    """
    return json.dumps(
        sorted(set(names) - set(ATTRIBUTES)), separators=(',', ':')
    )


def _number(value: str | None) -> int:
    return int(value) if value and value.isascii() and value.isdigit() else 0
