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

from image_pipeline import artifact, exceptions
from image_pipeline.engine import result
from image_pipeline.host import process

STATE = artifact.RunState


def step(key='s', error=None, *artifacts):
    state = artifact.StepState.FAILED if error else artifact.StepState.SKIPPED
    return result.StepResult(
        key=key, stage=key, state=state, error=error, artifacts=artifacts
    )


def run(state, *steps, error=None):
    return result.RunResult(
        run='run-1', recipe='r', state=state, steps=steps, error=error
    )


AUDIT = result.Failure(message='no', exit_status=3)
SMOKE = result.Failure(message='no', exit_status=4)
BUSY = result.Failure(message='no', exit_status=5)


@pytest.mark.parametrize(
    ('done', 'status'),
    [
        (run(STATE.SUCCEEDED), 0),
        (run(STATE.INTERRUPTED, step(error=AUDIT)), 130),
        (run(STATE.FAILED, step(), step(error=AUDIT), step(error=SMOKE)), 3),
        (run(STATE.FAILED, step(error=AUDIT), error=BUSY), 5),
        (run(STATE.FAILED), 1),
    ],
)
def test_exit_status_is_that_of_what_went_wrong_first(done, status):
    assert done.exit_status == status


def test_failure_says_what_the_error_says():
    error = exceptions.SmokeTestFailed(
        'it does not boot',
        problems=[exceptions.Problem(message='no network')],
        tail=['panic'],
        log='/console',
        hint='look',
    )
    assert result.Failure.of(error, log='/l', tail=('x',)) == result.Failure(
        message='it does not boot',
        hint='look',
        log='/console',
        tail=('no network', 'panic'),
        exit_status=4,
    )


def test_failure_of_an_error_that_says_little_has_the_log():
    error = exceptions.StageFailed('no')
    found = result.Failure.of(error, log='/l', tail=('x',), evidence=('/e',))
    assert (found.log, found.tail, found.evidence) == ('/l', ('x',), ('/e',))


def test_secrets_are_taken_out_of_every_word_of_a_failure():
    found = result.redacted(
        result.Failure(message='a s3cret', hint=None, tail=('x s3cret',)),
        process.Redactor(['s3cret']),
    )
    assert (found.message, found.hint, found.tail) == (
        'a ***',
        None,
        ('x ***',),
    )


def test_printed_run_is_json_without_what_only_the_manifest_needs():
    value = run(STATE.FAILED, step(error=AUDIT), error=BUSY).to_json()
    assert json.loads(json.dumps(value)) == value
    assert 'identity' not in value['stages'][0]
    assert value['stages'][0]['error']['exit_status'] == 3
    assert value['error']['exit_status'] == 5


def made(kind, **properties):
    return artifact.Artifact(
        kind=kind, path=Path('x'), digest='', size=0, properties=properties
    )


REGISTERED = made(artifact.REGISTRATION, image_id='1', sha256='ab')
TESTED = made(
    artifact.SMOKE_REPORT, image_id='1', image_digest='sha256:ab', passed=True
)


@pytest.mark.parametrize(
    ('artifacts', 'tested'),
    [
        ([REGISTERED, TESTED], True),
        ([REGISTERED], False),
        ([TESTED], False),
        (
            [made(artifact.REGISTRATION, image_id='2', sha256='ab'), TESTED],
            False,
        ),
        (
            [made(artifact.REGISTRATION, image_id='1', sha256='cd'), TESTED],
            False,
        ),
        (
            [
                REGISTERED,
                made(
                    artifact.SMOKE_REPORT,
                    image_digest='sha256:ab',
                    passed=False,
                ),
            ],
            False,
        ),
    ],
    ids=['tested', 'not', 'unregistered', 'other id', 'other file', 'failed'],
)
def test_image_is_tested_if_a_test_of_its_very_file_passed(artifacts, tested):
    done = run(STATE.SUCCEEDED, step('s', None, *artifacts))
    assert done.smoke_tested('1') is tested
