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


import gc
from collections.abc import Iterator

from image_pipeline.audit import found, rule

MANY = 10_000


def kept() -> int:
    return sum(isinstance(thing, rule.Finding) for thing in gc.get_objects())


class Talkative(rule.Rule):
    """It finds lesser things first, and many."""

    id = 'SITE-TALK-01'
    severity = rule.Severity.WARNING
    statement = 'nothing is found'
    rationale = 'It is a test.'
    source = 'here'
    remedy = 'nothing'

    def find(self, subject, options) -> Iterator[rule.Finding]:
        before = kept()
        for number in range(MANY):
            yield found.said(f'a hint {number}', severity=rule.Severity.INFO)
        yield found.said('a fault', severity=rule.Severity.ERROR)
        yield found.said('a warning')
        subject.append(kept() - before)


def test_worst_finding_comes_first_however_late_it_is_found():
    verdict = Talkative().check([])
    assert verdict.severity is rule.Severity.ERROR
    messages = [one.message for one in verdict.evidence]
    assert messages[:3] == ['a fault', 'a warning', 'a hint 0']
    assert len(messages) == rule.MOST_EVIDENCE + 1
    assert messages[-1] == f'and {MANY + 2 - rule.MOST_EVIDENCE} more'


def test_findings_that_are_not_shown_are_not_kept():
    more: list[int] = []
    Talkative().check(more)
    assert more[0] <= 3 * rule.MOST_EVIDENCE
