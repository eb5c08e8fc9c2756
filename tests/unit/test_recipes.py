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

"""Every recipe that is shipped can be planned."""

from pathlib import Path

import pytest

from image_pipeline.recipe import loader, needs, plan
from image_pipeline.testing import fakes

_RECIPES = Path(__file__).parents[2] / 'etc' / 'image-pipeline' / 'recipes'
_FACTS = needs.HostFacts(
    which=lambda name: Path('/usr/bin', name),
    is_root=True,
    free_bytes=lambda _: 100 * 2**30,
    memory_bytes=lambda: 16 * 2**30,
    version_of=lambda _: None,
    writable=lambda _: True,
)

each_recipe = pytest.mark.parametrize(
    'file', sorted(_RECIPES.glob('*.yaml')), ids=lambda file: file.stem
)


def _plan(file, settings):
    recipe = loader.load(file.stem, recipe_path=[_RECIPES])
    return plan.make(recipe, settings=settings, host=_FACTS)


def test_there_are_the_recipes_of_the_readme():
    assert {'debian-12', 'debian-13'} <= set(loader.names([_RECIPES]))


@each_recipe
def test_recipe_plans_without_a_problem_or_a_warning(file, tmp_path):
    assert _plan(file, fakes.settings(tmp_path)).warnings == ()


@each_recipe
def test_image_has_the_name_of_its_recipe(file, tmp_path):
    # So that `image list` and `recipe list` can be read side by side.
    made = _plan(file, fakes.settings(tmp_path))
    assert made.recipe.image_name == made.recipe.name == file.stem


@each_recipe
def test_recipe_audits_what_it_ships_and_boots_what_it_promotes(
    file, tmp_path
):
    names = [
        step.stage_name for step in _plan(file, fakes.settings(tmp_path)).steps
    ]
    assert names.index('audit') > names.index('convert')
    assert names.index('promote') > names.index('smoke-test')
