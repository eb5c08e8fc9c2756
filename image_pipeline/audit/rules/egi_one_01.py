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
"""EGI-ONE-01: OpenNebula can set the instance up, too."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, mountable, rule, view
from image_pipeline.audit.guest import file_systems
from image_pipeline.audit.remedies import cloud_init as remedy
from image_pipeline.audit.remedies import draft
from image_pipeline.disk import edits

_NAME = 'OpenNebula'
_SUDO = ('/usr/bin/sudo', '/bin/sudo')


class EgiOne01(rule.Rule):
    """What an OpenNebula site hands out is read."""

    id = 'EGI-ONE-01'
    severity = rule.Severity.WARNING
    statement = (
        'where OpenNebula is to work, cloud-init reads its context disk'
    )
    rationale = (
        'The same image serves OpenNebula sites if cloud-init looks for their '
        'context disk, and can evaluate context.sh as a user without rights.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, example 3; cloud-init, '
        'DataSourceOpenNebula.py'
    )
    satisfied_by = ('element:cloud-init-openstack',)
    remedy = (
        'add OpenNebula to datasource_list (DIB_CLOUD_INIT_DATASOURCE_LIST of '
        'the element), install sudo, and let datasource: {OpenNebula: '
        '{parseuser: nobody}} name a user that there is'
    )
    fix = rule.Fix.YES
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'wanted': {
                'type': 'boolean',
                'default': False,
                'description': 'Whether the image is for OpenNebula sites, '
                'too.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what keeps the context disk from being read."""
        config = known.need_cloud_init(subject)
        names = known.datasources(subject)
        if names is None or _NAME not in names:
            if not options['wanted']:
                raise rule.NotApplicable(
                    'the image is not meant for OpenNebula'
                )
            if names is not None:
                yield found.at(
                    config.where('datasource_list'),
                    f'{_NAME} is not looked for',
                )
                return
        if config.get('datasource', _NAME, 'dsmode') == 'disabled':
            yield found.at(
                config.where('datasource', _NAME, 'dsmode'),
                f'{_NAME} is turned off',
            )
        user = config.get('datasource', _NAME, 'parseuser', default='nobody')
        if user not in {account.name for account in known.passwd(subject)}:
            yield found.at(
                config.where('datasource', _NAME, 'parseuser'),
                'the user who evaluates context.sh is not there',
                data=str(user),
            )
        if not any(map(subject.files.is_file, _SUDO)):
            yield found.said(
                'context.sh cannot be evaluated: sudo changes to the user who '
                'does it',
                data='/usr/bin/sudo is not there',
            )
        yield from mountable.problems(
            subject, 'iso9660', 'the context disk cannot be mounted'
        )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give a list with it, and let its disk be mounted."""
        config = known.need_cloud_init(subject)
        names = list(known.datasources(subject) or ())
        plan = draft.Draft(subject.files)
        if options['wanted'] and names and _NAME not in names:
            for line, _ in config.each('datasource_list'):
                if line.path != remedy.DATASOURCES:
                    remedy.comment(plan, line)
            others = [name for name in names if name != 'None']
            listed = ', '.join([*others, _NAME, 'None'])
            remedy.put(
                plan,
                config,
                remedy.DATASOURCES,
                {'datasource_list': f'[ {listed} ]'},
            )
        for line in file_systems.barred(subject.files, 'iso9660'):
            plan.comment(line)
        yield from plan.edits()
