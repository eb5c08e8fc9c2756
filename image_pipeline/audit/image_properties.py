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

"""Which image properties OpenStack knows, and which values each may have.

The lists are Nova's and Glance's own, and those of SCS-0102; the file beside
this module says from which versions.  Other keys are a site's own business,
unless they look like a known one misspelt: Nova ignores what it does not
know, and the image then boots otherwise than was meant.
"""

import dataclasses
import difflib
import functools
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

#: What oslo.utils' ``bool_from_string(strict=True)`` takes.
_BOOLEANS = frozenset(
    {'1', 't', 'true', 'on', 'y', 'yes', '0', 'f', 'false', 'off', 'n', 'no'}
)
#: Nova looks for ``hw_``, ``img_`` and ``os_`` only.
_OURS = ('hw_', 'img_', 'os_')
#: Open families: ``trait:`` takes any trait, CIM any of its names.
_FAMILIES = re.compile(
    r'(trait:|CIM_PASD_|sw_|cinder_|hw_numa_(mem|cpus)\.\d+$|'
    r'image_pipeline_)'
)
#: Glance's API refuses to set these, docs.openstack.org/glance/latest/admin/.
_RESERVED = re.compile(r'os_glance')
#: What a self-contained image must not say: the kernel and the command line
#: are its own (EGI-LAYOUT-01), and nothing reads auto_disk_config any more.
_NOT_TO_BE_SET = {
    'kernel_id': 'the image has its own kernel',
    'ramdisk_id': 'the image has its own initramfs',
    'os_command_line': 'the kernel command line is in the image',
    'auto_disk_config': 'only XenAPI, which Nova has no more, read it',
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PropertyProblem:
    """One thing that is wrong with a property.

    :param key: the property.
    :param message: what is wrong, with the value.
    :param hint: what to do, or None.
    :param certain: whether OpenStack would refuse or ignore it; else it only
        looks like a mistake.
    """

    key: str
    message: str
    hint: str | None = None
    certain: bool = True


@functools.cache
def known() -> Mapping[str, Mapping[str, Any]]:
    """Return the known properties: ``values``, ``type`` or ``pattern``."""
    path = Path(__file__).with_suffix('.json')
    found: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return found['properties']


def problems(properties: Mapping[str, str]) -> Iterator[PropertyProblem]:
    """Give what is wrong with an image's properties.

    :param properties: by key; all values are text, as Glance has them.
    """
    for key, value in sorted(properties.items()):
        if key in _NOT_TO_BE_SET:
            yield PropertyProblem(
                key=key,
                message=f'{key} must not be set: {_NOT_TO_BE_SET[key]}',
                hint='leave it out',
            )
        elif _RESERVED.match(key):
            yield PropertyProblem(
                key=key,
                message=f'{key} is reserved: Glance refuses it',
                hint='leave it out',
            )
        elif key in known():
            yield from _value(key, value, known()[key])
        elif key.startswith('trait:') and value != 'required':
            yield PropertyProblem(
                key=key,
                message=f'{key} is "{value}"; Nova knows only "required"',
            )
        elif not _FAMILIES.match(key):
            yield from _unknown(key)
    yield from _together(properties)


def is_true(value: str | None) -> bool:
    """Tell whether a property says yes, as Nova and Glance read it.

    :param value: as text; None where it is not set.
    """
    return (value or '').lower() in _TRUE


def _value(
    key: str, value: str, known: Mapping[str, Any]
) -> Iterator[PropertyProblem]:
    wanted = None
    if 'values' in known and value not in known['values']:
        near = difflib.get_close_matches(value.lower(), known['values'], n=1)
        yield PropertyProblem(
            key=key,
            message=f'{key} is "{value}", which OpenStack does not know',
            hint=f'did you mean "{near[0]}"?'
            if near
            else f'it knows {", ".join(known["values"])}',
        )
    elif known.get('type') == 'integer' and not re.fullmatch(
        r'0|[1-9]\d*', value
    ):
        wanted = 'a whole number'
    elif known.get('type') == 'boolean' and value.lower() not in _BOOLEANS:
        wanted = 'true or false'
    elif known.get('type') == 'uuid' and not _is_uuid(value):
        wanted = 'a UUID'
    elif 'pattern' in known and not re.fullmatch(known['pattern'], value):
        wanted = f'what SCS-0102 asks for ({known["pattern"]})'
    if wanted:
        yield PropertyProblem(
            key=key, message=f'{key} is "{value}", not {wanted}'
        )


def _unknown(key: str) -> Iterator[PropertyProblem]:
    near = difflib.get_close_matches(key, known(), n=1, cutoff=0.85)
    if near:
        yield PropertyProblem(
            key=key,
            message=f'{key} is not known to Nova or Glance',
            hint=f'did you mean "{near[0]}"?',
            certain=False,
        )
    elif key.startswith(_OURS):
        yield PropertyProblem(
            key=key,
            message=f'{key} is not known to Nova or Glance, though '
            f'{key.partition("_")[0]}_ is theirs',
            hint="give a property of the site's own another prefix",
            certain=False,
        )


def _together(properties: Mapping[str, str]) -> Iterator[PropertyProblem]:
    """Give what does not go together."""
    signed = [key for key in _SIGNATURE if key in properties]
    missing = [key for key in _SIGNATURE if key not in properties]
    if signed and missing:
        yield PropertyProblem(
            key=missing[0],
            message=f'{signed[0]} is set without {", ".join(missing)}: '
            'Glance checks a signature only if it has all four',
        )
    if is_true(properties.get('license_included')) and is_true(
        properties.get('license_required')
    ):
        yield PropertyProblem(
            key='license_required',
            message='a licence cannot be both included and required '
            '(SCS-0102)',
        )


#: docs.openstack.org/glance/latest/user/signature.html
_SIGNATURE = (
    'img_signature',
    'img_signature_hash_method',
    'img_signature_key_type',
    'img_signature_certificate_uuid',
)
_TRUE = frozenset({'1', 't', 'true', 'on', 'y', 'yes'})


def _is_uuid(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True
