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

"""EGI-SEC-05: the release still gets security updates."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import dpkg, lifecycle, text
from image_pipeline.disk import files

#: States of dpkg in which a package works, or is gone.
_SETTLED = frozenset({'installed', 'config-files', 'not-installed'})


class EgiSec05(rule.Rule):
    """The image is of a release that is maintained, and is whole."""

    id = 'EGI-SEC-05'
    severity = rule.Severity.WARNING
    statement = (
        'the release gets security updates, and its packages are completely '
        'installed'
    )
    rationale = (
        'Whatever is found in a release that is no more maintained stays '
        'open, in every instance.'
    )
    source = (
        'EGI, Virtual Machine Image Endorsement ("packages MUST be '
        'upgraded"); SECANT, probe pakiti; AWS Marketplace, AMI requirements '
        '(no end-of-life systems)'
    )
    satisfied_by = ('stage:compose',)
    remedy = 'build the image again, of a release that is maintained'
    fix = rule.Fix.BUILD_ONLY
    probe = 'EGI-SEC-05'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'date': {
                'type': 'string',
                'pattern': r'^(\d{4}-\d{2}-\d{2})?$',
                'default': '',
                'description': 'The day to judge by, such as 2026-11-21; '
                'empty: today.',
            },
            'max_table_age_days': {
                'type': 'integer',
                'minimum': 1,
                'default': 730,
                'description': 'Age of our table of releases, in days, from '
                'which on it is not believed; dates change.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give a release that has ended, and packages half installed."""
        yield from _unsettled(subject.files)
        said = known.os_release(subject)
        name = f'{said.get("ID", "")} {said.get("VERSION_ID", "")}'.strip()
        if not name:
            raise rule.CannotTell(
                'there is no os-release that says what it is'
            )
        try:
            today = datetime.date.fromisoformat(options['date'])
        except ValueError:
            today = datetime.date.today()
        end = lifecycle.end(said)
        if end is None:
            raise rule.CannotTell(f'when {name} ends is not known')
        if end.date is None:
            return
        if end.date < today:
            yield found.said(
                f'{name} has had no security updates since {end.date}',
                data=end.source,
            )
        elif 'SUPPORT_END' not in said and (
            today - lifecycle.as_of()
        ) > datetime.timedelta(days=options['max_table_age_days']):
            raise rule.CannotTell(
                f'the table of releases is of {lifecycle.as_of()}, too old '
                'to be believed'
            )


def _unsettled(tree: files.FileTree) -> Iterator[rule.Finding]:
    package = ''
    for line in text.lines(tree, dpkg.STATUS):
        key, _, value = line.text.partition(': ')
        if key == 'Package':
            package = value.strip()
        elif key == 'Status':
            words = value.split()
            if words and words[-1] not in _SETTLED:
                yield found.at(line, f'{package} is only {words[-1]}')
            elif len(words) == 3 and words[1] != 'ok':
                yield found.at(line, f'{package} must be installed again')
            elif words[:1] == ['hold']:
                yield found.at(
                    line,
                    f'{package} is held back from updates',
                    severity=rule.Severity.INFO,
                )
