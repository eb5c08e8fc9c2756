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

import io
import json
from pathlib import Path

import pytest
import yaml

from image_pipeline import artifact
from image_pipeline.cli import report
from image_pipeline.engine import result

IMAGE = {
    'target': 'prod',
    'region': None,
    'id': 'image-1',
    'name': 'debian-12.candidate-1',
    'state': 'candidate',
    'visibility': 'private',
    'previous_id': None,
    'sha512': 'f' * 128,
    'path': None,
    'reason': None,
}


def run(*steps, state=artifact.RunState.SUCCEEDED, **given):
    return result.RunResult(
        run='run-1', recipe='debian-12', state=state, steps=steps, **given
    )


def step(key='compose', state=artifact.StepState.SUCCEEDED, **given):
    return result.StepResult(key=key, stage=key, state=state, **given)


FAILED = run(
    step(),
    step(
        'convert',
        artifact.StepState.FAILED,
        error=result.Failure(
            message='qemu-img failed',
            hint='try again',
            log='/logs/convert.log',
            tail=tuple(f'line {number}' for number in range(30)),
            evidence=('/logs/report.json',),
            exit_status=3,
        ),
    ),
    state=artifact.RunState.FAILED,
    undone=('path /x/y',),
)


def printed(*done, form='table', single=True):
    out = io.StringIO()
    report.results(done, form=form, single=single, out=out)
    return out.getvalue()


def test_the_table_has_stages_and_images():
    lines = printed(
        run(step(seconds=61.04, reason='--force'), images=(IMAGE,))
    ).splitlines()
    assert lines[0] == 'debian-12: run run-1 succeeded in 0.0 s'
    assert 'compose  succeeded  61.0     --force' in lines
    assert any('debian-12.candidate-1' in line for line in lines)


def made(kind, **properties):
    return artifact.Artifact(
        kind=kind, path=Path('x'), digest='', size=0, properties=properties
    )


REGISTERED = step(
    'register@prod',
    artifacts=(made(artifact.REGISTRATION, image_id='image-1', sha256='ab'),),
)


DISAGREEMENT = {
    'rule': 'EGI-SSH-05',
    'audit': 'pass',
    'probe': 'fail',
    'evidence': ['MaxAuthTries is 6'],
}


def smoked(image_digest='sha256:ab', passed=True, **properties):
    return result.StepResult(
        key='smoke-test@prod',
        stage='smoke-test',
        state=artifact.StepState.SUCCEEDED,
        artifacts=(
            made(
                artifact.SMOKE_REPORT,
                image_id='image-1',
                image_digest=image_digest,
                passed=passed,
                **properties,
            ),
        ),
    )


def test_a_smoke_tested_candidate_comes_with_the_command_that_promotes():
    text = printed(run(REGISTERED, smoked(), images=(IMAGE,)))
    assert text.splitlines()[-2:] == [
        'to give the candidate to users:',
        '  image-pipeline image promote --target prod image-1',
    ]


def test_the_command_that_promotes_names_the_same_site():
    out = io.StringIO()
    report.results(
        [run(REGISTERED, smoked(), images=(IMAGE,))],
        form='table',
        single=True,
        out=out,
        program='image-pipeline --config-file /site.conf',
    )
    assert out.getvalue().splitlines()[-1] == (
        '  image-pipeline --config-file /site.conf image promote --target '
        'prod image-1'
    )


@pytest.mark.parametrize(
    ('steps', 'why'),
    [
        (
            [],
            'the run had no smoke-test; bake the recipe without --until, and '
            'with that stage',
        ),
        (
            [
                result.StepResult(
                    key='smoke-test@prod',
                    stage='smoke-test',
                    state=artifact.StepState.FAILED,
                )
            ],
            'smoke-test@prod: failed',
        ),
        (
            [
                result.StepResult(
                    key='smoke-test@prod',
                    stage='smoke-test',
                    state=artifact.StepState.PENDING,
                )
            ],
            'smoke-test@prod: pending',
        ),
        ([smoked(passed=False)], 'smoke-test@prod was of another file'),
        ([smoked('sha256:cd')], 'smoke-test@prod was of another file'),
    ],
    ids=['none', 'failed', 'pending', 'not passed', 'of another file'],
)
def test_a_candidate_that_no_smoke_test_passed_says_what_is_missing(
    steps, why
):
    text = printed(run(REGISTERED, *steps, images=(IMAGE,)))
    assert 'image promote' not in text
    assert text.splitlines()[-2:] == [
        'no smoke test has passed, so not yet for users:',
        f'  image-1: {why}',
    ]


def test_a_disagreement_is_said_to_be_a_defect_of_the_audit():
    text = printed(
        run(REGISTERED, smoked(disagreements=[DISAGREEMENT]), images=(IMAGE,))
    )
    at = text.splitlines().index(
        'defects of the audit, which the smoke test found:'
    )
    said, hint = text.splitlines()[at + 1 : at + 3]
    assert said == (
        '  EGI-SSH-05: the audit says pass, the probe fail: MaxAuthTries is 6'
    )
    assert 'please report' in hint


def test_an_audit_that_a_smoke_test_confirms_is_not_spoken_of():
    text = printed(run(smoked(disagreements=[]), images=(IMAGE,)))
    assert 'defects of the audit' not in text


def test_a_current_image_need_not_be_promoted():
    text = printed(run(step(), images=({**IMAGE, 'state': 'current'},)))
    assert 'promote' not in text


def test_an_unchanged_run_says_so_first():
    text = printed(run(step(), unchanged=True))
    assert text.startswith('debian-12: nothing has changed\n')


def test_one_run_is_an_object_and_several_are_a_list():
    assert json.loads(printed(run(), form='json'))['run'] == 'run-1'
    assert len(json.loads(printed(run(), run(), form='json'))) == 2
    assert len(json.loads(printed(run(), form='json', single=False))) == 1
    assert json.loads(printed(form='json')) == []


def test_yaml_says_the_same_as_json():
    one = printed(FAILED, form='json')
    assert yaml.safe_load(printed(FAILED, form='yaml')) == json.loads(one)


def test_a_failure_says_what_where_and_what_next():
    out = io.StringIO()
    report.failures(FAILED, out)
    lines = out.getvalue().splitlines()
    assert lines[0] == 'error: convert: qemu-img failed'
    assert lines[1] == '  | line 20'
    assert lines[10] == '  | line 29'
    assert lines[11:] == [
        'log: /logs/convert.log',
        'evidence: /logs/report.json',
        'hint: try again',
        'undone: path /x/y',
        'see:  image-pipeline run log run-1 convert',
        'next: image-pipeline run resume run-1',
    ]


def test_success_is_no_failure():
    out = io.StringIO()
    report.failures(run(step()), out)
    assert out.getvalue() == ''


@pytest.mark.parametrize(
    ('done', 'status'),
    [
        (run(step()), 0),
        (FAILED, 3),
        (run(state=artifact.RunState.FAILED), 1),
        (run(state=artifact.RunState.INTERRUPTED), 130),
        (
            run(
                state=artifact.RunState.FAILED,
                error=result.Failure(message='x', exit_status=2),
            ),
            2,
        ),
    ],
)
def test_the_exit_status_follows_the_run(done, status):
    assert done.exit_status == status


def test_artifacts_are_printed_with_their_paths():
    made = artifact.Artifact(
        kind='image', path=Path('/a/b'), digest='sha256:0', size=1
    )
    value = json.loads(printed(run(step(artifacts=(made,))), form='json'))
    assert value['stages'][0]['artifacts'][0]['path'] == '/a/b'
    assert 'identity' not in value['stages'][0]
