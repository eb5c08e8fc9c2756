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


from image_pipeline.audit import found, rule
from image_pipeline.audit.guest import text

LINE = text.Line(path='/etc/x', number=3, text='  a = b  ')


def test_finding_at_a_line_shows_the_line():
    evidence = found.at(LINE, 'is wrong').evidence
    assert (evidence.path, evidence.line, evidence.data) == (
        '/etc/x',
        3,
        'a = b',
    )


def test_finding_shows_no_more_of_a_line_than_a_report_can_bear():
    line = text.Line(path='/etc/x', number=1, text='x' * 10_000)
    assert len(found.at(line, 'is long').evidence.data) == 160


def test_finding_at_a_secret_does_not_repeat_it():
    evidence = found.secret_at(LINE, 'is secret').evidence
    assert (evidence.line, evidence.data) == (3, None)


def test_findings_keep_their_severity():
    for one in (
        found.at(LINE, 'x', severity=rule.Severity.INFO),
        found.secret_at(LINE, 'x', severity=rule.Severity.INFO),
        found.in_file('/x', 'x', severity=rule.Severity.INFO),
        found.said('x', severity=rule.Severity.INFO),
    ):
        assert one.severity is rule.Severity.INFO
