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
"""EGI-ONE-05: an OpenNebula template that fits the image."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from image_pipeline.audit import found, rule, subjects
from image_pipeline.audit.guest import text

_SUFFIXES = ('.one', '.tmpl', '.template')
_MOST_BYTES = 64 << 10
_SETTING = re.compile(r'^\s*([A-Za-z_]+)\s*=\s*"?([^"#]*?)"?\s*(?:#.*)?$')
_DRIVERS = ('DRIVER', 'FORMAT')


class EgiOne05(rule.Rule):
    """What OpenNebula is told of the image is true."""

    id = 'EGI-ONE-05'
    subject = rule.Subject.ARTIFACT
    severity = rule.Severity.INFO
    statement = (
        'an OpenNebula template says PERSISTENT=NO, DEV_PREFIX=vd and the '
        'format'
    )
    rationale = (
        'A persistent image is written by the one instance that uses it, and '
        'a qcow2 grows by that; the default prefix gives an emulated disk.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, example 2; OpenNebula, image '
        'template reference'
    )
    remedy = (
        'write PERSISTENT = "NO", DEV_PREFIX = "vd" and DRIVER = "qcow2" '
        'into the template beside the image'
    )
    fix = rule.Fix.NO
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'prefixes': {
                'type': 'array',
                'items': {'type': 'string'},
                'minItems': 1,
                'default': ['vd'],
                'description': 'Prefixes of devices that will do.',
            }
        },
    }

    def find(
        self, subject: subjects.ArtifactView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what a template beside the image says otherwise."""
        templates = {
            name: path
            for name, path in sorted(subject.side_files.items())
            if name.endswith(_SUFFIXES)
        }
        if not templates:
            raise rule.NotApplicable('there is no OpenNebula template')
        for name, path in templates.items():
            yield from _judge(subject, name, _read(name, path), options)


def _judge(
    subject: subjects.ArtifactView,
    name: str,
    said: Mapping[str, tuple[text.Line, str]],
    options: Mapping[str, Any],
) -> Iterator[rule.Finding]:
    line, value = said.get('PERSISTENT', (None, 'NO'))
    if value.upper() != 'NO':
        yield found.at(line, 'only one instance can use a persistent image')
    line, value = said.get('DEV_PREFIX', (None, ''))
    wanted = ' or '.join(options['prefixes'])
    if line is None:
        yield found.in_file(name, f'DEV_PREFIX is not set, to {wanted}')
    elif value not in options['prefixes']:
        yield found.at(line, f'DEV_PREFIX is not {wanted}')
    for key in _DRIVERS:
        line, value = said.get(key, (None, ''))
        if line is not None and value.lower() != subject.image.disk.format:
            yield found.at(line, f'the image is {subject.image.disk.format}')


def _read(name: str, path: Path) -> dict[str, tuple[text.Line, str]]:
    """Return a template's settings, by name in capitals."""
    try:
        with path.open('rb') as file:
            data = file.read(_MOST_BYTES).decode('utf-8', 'replace')
    except OSError as exc:
        raise rule.CannotTell(
            f'{name} cannot be read: {exc.strerror}'
        ) from exc
    found_settings = {}
    for number, said in enumerate(data.splitlines(), 1):
        match = _SETTING.match(said)
        if match:
            line = text.Line(path=name, number=number, text=said)
            found_settings[match[1].upper()] = (line, match[2].strip())
    return found_settings
