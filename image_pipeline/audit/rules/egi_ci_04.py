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
"""EGI-CI-04: the datasource is found on machines without DMI, too."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import ds_identify, machine, text
from image_pipeline.audit.remedies import draft, kernel
from image_pipeline.disk import edits

#: Machines whose DMI ds-identify trusts.
_WITH_DMI = frozenset({'x86_64', 'i686'})

_POLICY = '/etc/cloud/ds-identify.cfg'


class EgiCi04(rule.Rule):
    """What ds-identify does not find, it must not turn off."""

    id = 'EGI-CI-04'
    severity = rule.Severity.WARNING
    statement = 'OpenStack is found on machines that do not say that they are'
    rationale = (
        'ds-identify knows OpenStack by DMI; on other machines than PCs it '
        'says "maybe", and since 25.1.4 a "maybe" turns cloud-init off.'
    )
    source = (
        'cloud-init, doc/rtd/reference/breaking_changes.rst, 25.1.4; '
        'tools/ds-identify, dscheck_OpenStack and DI_DEFAULT_POLICY'
    )
    satisfied_by = ('element:cloud-init-openstack',)
    remedy = (
        'datasource_list: [ OpenStack ] alone, or "policy: '
        'search,found=all,maybe=all,notfound=enabled" in '
        '/etc/cloud/ds-identify.cfg, or register the image with '
        'img_config_drive=mandatory'
    )
    fix = rule.Fix.YES
    probe = 'EGI-CI-04'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'config_drive': {
                'type': 'boolean',
                'default': False,
                'description': 'Whether the image is registered with '
                'img_config_drive=mandatory.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what turns cloud-init off."""
        known.need_cloud_init(subject)
        tree = subject.files
        if not ds_identify.is_there(tree):
            raise rule.NotApplicable('there is no ds-identify')
        policy, line = ds_identify.policy(tree)
        if policy['mode'] == 'disabled':
            yield found.at(
                line,
                'ds-identify is told to turn cloud-init off',
                severity=rule.Severity.ERROR,
            )
            return
        if policy['mode'] == 'enabled' or options['config_drive']:
            return
        if ds_identify.named(tree) is not None:
            return
        architecture = machine.architecture(tree)
        if architecture in _WITH_DMI:
            return
        if ds_identify.datasources(tree).is_single or (
            policy['maybe'] == 'all' or policy['notfound'] == 'enabled'
        ):
            return
        if architecture is None:
            raise rule.CannotTell(
                'which machine the image is for is not clear'
            )
        yield found.at(
            line or ds_identify.datasources(tree).line,
            f'on {architecture} ds-identify finds OpenStack only by a config '
            'drive, and turns cloud-init off without one',
            data=','.join(f'{key}={value}' for key, value in policy.items()),
        )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give a policy that keeps cloud-init on."""
        plan = draft.Draft(subject.files)
        for line in text.said(subject.files, _POLICY):
            if line.text.startswith('policy:'):
                plan.drop(line)
        kernel.drop(plan, lambda word: word.startswith('ci.di.policy='))
        plan.append(
            _POLICY, 'policy: search,found=all,maybe=all,notfound=enabled'
        )
        yield from plan.edits()
