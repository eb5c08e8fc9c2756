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

import json
from pathlib import Path

import pytest

from image_pipeline import artifact
from image_pipeline.audit import registry, report, rule, sarif


def run(*evidence, outcome='fail', severity=rule.Severity.ERROR):
    """Return the one run of a report with one result, and that result."""
    found = report.Report(
        image=Path('/images/a b.qcow2'),
        format='qcow2',
        virtual_size=1 << 30,
        profile='egi',
        results=(
            report.Result(
                rule='EGI-LAYOUT-03',
                severity=severity,
                outcome=artifact.Outcome(outcome),
                evidence=evidence,
                statement='there is no swap in the image',
                remedy='take it out',
            ),
        ),
    )
    log = sarif.render([found], registry.rules())
    json.dumps(log)
    assert log['version'] == '2.1.0'
    (one,) = log['runs']
    (result,) = one['results']
    return one, result


SEEN = artifact.Evidence(message='seen')


@pytest.mark.parametrize(
    ('outcome', 'kind', 'level'),
    [
        ('fail', 'fail', 'error'),
        ('waived', 'fail', 'error'),
        ('pass', 'pass', 'none'),
        ('unknown', 'review', 'none'),
        ('not-applicable', 'notApplicable', 'none'),
    ],
)
def test_outcome_is_a_kind_of_the_standard_and_only_a_failure_has_a_level(
    outcome, kind, level
):
    _, result = run(SEEN, outcome=outcome)
    assert (result['kind'], result['level']) == (kind, level)


def test_severities_are_levels():
    _, warning = run(SEEN, severity=rule.Severity.WARNING)
    _, info = run(SEEN, severity=rule.Severity.INFO)
    assert (warning['level'], info['level']) == ('warning', 'note')


def test_waiver_is_a_suppression_with_its_reason():
    reason = artifact.Evidence(message='waived until 2027-01-01: vendor')
    _, result = run(reason, outcome='waived')
    (suppression,) = result['suppressions']
    assert suppression == {
        'kind': 'external',
        'justification': 'waived until 2027-01-01: vendor',
    }


def test_only_rules_that_were_judged_are_described():
    one, result = run(SEEN)
    (described,) = one['tool']['driver']['rules']
    assert described['id'] == 'EGI-LAYOUT-03'
    assert result['ruleIndex'] == 0


def test_file_in_the_image_is_an_artifact_inside_the_image():
    one, result = run(
        artifact.Evidence(message='seen', path='/etc/fstab', line=3)
    )
    (place,) = result['locations']
    place = place['physicalLocation']
    assert place['region'] == {'startLine': 3}
    assert place['artifactLocation'] == {'uri': 'etc/fstab', 'index': 1}
    assert one['artifacts'] == [
        {'location': {'uri': '/images/a%20b.qcow2'}},
        {'location': {'uri': 'etc/fstab'}, 'parentIndex': 0},
    ]


def test_place_on_the_disk_is_a_byte_of_the_image():
    _, result = run(artifact.Evidence(message='seen', offset=4086))
    place = result['locations'][0]['physicalLocation']
    assert place['region'] == {'byteOffset': 4086}
    assert place['artifactLocation']['index'] == 0


def test_name_that_is_not_utf_8_is_quoted_by_its_bytes():
    one, _ = run(artifact.Evidence(message='seen', path='/etc/\udcff'))
    assert one['artifacts'][1]['location']['uri'] == 'etc/%FF'


def test_result_without_evidence_says_what_must_hold():
    _, result = run(outcome='pass')
    assert result['message']['text'] == 'there is no swap in the image'
    assert len(result['locations']) == 1
