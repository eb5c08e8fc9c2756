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

"""The sound image is sound, and every rule has a way to spoil it."""

import importlib.util
import types
from pathlib import Path

from image_pipeline.audit import registry
from image_pipeline.testing import mutations


def test_no_rule_fires_in_the_sound_image(sound):
    report = mutations.audit(sound)
    assert {result.outcome for result in report.results} <= {
        'pass',
        'not-applicable',
    }, report


def test_every_rule_has_a_mutation():
    spoilt = {
        mutation.rule
        for path in Path(__file__).parent.glob('test_*.py')
        for mutation in getattr(_load(path), 'MUTATIONS', {}).values()
    }
    assert spoilt == set(registry.rules())


def _load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
