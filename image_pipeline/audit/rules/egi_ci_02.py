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
"""EGI-CI-02: cloud-init is told where to look, so that it understands."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import cloud_init, ds_identify
from image_pipeline.audit.remedies import cloud_init as remedy
from image_pipeline.audit.remedies import draft
from image_pipeline.disk import edits

_KEY = 'datasource_list'


class EgiCi02(rule.Rule):
    """The list of datasources is short, on one line, and spelt right."""

    id = 'EGI-CI-02'
    severity = rule.Severity.ERROR
    statement = 'one datasource_list, on one line, with few and known names'
    rationale = (
        'ds-identify greps the list before Python is there, one line and '
        'case-sensitive: what it does not see is not looked for, and if it '
        'finds nothing, it turns cloud-init off.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "reduce the number of supported '
        'data sources"; cloud-init, tools/ds-identify and config/cloud.cfg '
        '("keep array items in a single line")'
    )
    satisfied_by = ('element:cloud-init-openstack',)
    remedy = (
        'write /etc/cloud/cloud.cfg.d/99-datasource.cfg: datasource_list: '
        '[ ConfigDrive, OpenStack, None ]; it must be the last file with a '
        'list'
    )
    fix = rule.Fix.YES
    implies = frozenset({'EGI-CI-03'})
    probe = 'EGI-CI-02'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'most': {
                'type': 'integer',
                'minimum': 1,
                'default': 6,
                'description': 'How many datasources there may be, None '
                'included.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give lists that are missing, not seen, misspelt, or long."""
        config = known.need_cloud_init(subject)
        tree = subject.files
        said = config.each(_KEY)
        seen = (
            ds_identify.datasources(tree)
            if ds_identify.is_there(tree)
            else None
        )
        if not said and (seen is None or not seen.names):
            yield found.said(
                'cloud-init looks for every datasource that it knows',
                data=f'no {_KEY} in /etc/cloud',
                severity=rule.Severity.WARNING,
            )
            return
        names = config.names(_KEY)
        line = said[0][0] if said else None
        if said and names is None:
            yield found.at(line, f'{_KEY} is no list')
        if seen is not None and seen.names != (names or ()):
            yield found.at(
                line or seen.line,
                'ds-identify sees another list than cloud-init: '
                + (', '.join(seen.names) or 'none at all'),
            )
        yield from _names(line or (seen and seen.line), names, seen, options)
        for other, value in said[1:]:
            if value != said[0][1]:
                yield found.at(
                    other,
                    f'an earlier file has another list than {said[0][0].path}',
                    severity=rule.Severity.INFO,
                )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give one list, of the names that it has, spelt right."""
        config = known.need_cloud_init(subject)
        names = config.names(_KEY) or ()
        if not names:
            names = ds_identify.datasources(subject.files).names
        right = [
            name
            for name in dict.fromkeys(map(_spelt, names))
            if name in cloud_init.DATASOURCES and name != 'None'
        ]
        if len(right) > 1:
            right.append('None')
        if not right or len(right) > options['most']:
            right = ['ConfigDrive', 'OpenStack', 'None']
        plan = draft.Draft(subject.files)
        for line, _ in config.each(_KEY):
            if line.path != remedy.DATASOURCES:
                remedy.comment(plan, line)
        remedy.put(
            plan,
            config,
            remedy.DATASOURCES,
            {_KEY: f'[ {", ".join(right)} ]'},
        )
        yield from plan.edits()


def _names(
    line: Any,
    names: tuple[str, ...] | None,
    seen: ds_identify.Datasources | None,
    options: Mapping[str, Any],
) -> Iterator[rule.Finding]:
    every = names or (seen.names if seen else ())
    for name in dict.fromkeys(every):
        if name not in cloud_init.DATASOURCES:
            yield found.at(line, f'there is no datasource {name}{_like(name)}')
    if len(every) > options['most']:
        yield found.at(
            line,
            f'{len(every)} datasources are looked for, more than '
            f'{options["most"]}',
            severity=rule.Severity.WARNING,
        )
    if 'None' in every[:-1]:
        yield found.at(
            line,
            'None is always there: what follows it is never looked for',
            severity=rule.Severity.WARNING,
        )


def _like(name: str) -> str:
    spelt = _spelt(name)
    return f', but {spelt}' if spelt != name else ''


def _spelt(name: str) -> str:
    """Return a datasource's name as cloud-init spells it."""
    for known_name in cloud_init.DATASOURCES:
        if known_name.lower() == name.lower():
            return known_name
    return name
