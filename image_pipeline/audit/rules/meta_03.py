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

"""META-03: the properties are there, known, and such that it boots."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib import parse

from image_pipeline.audit import (
    claims,
    found,
    image_properties,
    rule,
    subjects,
)

#: Nova and Glance do not read these: what is wrong there harms nobody's boot.
_NOT_READ = frozenset(
    {
        'auto_disk_config',
        'hotfix_hours',
        'image_build_date',
        'image_description',
        'image_original_user',
        'image_source',
        'img_signature',
        'img_signature_certificate_uuid',
        'img_signature_hash_method',
        'img_signature_key_type',
        'l1_support_contact',
        'license_included',
        'license_required',
        'maintained_until',
        'os_command_line',
        'os_purpose',
        'patchlevel',
        'provided_until',
        'replace_frequency',
        'subscription_included',
        'subscription_required',
        'uuid_validity',
    }
)
#: VIRT-02 says more of it.
_ELSEWHERE = frozenset({*claims.IDENTITY, 'hw_qemu_guest_agent'})
#: Known only after a smoke test.
_TESTED = 'min_ram'
_NUMERIC = re.compile(r'\d+(\.\d+)*')
_KEYS = {'type': 'array', 'items': {'type': 'string', 'minLength': 1}}


class Meta03(rule.Rule):
    """Mandatory properties are set; those that are set, Nova understands."""

    id = 'META-03'
    subject = rule.Subject.REGISTERED_IMAGE
    severity = rule.Severity.ERROR
    statement = (
        'mandatory properties are set, all have values that OpenStack knows, '
        'and the image boots with them'
    )
    rationale = (
        'Nova refuses an image with a value that it does not know, and boots '
        'one otherwise than was meant with a key that it does not know; with '
        'a bus that the initramfs has no driver for, no instance comes up.'
    )
    source = (
        'Glance, etc/metadefs; nova/objects/image_meta.py and fields.py; '
        'SCS-0102-v2 and SCS-0104-v2'
    )
    satisfied_by = ('stage:properties', 'stage:smoke-test')
    remedy = (
        'put the stage properties before the audit, which derives them, and '
        'what is a choice into image.properties of the recipe; of an image '
        'that is registered: image-pipeline image set IMAGE --property '
        'KEY=VALUE'
    )
    fix = rule.Fix.BUILD_ONLY
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'mandatory': _KEYS
            | {
                'default': [
                    'architecture',
                    'min_disk',
                    'min_ram',
                    'os_distro',
                    'os_type',
                    'os_version',
                ],
                'description': 'Properties that must be set; min_ram only '
                'after a promotion, for the smoke test finds it out.',
            },
            'recommended': _KEYS
            | {
                'default': ['os_admin_user'],
                'description': 'Properties whose lack is a hint.',
            },
            'numeric_version': {
                'type': 'boolean',
                'default': False,
                'description': 'Whether os_version must be a number, as '
                'SCS-0102 asks for.',
            },
            'generic_sources': {
                'type': 'object',
                'additionalProperties': _KEYS,
                'default': {},
                'description': 'By os_distro, the hosts that image_source of '
                'an image with os_purpose=generic must be at; SCS-0104 has '
                'those of Debian and Ubuntu.',
            },
        },
    }

    def find(
        self, subject: subjects.RegisteredImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is missing, not known, or not true."""
        properties = subject.properties
        for one in image_properties.problems(properties):
            serious = one.certain and one.key not in _NOT_READ
            yield found.said(
                f'{one.message}; {one.hint}' if one.hint else one.message,
                data=properties.get(one.key),
                severity=None if serious else rule.Severity.WARNING,
            )
        yield from _missing(subject, options)
        yield from _scs(properties, options)
        if subject.unseen:
            return
        for one in claims.contradictions(subject):
            if one.key not in _ELSEWHERE:
                yield found.said(one.message, data=properties.get(one.key))


def _missing(
    subject: subjects.RegisteredImageView, options: Mapping[str, Any]
) -> Iterator[rule.Finding]:
    untested = subject.state in (None, 'candidate')
    for option, severity in (
        ('mandatory', rule.Severity.WARNING),
        ('recommended', rule.Severity.INFO),
    ):
        missing = [
            key
            for key in options[option]
            if not subject.properties.get(key, '').strip()
            and not (key == _TESTED and untested)
        ]
        if missing:
            yield found.said(
                f'{option}, and not set: {", ".join(missing)}',
                severity=severity,
            )


def _scs(
    properties: Mapping[str, str], options: Mapping[str, Any]
) -> Iterator[rule.Finding]:
    version = properties.get('os_version', '')
    if (
        options['numeric_version']
        and version
        and not _NUMERIC.fullmatch(version)
    ):
        yield found.said(
            f'os_version is "{version}", not a number (SCS-0102)',
            severity=rule.Severity.WARNING,
        )
    hosts = options['generic_sources'].get(properties.get('os_distro', ''))
    if properties.get('os_purpose') != 'generic' or not hosts:
        return
    source = properties.get('image_source', '')
    try:
        host = parse.urlsplit(source).hostname
    except ValueError:
        host = None
    if host not in hosts:
        yield found.said(
            f'os_purpose is generic, and image_source "{source}" is not at '
            f'{" or ".join(hosts)} (SCS-0104); an image of our own is custom '
            'or minimal',
            severity=rule.Severity.WARNING,
        )
