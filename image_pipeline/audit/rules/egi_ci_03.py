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
"""EGI-CI-03: an instance is found with a config drive, and without one."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, mountable, rule, view
from image_pipeline.audit.guest import ds_identify, file_systems, text
from image_pipeline.audit.remedies import cloud_init as remedy
from image_pipeline.audit.remedies import draft
from image_pipeline.disk import edits

_DRIVE, _SERVICE = 'ConfigDrive', 'OpenStack'


class EgiCi03(rule.Rule):
    """Both of OpenStack's ways to hand out keys work."""

    id = 'EGI-CI-03'
    severity = rule.Severity.ERROR
    statement = (
        'cloud-init reads OpenStack\'s config drive and its metadata service'
    )
    rationale = (
        'Whether an instance has a config drive is its owner\'s choice; '
        'with one, ds-identify does not find OpenStack any more, only '
        'ConfigDrive.'
    )
    source = (
        'OpenStack image guide, "Access instances by using metadata service '
        'or config drive"; cloud-init, tools/ds-identify, dscheck_OpenStack'
    )
    satisfied_by = ('element:cloud-init-openstack',)
    remedy = (
        'datasource_list: [ ConfigDrive, OpenStack, None ]; remove iso9660 '
        'and vfat from /etc/modprobe.d'
    )
    fix = rule.Fix.YES
    implies = frozenset({'EGI-SEC-10'})
    probe = 'EGI-CI-03'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'config_drive': {
                'type': 'string',
                'enum': ['both', 'always', 'never'],
                'default': 'both',
                'description': 'Whether instances have a config drive: '
                'always where the site forces it, never where none is made.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give the way that is missing, or cannot be gone."""
        config = known.need_cloud_init(subject)
        names = known.datasources(subject)
        line = config.where('datasource_list')
        policy, _ = ds_identify.policy(subject.files)
        if names is not None:
            yield from _listed(
                names,
                line,
                options['config_drive'],
                kept=policy['mode'] == 'enabled'
                or policy['notfound'] == 'enabled',
            )
        if options['config_drive'] != 'never' and (
            names is None or _DRIVE in names
        ):
            yield from _mountable(subject)

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give a list with both, and let what they need be loaded."""
        config = known.need_cloud_init(subject)
        drives = options['config_drive']
        names = list(known.datasources(subject) or ())
        plan = draft.Draft(subject.files)
        wanted = [
            name
            for name, never in ((_DRIVE, 'never'), (_SERVICE, 'always'))
            if drives != never and name not in names
        ]
        if names and wanted:
            others = [name for name in names if name != 'None']
            for line, _ in config.each('datasource_list'):
                if line.path != remedy.DATASOURCES:
                    remedy.comment(plan, line)
            listed = ', '.join([*wanted, *others, 'None'])
            remedy.put(
                plan,
                config,
                remedy.DATASOURCES,
                {'datasource_list': f'[ {listed} ]'},
            )
        if drives != 'never':
            for kind in ('iso9660', 'vfat'):
                for line in file_systems.barred(subject.files, kind):
                    plan.comment(line)
        yield from plan.edits()


def _listed(
    names: tuple[str, ...],
    line: text.Line | None,
    drives: str,
    *,
    kept: bool,
) -> Iterator[rule.Finding]:
    """Give what is not looked for.

    :param kept: whether cloud-init stays on if ds-identify finds nothing.
    """
    if _SERVICE not in names and drives != 'always':
        yield found.at(
            line,
            f'{_SERVICE} is not looked for: without a config drive nobody '
            'can log in',
            data=', '.join(names),
        )
    if _DRIVE not in names and drives != 'never':
        # A single datasource is taken without a look at the machine.
        passed = kept or set(names) <= {_SERVICE, 'None'}
        yield found.at(
            line,
            f'{_DRIVE} is not looked for: a config drive is passed over'
            if passed
            else f'{_DRIVE} is not looked for: with a config drive '
            'ds-identify does not find OpenStack either',
            data=', '.join(names),
            severity=rule.Severity.WARNING if passed else None,
        )


def _mountable(subject: view.ImageView) -> Iterator[rule.Finding]:
    # Nova writes ISO 9660, unless config_drive_format says vfat.
    for kind, severity in (
        ('iso9660', None),
        ('vfat', rule.Severity.WARNING),
    ):
        yield from mountable.problems(
            subject,
            kind,
            f'{kind} cannot be mounted, and so no config drive',
            severity,
        )
