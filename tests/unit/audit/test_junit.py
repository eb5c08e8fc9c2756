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

from pathlib import Path

import junitparser
import pytest

from image_pipeline import artifact
from image_pipeline.audit import junit, report, rule


def case(outcome, severity=rule.Severity.ERROR, message='seen', data=None):
    """Return the one case of a report with one result."""
    result = report.Result(
        rule='EGI-LAYOUT-03',
        severity=severity,
        outcome=artifact.Outcome(outcome),
        evidence=(artifact.Evidence(message=message, data=data),),
        statement='there is no swap in the image',
        remedy='take it out' if outcome == 'fail' else '',
    )
    found = report.Report(
        image=Path('/images/a.qcow2'),
        format='qcow2',
        virtual_size=1 << 30,
        profile='egi',
        results=(result,),
    )
    document = junitparser.JUnitXml.fromstring(junit.render([found]).encode())
    (suite,) = document
    assert suite.name == '/images/a.qcow2'
    (only,) = suite
    return only


def test_case_is_named_after_the_rule_and_its_group():
    found = case('pass')
    assert found.name == 'EGI-LAYOUT-03 there is no swap in the image'
    assert found.classname == 'image-pipeline.EGI-LAYOUT'
    assert found.is_passed


@pytest.mark.parametrize(
    ('outcome', 'shape'),
    [('fail', junitparser.Failure), ('unknown', junitparser.Error)],
)
def test_rule_of_severity_error_is_red(outcome, shape):
    (result,) = case(outcome).result
    assert isinstance(result, shape)
    assert (result.message, result.type) == ('seen', 'error')


def test_failure_says_what_to_do():
    (result,) = case('fail').result
    assert 'remedy: take it out' in result.text


def test_lesser_rule_is_green_and_says_what_it_objects_to():
    found = case('fail', rule.Severity.WARNING)
    assert found.is_passed
    assert found.system_out.startswith('warning: seen')


@pytest.mark.parametrize('outcome', ['waived', 'not-applicable'])
def test_what_was_not_judged_is_skipped_with_the_reason(outcome):
    (result,) = case(outcome).result
    assert isinstance(result, junitparser.Skipped)
    assert result.message == f'{outcome}: seen'


def test_lesser_rule_that_cannot_be_judged_is_no_pass():
    assert case('unknown', rule.Severity.INFO).is_skipped


def test_bytes_that_xml_cannot_hold_are_written_out():
    (result,) = case('fail', message='\x1b[2J', data='\udcff\0').result
    assert result.message == '\\x1b[2J (\\xdcff\\x00)'


def test_summary_counts_the_cases():
    text = junit.render([])
    assert junitparser.JUnitXml.fromstring(text.encode()).tests == 0
