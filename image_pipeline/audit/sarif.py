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

"""Reports as SARIF 2.1.0, which code-scanning services take.

The words are those of the OASIS standard "Static Analysis Results
Interchange Format (SARIF) Version 2.1.0".  A file inside an image is an
artifact whose parent is the image (section 3.24.3 there), as one in an
archive is; a place on the disk is a byte offset in the image itself.
"""

import os
import urllib.parse
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit import report, rule

SCHEMA = (
    'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/'
    'sarif-schema-2.1.0.json'
)
_LEVELS = {
    rule.Severity.ERROR: 'error',
    rule.Severity.WARNING: 'warning',
    rule.Severity.INFO: 'note',
}
#: Section 3.27.9; a kind that is not "fail" has no level.
_KINDS = {
    artifact.Outcome.PASS: 'pass',
    artifact.Outcome.FAIL: 'fail',
    artifact.Outcome.WAIVED: 'fail',
    artifact.Outcome.NOT_APPLICABLE: 'notApplicable',
    artifact.Outcome.UNKNOWN: 'review',
}


def render(
    reports: Iterable[report.Report], rules: Mapping[str, rule.Rule]
) -> dict[str, Any]:
    """Return reports as one SARIF log, as JSON values.

    :param reports: one for each image.
    :param rules: the rules that were judged, by id.
    """
    found = tuple(reports)
    named = sorted(
        {result.rule for one in found for result in one.results} & set(rules)
    )
    return {
        '$schema': SCHEMA,
        'version': '2.1.0',
        'runs': [
            _Run(one, {name: rules[name] for name in named}).to_json()
            for one in found
        ],
    }


class _Run:
    """One image: the artifacts that its results name are numbered."""

    def __init__(
        self, found: report.Report, rules: Mapping[str, rule.Rule]
    ) -> None:
        self._report = found
        self._rules = rules
        self._numbers = {rule_id: n for n, rule_id in enumerate(rules)}
        image = urllib.parse.quote(os.fsencode(found.image))
        self._artifacts: list[dict[str, Any]] = [{'location': {'uri': image}}]
        self._indexes: dict[str, int] = {}

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        results = [self._result(one) for one in self._report.results]
        return {
            'tool': {
                'driver': {
                    'name': 'image-pipeline',
                    'version': metadata.version('image-pipeline'),
                    'rules': [_rule(one) for one in self._rules.values()],
                }
            },
            'artifacts': self._artifacts,
            'results': results,
            'columnKind': 'unicodeCodePoints',
            'properties': {
                'format': self._report.format,
                'virtual_size': self._report.virtual_size,
                'profile': self._report.profile,
                **(
                    {'reading': self._report.reading.to_json()}
                    if self._report.reading
                    else {}
                ),
            },
        }

    def _result(self, result: report.Result) -> dict[str, Any]:
        said = [report.one_line(one) for one in result.evidence]
        kind = _KINDS[result.outcome]
        value: dict[str, Any] = {
            'ruleId': result.rule,
            'kind': kind,
            'level': _LEVELS[result.severity] if kind == 'fail' else 'none',
            'message': {'text': '; '.join(said) or result.statement},
            'locations': [
                self._location(one)
                for one in result.evidence or (artifact.Evidence(message=''),)
            ],
        }
        if result.rule in self._numbers:
            value['ruleIndex'] = self._numbers[result.rule]
        if result.outcome is artifact.Outcome.WAIVED:
            value['suppressions'] = [
                {'kind': 'external', 'justification': said[0]}
            ]
        return value

    def _location(self, evidence: artifact.Evidence) -> dict[str, Any]:
        index = 0
        place: dict[str, Any] = {}
        if evidence.path:
            index = self._index(evidence.path)
            if evidence.line:
                place['region'] = {'startLine': evidence.line}
        elif evidence.offset is not None:
            place['region'] = {'byteOffset': evidence.offset}
        place['artifactLocation'] = {
            **self._artifacts[index]['location'],
            'index': index,
        }
        return {'physicalLocation': place}

    def _index(self, path: str) -> int:
        if path not in self._indexes:
            self._indexes[path] = len(self._artifacts)
            name = path.lstrip('/').encode('utf-8', 'surrogateescape')
            self._artifacts.append(
                {
                    'location': {'uri': urllib.parse.quote(name)},
                    'parentIndex': 0,
                }
            )
        return self._indexes[path]


def _rule(one: rule.Rule) -> dict[str, Any]:
    return {
        'id': one.id,
        'shortDescription': {'text': one.statement},
        'fullDescription': {'text': one.rationale},
        'help': {'text': f'{one.remedy}. Source: {one.source}'},
        'defaultConfiguration': {'level': _LEVELS[one.severity]},
        'properties': {'satisfied_by': list(one.satisfied_by)},
    }
