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

import dataclasses
import json
from pathlib import Path

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.audit import facts
from image_pipeline.stages import audit, registry
from image_pipeline.testing import disks, fakes


def stage(**options) -> audit.AuditStage:
    return audit.AuditStage(registry.fill(audit.AuditOptions, options))


@pytest.fixture
def plan(tmp_path):
    (tmp_path / 'plan').mkdir()
    return fakes.plan_context(tmp_path / 'plan', format='raw')


def context(folder: Path, data: bytes):
    (folder / 'state').mkdir(parents=True)
    image = folder / 'image'
    image.write_bytes(data)
    return fakes.stage_context(
        folder,
        format='raw',
        inputs={
            artifact.IMAGE: artifact.Artifact(
                kind=artifact.IMAGE,
                path=image,
                digest='sha256:' + '0' * 64,
                size=len(data),
                properties={'format': 'raw'},
            )
        },
    )


def test_report_of_a_sound_image_is_an_artifact(tmp_path):
    given = context(tmp_path, bytes(disks.gpt_disk([])))
    (made,) = stage(rules=['EGI-LAYOUT-01', 'EGI-LAYOUT-08']).run(given)
    assert made.kind == artifact.AUDIT_REPORT
    value = json.loads(made.path.read_text())
    assert value['image'] == f'{given.plan.image_name}.raw'
    assert value['summary']['pass'] == 2
    assert made.properties['image_digest'] == 'sha256:' + '0' * 64
    assert made.properties['passed'] is True


def test_report_says_nothing_of_where_the_file_lies(tmp_path):
    data = bytes(disks.gpt_disk([]))
    reports = []
    for name in ('a', 'b'):
        given = context(tmp_path / name, data)
        (made,) = stage(rules=['EGI-LAYOUT-08']).run(given)
        reports.append(made.path.read_bytes())
    assert reports[0] == reports[1]


def test_image_with_errors_stops_the_run_and_keeps_the_report(tmp_path):
    given = context(tmp_path, bytes(1 << 20))
    with pytest.raises(exceptions.AuditFailed) as caught:
        list(stage(rules=['EGI-LAYOUT-01', 'EGI-LAYOUT-02']).run(given))
    assert 'EGI-LAYOUT-01: byte 510' in caught.value.message
    # No files can be read: that is no pass.
    assert 'EGI-LAYOUT-02 (unknown)' in caught.value.message
    (report,) = caught.value.evidence
    assert json.loads(report.read_text())['summary']['fail'] == 1
    assert 'EGI-LAYOUT-01' in given.log.read_text()


def test_properties_that_are_planned_are_judged(tmp_path):
    given = context(tmp_path, bytes(disks.gpt_disk([])))
    bad = {'hw_video_model': 'VGA'}
    given = dataclasses.replace(
        given, plan=dataclasses.replace(given.plan, image_properties=bad)
    )
    with pytest.raises(exceptions.AuditFailed) as caught:
        list(stage(rules=['META-03']).run(given))
    assert 'META-03: hw_video_model is "VGA"' in caught.value.message
    with pytest.raises(exceptions.AuditFailed):
        list(stage(rules=['META-03']).run(with_properties(given, **bad)))


def test_properties_of_the_recipe_go_before_those_of_the_image(tmp_path):
    given = context(tmp_path, bytes(disks.gpt_disk([])))
    given = with_properties(given, endorser='derived', vo='derived')
    plan = dataclasses.replace(
        given.plan, image_properties={'endorser': 'said'}
    )
    seen = audit.planned(dataclasses.replace(given, plan=plan))
    assert seen.properties == {'endorser': 'said', 'vo': 'derived'}
    assert (seen.state, seen.record) == (None, None)


def with_properties(given, **properties):
    """Return a context with the artifact of the stage properties."""
    path = given.work_dir / 'properties.json'
    derived = facts.Facts(
        derived=tuple(
            facts.Derived(
                key=key, value=value, evidence=artifact.Evidence(message='x')
            )
            for key, value in properties.items()
        ),
        min_disk=1,
    )
    path.write_text(json.dumps(derived.to_json()))
    made = artifact.Artifact(
        kind=artifact.PROPERTIES, path=path, digest='', size=0
    )
    return dataclasses.replace(
        given, inputs={**given.inputs, artifact.PROPERTIES: made}
    )


def test_waiver_lets_the_run_go_on(tmp_path):
    given = context(tmp_path, bytes(1 << 20))
    (given.plan.recipe_file.parent / 'w.yaml').write_text(
        'version: 1\nwaivers:\n'
        '- {rule: EGI-LAYOUT-01, reason: a test, expires: 9999-12-31}\n'
    )
    (made,) = stage(rules=['EGI-LAYOUT-01'], waivers='w.yaml').run(given)
    assert json.loads(made.path.read_text())['summary']['waived'] == 1


def test_all_problems_are_seen_by_the_plan(plan):
    problems = list(stage(profile='egy', waivers='none.yaml').check(plan))
    assert [problem.path for problem in problems] == ['profile', 'waivers']
    assert problems[0].hint == 'did you mean "egi"?'


def test_unknown_rule_is_a_problem_of_that_option(plan):
    (problem,) = stage(rules=['EGI-LAYOUT-99']).check(plan)
    assert problem.path == 'rules'


def test_sound_options_have_no_problems(plan):
    assert list(stage().check(plan)) == []


def test_identity_changes_with_the_profile_and_the_waivers(plan):
    folder = plan.recipe_file.parent
    (folder / 'w.yaml').write_text(
        'version: 1\nwaivers:\n'
        '- {rule: EGI-LAYOUT-01, reason: a test, expires: 9999-12-31}\n'
    )
    plain = stage().fingerprint(plan)
    assert plain == stage().fingerprint(plan)
    assert stage(profile='vendor').fingerprint(plan) != plain
    assert stage(waivers='w.yaml').fingerprint(plan) != plain
    said = dataclasses.replace(plan, image_properties={'os_distro': 'x'})
    assert stage().fingerprint(said) != plain
