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

"""Plans of fake stages, and a state folder to bake them in."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import decide, events, manifest, secrets
from image_pipeline.engine import job as engine_job
from image_pipeline.host import cancellation, plugins
from image_pipeline.recipe import loader
from image_pipeline.recipe import plan as recipe_plan
from image_pipeline.store import store as store_module
from image_pipeline.testing import fakes, stages

RECIPE = """\
version: 1
image: {name: fake}
stages:
  - fake-make
  - fake-convert: {formats: [raw]}
  - fake-check
"""


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody cuts the power; and a busy disk takes a second for each.
    monkeypatch.setattr(os, 'fsync', lambda fd: None)


@pytest.fixture
def fake_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    folder = tmp_path / 'stages'
    for name, value in stages.install(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(folder))
    plugins.forget()
    yield
    plugins.forget()


@pytest.fixture
def settings(tmp_path: Path) -> conf_settings.Settings:
    return fakes.settings(tmp_path / 'state')


@pytest.fixture
def store(settings: conf_settings.Settings) -> store_module.Store:
    made = store_module.Store(settings.state_dir)
    made.prepare()
    return made


@pytest.fixture
def plan(
    tmp_path: Path, fake_stages: None, settings: conf_settings.Settings
) -> Callable[..., recipe_plan.Plan]:
    """Make a plan of a recipe, with ``--set`` arguments."""

    def make(*sets: str, text: str = RECIPE, **given: Any) -> recipe_plan.Plan:
        file = tmp_path / 'fake.yaml'
        file.write_text(text)
        recipe = loader.load(str(file), recipe_path=(), sets=sets)
        given.setdefault('settings', settings)
        return recipe_plan.make(recipe, check_host=False, **given)

    return make


@pytest.fixture
def told() -> list[events.Event]:
    """What the runs of this test told."""
    return []


@pytest.fixture
def job(
    settings: conf_settings.Settings,
    store: store_module.Store,
    told: list[events.Event],
) -> Iterator[Callable[..., engine_job.Job]]:
    """Make what the steps of a run have in common, the run's folder too."""
    folders = []

    def make(made: recipe_plan.Plan, **given: Any) -> engine_job.Job:
        store.prepare()
        values = given.pop('secrets', {})
        redact = secrets.redactor(values)
        run_id = f'run-{len(folders) + 1}'
        folder = store.runs.create(
            made.recipe.layers[0].text,
            manifest=manifest.begin(
                made, run_id=run_id, force=False, keep_on_failure=False
            ),
            run_id=run_id,
        )
        folders.append(folder)
        decisions = given.pop('decisions', None) or decide.decide(made, store)
        base: dict[str, Any] = {
            'settings': settings,
            'cancelled': cancellation.CancellationToken(),
            'emit': events.Emitter([told.append]),
        }
        return engine_job.Job(
            plan=made,
            run=folder,
            store=store,
            decisions={one.step.key: one for one in decisions},
            manifest=manifest.Manifest(folder, folder.manifest, redact),
            secrets=values,
            redact=redact,
            **base | given,
        )

    yield make
    for folder in folders:
        folder.release()
