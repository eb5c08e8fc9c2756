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
"""EGI-CI-05: Ec2 is asked for only where it can be found."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import cloud_init, ds_identify, text
from image_pipeline.audit.remedies import cloud_init as remedy
from image_pipeline.audit.remedies import draft
from image_pipeline.disk import edits


class EgiCi05(rule.Rule):
    """A datasource in the list is one that can be chosen."""

    id = 'EGI-CI-05'
    severity = rule.Severity.INFO
    statement = (
        'Ec2 is in the list only with strict_id: false, where it counts'
    )
    rationale = (
        'Outside of AWS ds-identify takes the Ec2 datasource only with '
        'strict_id: false, and reads that from cloud.cfg and from files with '
        'ec2 in their names alone.'
    )
    source = 'cloud-init, tools/ds-identify, ec2_read_strict_setting'
    satisfied_by = ('element:cloud-init-openstack',)
    remedy = (
        'take Ec2 out of datasource_list, or write "datasource: {Ec2: '
        '{strict_id: false}}" to /etc/cloud/cloud.cfg.d/99-ec2.cfg, on lines '
        'of their own'
    )
    fix = rule.Fix.YES
    probe = 'EGI-CI-05'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give an Ec2 that is never chosen."""
        config = known.need_cloud_init(subject)
        tree = subject.files
        names = known.datasources(subject)
        if names is None or 'Ec2' not in names:
            raise rule.NotApplicable('Ec2 is not in datasource_list')
        if len(names) == 1 or names[1:] == ('None',):
            # It is taken without a look at the machine.
            return
        said = config.get('datasource', 'Ec2', 'strict_id')
        line = config.where('datasource', 'Ec2', 'strict_id')
        if said not in (False, 'false', 'warn'):
            yield found.at(
                line or config.where('datasource_list'),
                'Ec2 is never chosen outside of AWS: strict_id is '
                + ('not set' if line is None else str(said).lower()),
            )
            return
        if not ds_identify.is_there(tree):
            return
        seen = ds_identify.check_config(
            tree,
            'strict_id',
            [
                cloud_init.MAIN,
                *tree.glob(f'{cloud_init.FOLDER}/*[Ee][Cc]2*.cfg'),
            ],
        )
        value = seen.value.strip() if seen else ''
        if value not in {'false', 'warn'}:
            yield found.at(
                line,
                'ds-identify does not see this strict_id: it reads lines of '
                'cloud.cfg and of files with ec2 in their names',
            )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give the setting, where ds-identify sees it."""
        config = known.need_cloud_init(subject)
        plan = draft.Draft(subject.files)
        for line, _ in config.each('datasource', 'Ec2', 'strict_id'):
            if line.path > remedy.EC2 and line.path != cloud_init.MAIN:
                remedy.comment(plan, line)
        for line in text.lines(subject.files, remedy.EC2):
            plan.drop(line)
        plan.append(
            remedy.EC2, 'datasource:', '    Ec2:', '        strict_id: false'
        )
        yield from plan.edits()
