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

"""META-06: the image may be given away."""

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, licences, rule, view
from image_pipeline.audit.guest import packages

_MOST_NAMES = 10


class Meta06(rule.Rule):
    """No package in the image forbids that others get it."""

    id = 'META-06'
    severity = rule.Severity.WARNING
    statement = 'nothing in the image needs a licence or forbids to share it'
    rationale = (
        'Who makes an image public gives away everything in it, and who '
        'boots it uses it.'
    )
    source = (
        'EGI documentation, Images ("be aware of installing proprietary '
        'software"); Debian, Official Images; SCS-0102-v2, license_* and '
        'subscription_*'
    )
    remedy = (
        'take the packages out, or keep the image private and say '
        'license_included, license_required, subscription_included or '
        'subscription_required in its properties; then allow what you may '
        'share by the option allowed'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'allowed': {
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'default': [],
                'description': 'Names and patterns of packages, and ids of '
                'distributions, that may be shared all the same.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give distributions and packages that are not free."""
        allowed = options['allowed']
        name = known.os_release(subject).get('ID', '')
        why = licences.distributions().get(name)
        if why and not _is_allowed(name, allowed):
            yield found.said(why, data=name)
        tree = subject.files
        for section, names in licences.sections(tree).items():
            left = [one for one in names if not _is_allowed(one, allowed)]
            if left:
                yield found.in_file(
                    licences.STATUS,
                    f'packages of the section {section}: {_some(left)}',
                )
        for why, names in licences.packages(packages.of(subject)).items():
            left = [one for one in names if not _is_allowed(one, allowed)]
            if left:
                yield found.said(f'{_some(left)}: {why}')


def _is_allowed(name: str, allowed: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed)


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    shown = ', '.join(names[:_MOST_NAMES])
    return f'{shown} and {more} more' if more > 0 else shown
