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

"""Between Glance's JSON and our values."""

import datetime
from collections.abc import Collection, Mapping
from typing import Any

from image_pipeline.clouds import images, offers

#: What of an image is no custom property; "os_glance_*" tell of imports, and
#: count as properties.
_BASE = images.ATTRIBUTES | {
    'checksum',
    'created_at',
    'direct_url',
    'file',
    'id',
    'locations',
    'os_hash_algo',
    'os_hash_value',
    'owner',
    'schema',
    'self',
    'size',
    'status',
    'stores',
    'updated_at',
    'virtual_size',
}


def image_from(body: Mapping[str, Any]) -> images.Image:
    """Return an image of what the service answers.

    :param body: JSON values.
    """
    stores = str(body.get('stores') or '').split(',')
    return images.Image(
        id=body['id'],
        name=body.get('name'),
        status=body['status'],
        visibility=body.get('visibility') or 'private',
        hidden=bool(body.get('os_hidden')),
        protected=bool(body.get('protected')),
        owner=body.get('owner'),
        size=body.get('size'),
        virtual_size=body.get('virtual_size'),
        disk_format=body.get('disk_format'),
        container_format=body.get('container_format'),
        min_disk=body.get('min_disk') or 0,
        min_ram=body.get('min_ram') or 0,
        hash_algo=body.get('os_hash_algo'),
        hash_value=body.get('os_hash_value'),
        checksum=body.get('checksum'),
        created_at=_time(body.get('created_at')),
        updated_at=_time(body.get('updated_at')),
        tags=tuple(sorted(body.get('tags') or ())),
        stores=tuple(filter(None, stores)),
        properties={
            name: str(value)
            for name, value in body.items()
            if name not in _BASE and value is not None
        },
    )


def operations(
    body: Mapping[str, Any],
    changes: Mapping[str, Any],
    remove: Collection[str],
) -> list[dict[str, Any]]:
    """Return the JSON patch, RFC 6902, that makes an image as wanted."""
    operations = []
    for name, value in changes.items():
        if name == 'tags':
            value = sorted(value)
            if value == sorted(body.get('tags') or ()):
                continue
        elif name in body and body[name] == value:
            continue
        operations.append(
            {
                # An attribute is there even where it is null.
                'op': 'replace'
                if name in body or name in images.ATTRIBUTES
                else 'add',
                'path': _pointer(name),
                'value': value,
            }
        )
    operations += [
        {'op': 'remove', 'path': _pointer(name)} for name in sorted(remove)
    ]
    return operations


def _pointer(name: str) -> str:
    """Return the JSON pointer, RFC 6901, to a property."""
    return '/' + name.replace('~', '~0').replace('/', '~1')


def _time(text: str | None) -> datetime.datetime | None:
    return datetime.datetime.fromisoformat(text) if text else None


def member(body: Mapping[str, Any]) -> images.Member:
    """Return a member.

    :param body: JSON values.
    """
    return images.Member(project=body['member_id'], status=body['status'])


def store(body: Mapping[str, Any]) -> offers.Store:
    """Return a store.

    :param body: JSON values.
    """

    # The service writes flags as text where it copies its configuration.
    def flag(name: str) -> bool:
        return str(body.get(name, '')).lower() == 'true'

    weight = body.get('weight')
    return offers.Store(
        id=body['id'],
        default=flag('default'),
        kind=body.get('type'),
        description=body.get('description'),
        read_only=flag('read-only'),
        weight=int(weight) if weight is not None else None,
    )


def limit(
    body: Mapping[str, int] | None, unit: int = 1
) -> offers.Limit | None:
    """Return a limit, or None if there is none of the kind.

    :param body: JSON values.
    :param unit: what the service counts in.
    """
    if not body:
        return None
    limit = body.get('limit', -1)
    return offers.Limit(
        limit=None if limit < 0 else limit * unit,
        used=body.get('usage', 0) * unit,
    )
