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

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base, directory
from image_pipeline.stages import promote
from image_pipeline.testing import fake_catalogue, fakes
from image_pipeline.testing.conformance import catalogue as conformance
from image_pipeline.testing.conformance import stage


def arrange(folder, *, catalogue=None, host=None, smoke=None, **target):
    place = fakes.target(**target)
    catalogue = catalogue or fake_catalogue.FakeCatalogue(place)
    image = conformance.make_image(folder)
    record = conformance.register(catalogue, image, name='debian-12')
    inputs = {}
    for kind, properties in (
        (
            artifact.REGISTRATION,
            {'image_id': record.id, 'sha256': record.sha256},
        ),
        (
            artifact.SMOKE_REPORT,
            {'image_digest': image.digest, 'passed': True} | (smoke or {}),
        ),
    ):
        path = folder / f'{kind}.json'
        path.write_text('{}')
        inputs[kind] = artifact.Artifact(
            kind=kind, path=path, digest='', size=2, properties=properties
        )
    return fakes.stage_context(
        folder, host=host, inputs=inputs, catalogue=catalogue, target=place
    )


def run(context, **options):
    made = promote.PromoteStage(promote.PromoteOptions(**options))
    return next(iter(made.run(context)))


def image_of(context):
    return context.catalogue.get(
        context.inputs[artifact.REGISTRATION].properties['image_id']
    )


class TestPromoteRun(stage.StageRunConformance):
    name = 'promote'

    def arrange(self, folder, host):
        context = arrange(folder, host=host)
        return promote.PromoteStage(promote.PromoteOptions()), context


def test_candidate_becomes_current(tmp_path):
    context = arrange(tmp_path)
    made = run(context, reason='weekly')
    image = image_of(context)
    assert (image.state, image.reason) == ('current', 'weekly')
    assert made.properties == {'image_id': image.id, 'state': 'current'}


def test_current_image_is_left_as_it_is(tmp_path):
    context = arrange(tmp_path)
    run(context)
    before = image_of(context)
    run(context, reason='again')
    assert image_of(context) == before
    assert 'is current' in context.log.read_text()


def test_smoke_test_of_another_image_is_refused(tmp_path):
    context = arrange(tmp_path, smoke={'image_digest': 'sha256:0'})
    with pytest.raises(exceptions.DigestMismatch):
        run(context)
    assert image_of(context).state == 'candidate'


def test_smoke_test_that_did_not_pass_is_refused(tmp_path):
    context = arrange(tmp_path, smoke={'passed': False})
    with pytest.raises(exceptions.SmokeTestFailed):
        run(context)
    assert image_of(context).state == 'candidate'


def test_image_that_changed_in_the_catalogue_is_refused(tmp_path):
    context = arrange(tmp_path)
    image = image_of(context)
    context.catalogue.images[image.id] = dataclasses.replace(
        image, sha256='0' * 64
    )
    with pytest.raises(exceptions.DigestMismatch):
        run(context)


def test_promotion_names_the_image_that_was_replaced(tmp_path):
    context = arrange(tmp_path)
    old = conformance.register(
        context.catalogue,
        conformance.make_image(tmp_path, b'old'),
        name='debian-12',
    )
    context.catalogue.promote(old.id)
    assert run(context).properties['former_id'] == old.id
    assert 'former_id' not in run(context).properties


def test_what_a_promotion_said_is_in_the_log(tmp_path, monkeypatch):
    context = arrange(tmp_path)
    promoted = context.catalogue.promote

    def promote_and_say(image_id, **options):
        return dataclasses.replace(
            promoted(image_id, **options),
            members=(base.Member(project='p1', status='pending'),),
            notes=('another image of that name is public',),
        )

    monkeypatch.setattr(context.catalogue, 'promote', promote_and_say)
    run(context)
    log = context.log.read_text()
    assert 'shared with p1: pending' in log
    assert 'another image of that name is public' in log


def test_manual_target_waits_for_a_person(tmp_path):
    context = arrange(tmp_path, name='prod', promote='manual')
    made = run(context)
    assert image_of(context).state == 'candidate'
    assert made.properties['state'] == 'candidate'
    command = f'image promote {image_of(context).id} --target prod'
    assert command in context.log.read_text()


def test_image_that_was_rolled_back_is_not_promoted_again(tmp_path):
    context = arrange(tmp_path)
    catalogue = context.catalogue
    good = conformance.register(
        catalogue, conformance.make_image(tmp_path, b'good'), name='debian-12'
    )
    catalogue.promote(good.id)
    run(context)
    catalogue.roll_back('debian-12', reason='kernel panic')
    with pytest.raises(exceptions.StateConflict, match='kernel panic'):
        run(context)
    assert catalogue.get(good.id).state == 'current'


class TestStillValid:
    def why(self, context, made):
        return promote.PromoteStage(promote.PromoteOptions()).still_valid(
            {artifact.PROMOTION: made}, context.plan, context.cache
        )

    def arrange(self, tmp_path, **target):
        return arrange(
            tmp_path,
            catalogue=directory.DirectoryCatalogue(
                fakes.target(), state_dir=tmp_path / 'state'
            ),
            **target,
        )

    def test_current_image_is_no_reason(self, tmp_path):
        context = self.arrange(tmp_path)
        assert self.why(context, run(context)) is None

    def test_image_that_is_not_current_is_a_reason(self, tmp_path):
        context = self.arrange(tmp_path)
        made = run(context)
        other = conformance.register(
            context.catalogue,
            conformance.make_image(tmp_path, b'other'),
            name='debian-12',
        )
        context.catalogue.promote(other.id)
        assert 'is previous, not current' in self.why(context, made)

    def test_deleted_image_is_a_reason(self, tmp_path):
        context = self.arrange(tmp_path, name='local', promote='auto')
        made = run(context)
        made = dataclasses.replace(made, properties={'image_id': 'gone'})
        assert 'no longer' in self.why(context, made)

    def test_manual_target_has_no_reason(self, tmp_path):
        context = self.arrange(tmp_path, promote='manual')
        assert self.why(context, run(context)) is None
