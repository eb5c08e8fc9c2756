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

import pytest

from image_pipeline import artifact
from image_pipeline.recipe import loader, plan
from image_pipeline.stages import register
from image_pipeline.testing import fakes, tiny_stages


@pytest.fixture
def image(tmp_path):
    path = tmp_path / 'tiny.qcow2'
    path.write_bytes(b'QFI\xfb tiny')
    return path


def make(image, **options):
    return tiny_stages.TakeImageStage(
        tiny_stages.TakeImageOptions(image=str(image), **options)
    )


def test_it_hands_the_image_on_with_a_report_that_register_takes(
    image, tmp_path
):
    work = tmp_path / 'work'
    work.mkdir()
    context = fakes.stage_context(work)
    made = {one.kind: one for one in make(image).run(context)}
    taken = made[artifact.IMAGE]
    assert taken.path.read_bytes() == image.read_bytes()
    assert taken.path != image
    register.check_report(
        made[artifact.AUDIT_REPORT],
        taken.digest,
        verdict='audit',
        error=AssertionError,
    )
    said = json.loads(made[artifact.AUDIT_REPORT].path.read_text())
    assert said['results'] == []


def test_an_image_that_is_not_there_is_a_problem(image, tmp_path):
    context = fakes.plan_context(tmp_path)
    assert list(make(image).check(context)) == []
    (problem,) = make(tmp_path / 'none').check(context)
    assert problem.path == 'image'


def test_its_recipe_goes_all_the_way(image, tmp_path, monkeypatch):
    from image_pipeline.host import plugins

    folder = tmp_path / 'plugin'
    for name, value in tiny_stages.install(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(folder))
    plugins.forget()
    path = tiny_stages.recipe(
        tmp_path / 'small.yaml', image=image, growth_mib=0
    )
    made = plan.make(
        loader.load(str(path), recipe_path=()),
        settings=fakes.settings(tmp_path / 'state'),
        check_host=False,
    )
    plugins.forget()
    assert made.recipe.image_name == 'small'
    assert [step.key for step in made.steps] == [
        'take-image.qcow2',
        'register@local',
        'smoke-test@local',
        'promote@local',
    ]
