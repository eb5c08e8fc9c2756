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


"""Images as a cloud lists them, for tests of rules about those."""

import datetime
from typing import Any

from image_pipeline.audit import listing
from image_pipeline.clouds import images

#: The project of whoever looks.
PROJECT = 'a0' * 16
#: The time to judge by.
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
_GIB = 1 << 30


def image(number: int = 1, **changes: Any) -> images.Image:
    """Return an image that no rule objects to.

    :param number: tells it from others: its id is made of it.
    :param changes: attributes that are otherwise; ``properties`` are put
        over its own, None takes one away.  ``state`` makes it one of the
        pipeline's.
    """
    made = f'{number:08x}-0000-4000-8000-000000000000'
    state = changes.pop('state', None)
    ours = {
        listing.ID: made,
        listing.NAME: 'debian-12',
        listing.STATE: state or None,
    }
    properties: dict[str, str | None] = {
        'architecture': 'x86_64',
        'os_admin_user': 'debian',
        'os_distro': 'debian',
        'os_type': 'linux',
        'os_version': '12',
        **(ours if state is not None else {}),
        **changes.pop('properties', {}),
    }
    values: dict[str, Any] = {
        'id': made,
        'name': 'debian-12',
        'status': 'active',
        'visibility': 'private',
        'owner': PROJECT,
        'size': 200 << 20,
        'virtual_size': 2 * _GIB,
        'disk_format': 'qcow2',
        'container_format': 'bare',
        'min_disk': 2,
        'min_ram': 512,
        'hash_algo': 'sha512',
        'hash_value': 'ab' * 64,
        'checksum': 'ab' * 16,
        'created_at': NOW - datetime.timedelta(days=7),
        'updated_at': NOW - datetime.timedelta(days=7),
        'properties': {
            key: value
            for key, value in properties.items()
            if value is not None
        },
    }
    return images.Image(**(values | changes))


def view(
    *others: images.Image,
    one: images.Image | None = None,
    now: datetime.datetime = NOW,
    store_kinds: dict[str, str] | None = None,
    **changes: Any,
) -> listing.ListedImageView:
    """Return an image among others.

    :param others: the others.
    :param one: the image; None: one of :func:`image`.
    :param now: the time to judge by.
    :param store_kinds: kinds of stores, by id.
    :param changes: see :func:`image`.
    """
    one = one or image(**changes)
    return listing.ListedImageView(
        image=one,
        listing=listing.Listing(
            images=(one, *others),
            project=PROJECT,
            now=now,
            store_kinds=store_kinds or {},
        ),
    )
