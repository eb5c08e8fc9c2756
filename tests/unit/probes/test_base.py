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

"""What probes have in common; their judges are tested module by module."""

from image_pipeline import artifact
from image_pipeline.probes import base, protocol, registry
from image_pipeline.testing.conformance import probe as conformance

EXPECTED = conformance.EXPECTED


def judge(name: str, text: str) -> base.ProbeResult:
    answer = protocol.Answer(text=text)
    return base.judge(registry.load(name), answer, EXPECTED)


def test_verdict_is_a_fail_with_all_that_is_wrong_or_else_a_pass():
    failed = base.judged(['a is wrong', 'b is'], 'all is well', ports=[1])
    assert failed.outcome == artifact.Outcome.FAIL
    assert [one.message for one in failed.evidence] == ['a is wrong', 'b is']
    passed = base.judged([], 'all is well', ports=[1])
    assert passed.outcome == artifact.Outcome.PASS
    assert [one.message for one in passed.evidence] == ['all is well']
    assert failed.facts == passed.facts == {'ports': [1]}


def test_what_is_not_as_wanted_says_what_was():
    wrong = base.compared('the name is a', False, 'b', name='a')
    assert wrong == base.failed('the name is a, not b', name='a')
    right = base.compared('the name is b', True, 'b', name='b')
    assert right == base.passed('the name is b', name='b')


def test_probes_with_one_snippet_are_asked_once() -> None:
    probes = registry.select(['EGI-SSH-05', 'EGI-SSH-03', 'HYG-05'])
    assert base.asked_as(probes) == {
        'HYG-05': 'HYG-05',
        'EGI-SSH-03': 'EGI-SSH-03',
        'EGI-SSH-05': 'EGI-SSH-03',
        'LIVE-IDENTITY': 'LIVE-IDENTITY',
    }


def test_only_an_error_fails_a_smoke_test() -> None:
    hint = judge('HYG-18', 'lang=de_DE.UTF-8\n')
    error = judge('HYG-05', 'builder\n')
    assert (hint.is_bad, hint.blocks) == (True, False)
    assert (error.is_bad, error.blocks) == (True, True)
