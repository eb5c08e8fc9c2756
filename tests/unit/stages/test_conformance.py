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

from importlib import metadata

from image_pipeline.stages import registry
from image_pipeline.testing.conformance import stage

_EXAMPLE = {'elements': ['debian-minimal'], 'build_in': 'disk'}


class TestAudit(stage.StageConformance):
    name = 'audit'


class TestCompose(stage.StageConformance):
    name = 'compose'
    examples = (_EXAMPLE,)


class TestConvert(stage.StageConformance):
    name = 'convert'


class TestPromote(stage.StageConformance):
    name = 'promote'


class TestProperties(stage.StageConformance):
    name = 'properties'


class TestRegister(stage.StageConformance):
    name = 'register'


class TestSmokeTest(stage.StageConformance):
    name = 'smoke-test'


class TestSysprep(stage.StageConformance):
    name = 'sysprep'


class TestZerofree(stage.StageConformance):
    name = 'zerofree'


def test_every_stage_of_ours_has_a_conformance_class():
    ours = {
        found.name
        for found in metadata.entry_points(group=registry.NAMESPACE)
        if found.module.startswith('image_pipeline.')
    }
    tested = {
        one.name
        for one in globals().values()
        if isinstance(one, type) and issubclass(one, stage.StageConformance)
    }
    assert tested == ours
