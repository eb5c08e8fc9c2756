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

"""What Glance would refuse, found out before the first byte is sent.

What a cloud tells is asked: its schema of an image, its stores, the quota.
What it does not tell (property protections, the size cap, a quota that is
no project's) is refused by the POST, which carries every property, so before
the data as well; only the cap is met while they are sent.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import glance_records
from image_pipeline.clouds import images
from image_pipeline.conf import settings as conf_settings
from image_pipeline.disk import reader

Problem = exceptions.Problem

#: glance/common/config.py: image_property_quota and image_tag_quota; the
#: pipeline's own properties, with those of a promotion, take a part of it.
_MOST_PROPERTIES = 128
_OWN = 28
_MOST_TAGS = 128
#: The columns of Glance's database (glance/db/sqlalchemy/models.py); what is
#: longer is an internal error of Glance's, not a refusal.
_LONGEST_NAME = 255
_MOST_BYTES = 65535
_LARGEST = (1 << 31) - 1
_BMP = 0xFFFF
#: The namespaces that Glance comes with (its etc/metadefs).
_GLANCES = ('OS::', 'CIM::')
_NEEDED = ('qcow2', 'raw')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """An image that is to be registered.

    :param name: the name that it is to have first.
    :param format: its format.
    :param size: bytes of its file; None if that is not known yet.
    :param properties: what people see of its properties.
    """

    name: str
    format: str
    size: int | None
    properties: Mapping[str, str]


def check(
    client: images.Images,
    target: conf_settings.Target,
    wanted: Wanted,
    *,
    staged: bool = False,
) -> None:
    """Raise if Glance would not take an image.

    :param client: the image service.
    :param target: the target.
    :param wanted: the image.
    :param staged: whether it is imported, and not uploaded.
    :raises InvalidInput: with every problem.
    :raises QuotaExceeded: there is no room for it.
    """
    schema = client.schema()
    _raise(
        target,
        [
            *fields(schema, target, wanted),
            *properties(schema, wanted.properties),
            *stores(client, target),
        ],
    )
    for problem in room(client, wanted.size, staged=staged):
        raise exceptions.QuotaExceeded(
            f'target "{target.name}": {problem.message}', hint=problem.hint
        )


def check_properties(
    client: images.Images,
    target: conf_settings.Target,
    wanted: Mapping[str, str],
) -> None:
    """Raise if Glance would not take properties.

    :param client: the image service.
    :param target: the target.
    :param wanted: all that the image is to have.
    :raises InvalidInput: with every problem.
    """
    _raise(target, list(properties(client.schema(), wanted)))


def _raise(target: conf_settings.Target, found: list[Problem]) -> None:
    if len(found) == 1:
        one = found[0]
        raise exceptions.InvalidInput(
            f'target "{target.name}": {one.message}', hint=one.hint
        )
    if found:
        raise exceptions.InvalidInput(
            f'the image service of target "{target.name}" would refuse the '
            'image',
            problems=found,
        )


def content(image: artifact.Artifact) -> None:
    """Raise if a file is not what its record says.

    Glance keeps the format that it is told, and Nova then reads the file so.

    :param image: the file.
    :raises DigestMismatch: it has another size, or another format.
    """
    size = image.path.stat().st_size
    if size != image.size:
        raise exceptions.DigestMismatch(
            f'{image.path} has {size} bytes, not {image.size}'
        )
    said = image.properties['format']
    if (
        said in _NEEDED
        and (shown := reader.inspect(image.path).format) != said
    ):
        raise exceptions.DigestMismatch(
            f'{image.path} shows the format {shown}, not {said}'
        )


def fields(
    schema: Mapping[str, Any],
    target: conf_settings.Target,
    wanted: Wanted,
) -> Iterator[Problem]:
    """Give what is wrong with an image's name, tags and formats.

    :param schema: Glance's, of an image.
    :param target: the target.
    :param wanted: the image.
    """
    if not wanted.name.strip() or len(wanted.name) > _LONGEST_NAME:
        yield Problem(
            message=f'"{wanted.name}" cannot be the name of an image',
            hint=f'Glance takes {_LONGEST_NAME} characters; a candidate '
            'has some more than the image',
        )
    yield from _plain('the name', wanted.name)
    known = schema.get('properties', {})
    for key, value in (
        ('disk_format', wanted.format),
        ('container_format', 'bare'),
    ):
        allowed = known.get(key, {}).get('enum')
        if allowed and value not in allowed:
            takes = ', '.join(str(one) for one in allowed if one)
            yield Problem(
                message=f'the cloud does not take images of the {key} {value}',
                hint=f'it takes {takes}; say which in "formats" of the target',
            )
    if len(set(target.tags)) > _MOST_TAGS:
        yield Problem(
            message=f'{len(set(target.tags))} tags are too many',
            hint=f'Glance takes {_MOST_TAGS}',
        )
    for tag in target.tags:
        if not tag or len(tag) > _LONGEST_NAME:
            yield Problem(message=f'"{tag[:40]}" cannot be a tag')
        yield from _plain('a tag', tag)


def properties(
    schema: Mapping[str, Any], wanted: Mapping[str, str]
) -> Iterator[Problem]:
    """Give what is wrong with the properties of an image.

    :param schema: Glance's, of an image.
    :param wanted: all that it is to have.
    """
    count = len(set(wanted) - set(glance_records.ATTRIBUTES))
    if count > _MOST_PROPERTIES - _OWN:
        yield Problem(
            message=f'{count} properties are too many',
            hint=f'Glance takes {_MOST_PROPERTIES}, and the pipeline needs '
            f'{_OWN} of them',
        )
    for key, value in sorted(wanted.items()):
        message = _wrong(schema, key, value)
        if message is not None:
            yield Problem(path=f'properties.{key[:80]}', message=message)
        yield from _plain(f'the property "{key}"', key + value)


def _wrong(schema: Mapping[str, Any], key: str, value: str) -> str | None:
    """Return what is wrong with a property, or None."""
    if key in glance_records.ATTRIBUTES:
        whole = re.fullmatch(r'[0-9]{1,10}', value)
        if not whole or int(value) > _LARGEST:
            return f'{key} is "{value[:80]}", not a whole number'
        return None
    if not key or len(key) > _LONGEST_NAME:
        return (
            f'"{key[:40]}" cannot be the name of a property: Glance takes '
            f'{_LONGEST_NAME} characters'
        )
    if len(value.encode()) > _MOST_BYTES:
        return f'{key} has more than the {_MOST_BYTES} bytes that Glance takes'
    known = schema.get('properties', {}).get(key)
    if known is None:
        if schema.get('additionalProperties', True) is False:
            return f'the cloud takes no property "{key}"'
        return None
    # Only those that may be left out are properties; the rest is of Glance.
    if known.get('is_base', True):
        return f'{key} is a field of every image, and no property'
    return _outside(known, key, value)


def _outside(known: Mapping[str, Any], key: str, value: str) -> str | None:
    """Return why a value is not one of a JSON Schema's, or None."""
    allowed = known.get('enum')
    if allowed and value not in allowed:
        return f'{key} is "{value[:80]}"; the cloud takes ' + ', '.join(
            str(one) for one in allowed if one is not None
        )
    if len(value) > known.get('maxLength', _MOST_BYTES):
        return f'{key} has more than {known["maxLength"]} characters'
    if 'pattern' in known and not re.search(known['pattern'], value):
        return f'{key} is "{value[:80]}", not what the cloud takes'
    return None


def _plain(what: str, value: str) -> Iterator[Problem]:
    """Give what is wrong with the characters of a text."""
    if any(ord(one) > _BMP for one in value):
        yield Problem(
            message=f'{what} has characters of four bytes',
            hint='Glance refuses them: leave pictographs out',
        )


def stores(
    client: images.Images, target: conf_settings.Target
) -> Iterator[Problem]:
    """Give what is wrong with the stores of a target.

    :param client: the image service.
    :param target: the target.
    """
    if not target.stores:
        return
    known = {store.id: store for store in client.stores()}
    for name in target.stores:
        if name not in known:
            yield Problem(
                message=f'the cloud has no store "{name}"',
                hint=exceptions.did_you_mean(name, known)
                or (
                    f'it has {", ".join(sorted(known))}'
                    if known
                    else 'its stores have no names: leave "stores" of the '
                    'target out'
                ),
            )
        elif known[name].read_only:
            yield Problem(message=f'the store "{name}" can only be read')


def room(
    client: images.Images, size: int | None, *, staged: bool = False
) -> Iterator[Problem]:
    """Give which quota of the project is too small for one image more.

    :param client: the image service.
    :param size: bytes of its file; None if that is not known yet.
    :param staged: whether it is imported, and not uploaded.
    """
    quota = client.quota()
    if quota is None:
        return
    hint = 'retire and delete former images, or ask for a higher quota'
    count = quota.images
    if count and count.limit is not None and count.used >= count.limit:
        yield Problem(
            message=f'the project has {count.used} images, and may have '
            f'{count.limit}',
            hint=hint,
        )
    total = quota.size
    if total and total.limit is not None:
        # The upload that goes beyond the quota is still let in; an import
        # is not (glance/quota/keystone.py).
        more = (size or 0) if staged else 0
        if total.used + more > total.limit:
            yield Problem(
                message=f'the images of the project have '
                f'{_mib(total.used)} MiB, and may have {_mib(total.limit)}',
                hint=hint,
            )


def doubts(client: images.Images, wanted: Mapping[str, str]) -> Iterator[str]:
    """Give the properties that are not as the site's definitions say.

    Glance takes them nevertheless, so these are only said.  The definitions
    that Glance itself comes with are not read: they take seconds, and what
    Nova and Glance know is checked offline when a run is planned
    (:mod:`image_pipeline.audit.image_properties`).

    :param client: the image service.
    :param wanted: properties.
    """
    for namespace in client.namespaces(but=_GLANCES):
        for key in sorted(wanted.keys() & namespace.properties.keys()):
            why = _outside_definition(
                namespace.properties[key], key, wanted[key]
            )
            if why:
                yield f'{why} (metadata definition {namespace.name})'


def _outside_definition(
    known: Mapping[str, Any], key: str, value: str
) -> str | None:
    kind = known.get('type')
    if kind in ('integer', 'number'):
        try:
            number = int(value) if kind == 'integer' else float(value)
        except ValueError:
            return f'{key} is "{value[:80]}", not a number'
        low, high = known.get('minimum'), known.get('maximum')
        if low is not None and number < low:
            return f'{key} is {value}, less than {low}'
        if high is not None and number > high:
            return f'{key} is {value}, more than {high}'
        return None
    if kind != 'string':
        return None
    return _outside(known, key, value)


def _mib(size: int) -> int:
    return size >> 20
