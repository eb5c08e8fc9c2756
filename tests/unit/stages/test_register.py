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

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.audit import facts
from image_pipeline.catalogues import directory
from image_pipeline.stages import register
from image_pipeline.testing import fake_catalogue, fakes
from image_pipeline.testing.conformance import catalogue as conformance
from image_pipeline.testing.conformance import stage


def report(folder, digest, *, kind=artifact.AUDIT_REPORT, passed=True):
    path = folder / f'{kind}.json'
    path.write_text('{}')
    return artifact.Artifact(
        kind=kind,
        path=path,
        digest='',
        size=2,
        properties={'image_digest': digest, 'passed': passed},
    )


def arrange(folder, *, host=None, catalogue=None, audit=None, **target):
    image = conformance.make_image(folder)
    place = fakes.target(**target)
    return fakes.stage_context(
        folder,
        host=host,
        inputs={
            artifact.IMAGE: image,
            artifact.AUDIT_REPORT: audit or report(folder, image.digest),
        },
        catalogue=catalogue or fake_catalogue.FakeCatalogue(place),
        target=place,
    )


def run(context, **options):
    made = register.RegisterStage(register.RegisterOptions(**options))
    return next(iter(made.run(context)))


class TestRegisterRun(stage.StageRunConformance):
    name = 'register'

    def arrange(self, folder, host):
        context = arrange(folder, host=host)
        return register.RegisterStage(register.RegisterOptions()), context


def test_image_becomes_a_candidate(tmp_path):
    context = arrange(tmp_path)
    made = run(context)
    image = context.catalogue.get(made.properties['image_id'])
    assert image.state == 'candidate'
    assert image.final_name == 'debian-12'
    assert image.recipe == 'debian-12'
    assert made.properties['state'] == 'candidate'
    assert made.properties['sha256'] == image.sha256


def test_target_may_name_the_image(tmp_path):
    context = arrange(tmp_path, image_name='other')
    made = run(context)
    assert made.properties['name'] == 'other'


def test_more_special_properties_win(tmp_path):
    context = arrange(
        tmp_path, properties={'os_distro': 'target', 'a': 't', 'b': 't'}
    )
    made = run(context, properties={'b': 'option'})
    image = context.catalogue.get(made.properties['image_id'])
    assert image.properties == {
        'os_distro': 'target',
        'a': 't',
        'b': 'option',
    }


def derived(folder, **properties):
    found = facts.Facts(
        derived=tuple(
            facts.Derived(
                key=key,
                value=value,
                evidence=artifact.Evidence(message='seen'),
            )
            for key, value in properties.items()
        ),
        min_disk=2,
    )
    path = folder / 'properties.json'
    path.write_text(json.dumps(found.to_json()))
    return artifact.Artifact(
        kind=artifact.PROPERTIES, path=path, digest='', size=2
    )


def test_what_people_wrote_wins_over_what_is_derived(tmp_path):
    context = arrange(tmp_path, properties={'hw_disk_bus': 'scsi'})
    found = derived(tmp_path, hw_disk_bus='virtio', min_disk='2')
    context = dataclasses.replace(
        context, inputs={**context.inputs, artifact.PROPERTIES: found}
    )
    made = run(context)
    image = context.catalogue.get(made.properties['image_id'])
    assert image.properties['hw_disk_bus'] == 'scsi'
    assert image.properties['min_disk'] == '2'


def test_target_that_contradicts_the_image_is_refused(tmp_path):
    context = arrange(tmp_path, properties={'os_distro': 'ubuntu'})
    found = derived(tmp_path, os_distro='debian')
    context = dataclasses.replace(
        context, inputs={**context.inputs, artifact.PROPERTIES: found}
    )
    with pytest.raises(exceptions.RecipeInvalid) as caught:
        run(context)
    assert '"ubuntu"' in caught.value.problems[0].message
    assert context.catalogue.images == {}


def test_property_that_nova_does_not_take_is_a_problem_of_the_plan(tmp_path):
    context = arrange(tmp_path, properties={'hw_disk_bus': 'VirtIO'})
    made = register.RegisterStage(
        register.RegisterOptions(properties={'hw_video_ram': 'much'})
    )
    first, second = made.check(context.plan)
    assert first.hint == 'did you mean "virtio"?'
    assert second.path == 'properties.hw_video_ram'


def test_audit_that_did_not_pass_is_refused(tmp_path):
    image = conformance.make_image(tmp_path)
    context = arrange(
        tmp_path, audit=report(tmp_path, image.digest, passed=False)
    )
    with pytest.raises(exceptions.AuditFailed):
        run(context)
    assert context.catalogue.images == {}


def test_audit_of_another_file_is_refused(tmp_path):
    context = arrange(tmp_path, audit=report(tmp_path, 'sha256:' + '0' * 64))
    with pytest.raises(exceptions.DigestMismatch):
        run(context)
    assert context.catalogue.images == {}


def test_same_registration_is_the_same_artifact(tmp_path):
    context = arrange(tmp_path)
    first = run(context).path.read_text()
    image_id = json.loads(first)['id']
    context.catalogue.promote(image_id)
    second = run(dataclasses.replace(context, run_id='run-2'))
    assert second.path.read_text() == first


def test_what_was_half_done_is_said_in_the_log(tmp_path):
    context = arrange(tmp_path)
    context.catalogue.half_done.append('finished the promotion of x')
    run(context)
    assert 'finished the promotion of x' in context.log.read_text()


class TestStillValid:
    @pytest.fixture
    def context(self, tmp_path):
        catalogue = directory.DirectoryCatalogue(
            fakes.target(), state_dir=tmp_path / 'state'
        )
        return arrange(tmp_path, catalogue=catalogue)

    def why(self, context, made):
        return register.RegisterStage(register.RegisterOptions()).still_valid(
            {artifact.REGISTRATION: made}, context.plan, context.cache
        )

    def test_registered_image_is_no_reason(self, context):
        made = run(context)
        assert self.why(context, made) is None
        context.catalogue.promote(made.properties['image_id'])
        assert self.why(context, made) is None

    def test_deleted_image_is_a_reason(self, context):
        made = run(context)
        context.catalogue.retire(made.properties['image_id'], delete=True)
        assert 'no longer in the catalogue' in self.why(context, made)

    def test_retired_image_is_a_reason(self, context):
        made = run(context)
        context.catalogue.retire(made.properties['image_id'])
        assert 'retired' in self.why(context, made)

    def test_missing_file_is_a_reason(self, context):
        made = run(context)
        context.catalogue.get(made.properties['image_id']).path.unlink()
        assert 'is gone' in self.why(context, made)

    def test_other_digest_is_a_reason(self, context):
        made = run(context)
        made = dataclasses.replace(
            made, properties={**made.properties, 'sha256': '0' * 64}
        )
        assert 'another digest' in self.why(context, made)

    def test_catalogue_that_does_not_answer_is_no_reason_but_an_error(
        self, context, monkeypatch
    ):
        made = run(context)

        def down(self, image_id):
            raise exceptions.Unavailable('it does not answer')

        monkeypatch.setattr(directory.DirectoryCatalogue, 'get', down)
        with pytest.raises(exceptions.Unavailable):
            self.why(context, made)


def test_identity_knows_name_and_properties(tmp_path):
    def print_of(**target):
        made = register.RegisterStage(register.RegisterOptions())
        return made.fingerprint(
            fakes.plan_context(tmp_path, target=fakes.target(**target))
        )

    plain = print_of()
    assert plain == print_of()
    assert plain != print_of(image_name='other')
    assert plain != print_of(properties={'a': 'b'})
    assert plain != print_of(tags=('t',))
