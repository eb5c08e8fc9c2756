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

"""What a change under way leaves in the images that it is about.

Glance changes one image at a time, and compares nothing before it does, but
for one thing: to remove a property that is not there is a conflict.  So a
guard is a property whose *key* nobody else ever uses, and the change that it
guards removes it.  See :doc:`/contributor/promotion`.
"""

import dataclasses
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pipeline.catalogues import glance_records
from image_pipeline.clouds import images

#: On an image that somebody is changing; followed by a token.
SWAP = glance_records.PREFIX + 'swap_'
#: On a current image, as long as it is; followed by the change that made it.
REIGN = glance_records.PREFIX + 'reign_'
#: On an image that was hidden for another one, until that one is shown;
#: followed by the change.
HANDOVER = glance_records.PREFIX + 'handover_'
#: On an image that is still hidden, but visible to others already: the
#: visibility that it had.
WIDENED = glance_records.PREFIX + 'widened'

#: What is done under an intent.
PROMOTE = 'promotion'
ROLL_BACK = 'rollback'
TAKE_BACK = 'taking back'
RESTORE = 'restoration'
RETIRE = 'retirement'
REVOKE = 'revocation'
ADOPT = 'adoption'

#: Fields of a record that an intent may set.
FIELDS = ('state', 'promoted_at', 'previous_id', 'reason')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Intent:
    """Who is about to change an image, and to what.

    :param token: of this attempt; no two are the same.
    :param action: of the change, which a helper goes on with.
    :param kind: what is done, such as :data:`PROMOTE`.
    :param host: which host; see :func:`image_pipeline.clouds.marks.host_id`.
    :param process: which process there; see :func:`own_process`.
    :param at: when it began, ISO 8601, UTC.
    :param former: id of the image that it replaces.
    :param fields: what the record is to be; only :data:`FIELDS`.
    :param protect: whether the image is to be protected.
    :param helper: whether somebody dead began it.
    """

    token: str
    action: str
    kind: str
    host: str
    process: str
    at: str
    former: str | None = None
    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    protect: bool | None = None
    helper: bool = False

    @property
    def key(self) -> str:
        """The property that says so."""
        return SWAP + self.token

    @property
    def rank(self) -> tuple[bool, str]:
        """Of two that meet, the one with the greater rank stays."""
        return self.helper, self.token

    def to_json(self) -> str:
        """Return the property's value; plain ASCII, as Glance takes it."""
        fields = dataclasses.asdict(self)
        del fields['token']
        kept = {key: value for key, value in fields.items() if value}
        return json.dumps(kept, sort_keys=True, separators=(',', ':'))


def token() -> str:
    """Return a new token."""
    return uuid.uuid4().hex[:16]


def of(image: images.Image) -> list[Intent]:
    """Return the intents on an image.

    One that cannot be read says that somebody is at it, but not what.

    :param image: the image.
    """
    return [
        _parsed(key.removeprefix(SWAP), value)
        for key, value in sorted(image.properties.items())
        if key.startswith(SWAP)
    ]


def _parsed(found: str, value: str) -> Intent:
    known = {field.name for field in dataclasses.fields(Intent)} - {'token'}
    given: dict[str, Any] = {
        'action': found,
        'kind': '',
        'host': '',
        'process': '',
        'at': '',
    }
    try:
        read = json.loads(value)
        if isinstance(read, dict):
            given |= {key: read[key] for key in known & set(read)}
    except ValueError:
        pass
    fields = given.get('fields')
    given['fields'] = (
        {key: fields[key] for key in FIELDS if key in fields}
        if isinstance(fields, dict)
        else {}
    )
    return Intent(token=found, **given)


def keys(image: images.Image, prefix: str) -> list[str]:
    """Return the keys of an image's properties that begin so.

    :param image: the image.
    :param prefix: :data:`SWAP`, :data:`REIGN` or :data:`HANDOVER`.
    """
    return sorted(key for key in image.properties if key.startswith(prefix))


def handovers(image: images.Image) -> dict[str, Mapping[str, Any]]:
    """Return for which changes an image was hidden, and what it was before.

    :param image: the image.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for key in keys(image, HANDOVER):
        try:
            value = json.loads(image.properties[key])
        except ValueError:
            value = None
        found[key.removeprefix(HANDOVER)] = (
            value if isinstance(value, dict) else {}
        )
    return found


def own_process() -> str:
    """Return what names this process on this host: its id and its start."""
    return f'{os.getpid()}.{_started(os.getpid())}'


def process_lives(process: str) -> bool:
    """Tell whether a process of this host is alive.

    :param process: of :func:`own_process`.
    """
    number, _, started = process.partition('.')
    return number.isdigit() and _started(int(number)) == started != ''


def _started(number: int) -> str:
    """Return when a process started, in the kernel's ticks (proc(5))."""
    try:
        text = Path(f'/proc/{number}/stat').read_text(encoding='ascii')
    except (OSError, UnicodeDecodeError):
        return ''
    # The name of the program is in parentheses, and may hold anything.
    return text.rpartition(')')[2].split()[19]
