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

"""What Glance offers: stores, ways to import, definitions, limits."""

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from image_pipeline import exceptions
from image_pipeline.clouds import glance_json, offers

#: What a property of an image belongs to, in Glance's metadata definitions.
_IMAGE = 'OS::Glance::Image'


class Send(Protocol):
    """A request to Glance; see ``GlanceImages._send``."""

    def __call__(self, method: str, path: str, doing: str) -> Any:
        """Return the body of the answer."""


def stores(send: Send, is_admin: bool) -> tuple[offers.Store, ...]:
    """Return the stores; see :meth:`.Images.stores`.

    :param send: a request.
    :param is_admin: whether the user may know more of them.
    """
    try:
        body = send('GET', '/v2/info/stores', 'list stores')
    except exceptions.NotFound:
        return ()
    detail: Mapping[str, Any] = {}
    if is_admin:
        try:
            more = send(
                'GET', '/v2/info/stores/detail', 'list stores in detail'
            )
            detail = {one['id']: one for one in more['stores']}
        except (exceptions.NotFound, exceptions.Forbidden):
            pass
    return tuple(
        glance_json.store({**one, **detail.get(one['id'], {})})
        for one in body['stores']
    )


def import_methods(send: Send) -> tuple[str, ...]:
    """Return the ways to import; see :meth:`.Images.import_methods`.

    :param send: a request.
    """
    try:
        body = send('GET', '/v2/info/import', 'ask how to import')
    except exceptions.NotFound:
        return ()
    return tuple(body.get('import-methods', {}).get('value', ()))


def schema(send: Send) -> Mapping[str, Any]:
    """Return the schema of an image; see :meth:`.Images.schema`.

    :param send: a request.
    """
    found: Mapping[str, Any] = send(
        'GET', '/v2/schemas/image', 'read the schema of images'
    )
    return found


def namespaces(
    send: Send, *, but: Sequence[str] = ()
) -> tuple[offers.Namespace, ...]:
    """Return metadata definitions; see :meth:`.Images.namespaces`.

    :param send: a request.
    :param but: beginnings of the names that are left out.
    """
    text = urllib.parse.urlencode({'resource_types': _IMAGE, 'limit': 100})
    path: str | None = f'/v2/metadefs/namespaces?{text}'
    doing = 'read the metadata definitions'
    # With the resource type the prefix is part of the names.
    kind = urllib.parse.urlencode({'resource_type': _IMAGE})
    found = []
    while path:
        body = send('GET', path, doing)
        for one in body['namespaces']:
            if one['namespace'].startswith(tuple(but)):
                continue
            name = urllib.parse.quote(one['namespace'], safe='')
            more = send('GET', f'/v2/metadefs/namespaces/{name}?{kind}', doing)
            found.append(
                offers.Namespace(
                    name=one['namespace'],
                    properties=more.get('properties', {}),
                )
            )
        path = body.get('next')
    return tuple(found)


def quota(send: Send) -> offers.Quota | None:
    """Return limits and usage; see :meth:`.Images.quota`.

    :param send: a request.
    """
    try:
        body = send('GET', '/v2/info/usage', 'read the quota')
    except exceptions.NotFound:
        # Before API v2.13.
        return None
    usage = body.get('usage')
    if not usage:
        # Keystone has no limits for images.
        return None
    mib = 1 << 20
    return offers.Quota(
        size=glance_json.limit(usage.get('image_size_total'), mib),
        staged=glance_json.limit(usage.get('image_stage_total'), mib),
        images=glance_json.limit(usage.get('image_count_total')),
        uploading=glance_json.limit(usage.get('image_count_uploading')),
    )
