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

"""Image records as JSON files, one an image."""

import dataclasses
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pipeline import artifact, exceptions

_REQUIRED = frozenset(
    field.name
    for field in dataclasses.fields(artifact.ImageRecord)
    if field.default is dataclasses.MISSING
    and field.default_factory is dataclasses.MISSING
)
_KNOWN = frozenset(
    field.name for field in dataclasses.fields(artifact.ImageRecord)
)


def to_json(record: artifact.ImageRecord) -> dict[str, Any]:
    """Return a record as JSON values.

    :param record: the record.
    """
    value = dataclasses.asdict(record)
    value['state'] = record.state.value
    value['properties'] = dict(record.properties)
    value['tags'] = list(record.tags)
    value['path'] = str(record.path) if record.path else None
    return value


def from_json(value: Mapping[str, Any]) -> artifact.ImageRecord:
    """Return the record of JSON values.

    :param value: as :func:`to_json` returned it.
    :raises ValueError: something is missing, unknown or of a wrong type.
    """
    if not isinstance(value, Mapping):
        raise ValueError('it is no JSON object')
    missing = sorted(_REQUIRED - set(value))
    unknown = sorted(set(value) - _KNOWN)
    if missing or unknown:
        raise ValueError(
            f'{", ".join(missing or unknown)} '
            + ('is missing' if missing else 'is not known')
        )
    fields = dict(value)
    for name in ('id', 'name', 'final_name', 'sha256', 'sha512', 'format'):
        if not isinstance(fields[name], str):
            raise ValueError(f'{name} is no text')
    fields['state'] = artifact.ImageState(fields['state'])
    fields['properties'] = dict(fields.get('properties') or {})
    fields['tags'] = tuple(fields.get('tags') or ())
    path = fields.get('path')
    fields['path'] = Path(path) if path else None
    return artifact.ImageRecord(**fields)


def load(path: Path) -> artifact.ImageRecord:
    """Return the record in a file.

    :param path: the file.
    :raises StateConflict: it is damaged.
    :raises FileNotFoundError: there is none.
    """
    try:
        record = from_json(json.loads(path.read_text()))
    except (ValueError, TypeError) as exc:
        raise exceptions.StateConflict(
            f'the record {path} is damaged: {exc}',
            hint='restore it from a backup; or remove it, and bake again',
        ) from exc
    if record.id != path.stem:
        raise exceptions.StateConflict(
            f'the record {path} is that of another image, {record.id}',
            hint='restore it from a backup; or remove it, and bake again',
        )
    return record


def checksums(record: artifact.ImageRecord) -> str:
    """Return what ``sha256sum --check`` and ``sha512sum --check`` take.

    :param record: an image, by its final name.
    """
    name = f'{record.final_name}.{record.format}'
    return (
        f'SHA256 ({name}) = {record.sha256}\n'
        f'SHA512 ({name}) = {record.sha512}\n'
    )


def now() -> str:
    """Return the time of day as records have it, in UTC."""
    now = datetime.datetime.now(datetime.UTC)
    return now.isoformat(timespec='microseconds').replace('+00:00', 'Z')
