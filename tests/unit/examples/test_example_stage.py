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

"""The manual's example of a stage is one: it passes the conformance test."""

import hashlib
import importlib.util
import sys
from pathlib import Path

import pytest

from image_pipeline import artifact
from image_pipeline.testing import fakes
from image_pipeline.testing.conformance import stage

_EXAMPLES = Path(__file__).parents[3] / 'doc/source/contributor/examples'
_CONTENT = b'what an image holds' * 100


def _load():
    spec = importlib.util.spec_from_file_location(
        'sums', _EXAMPLES / 'sums.py'
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules['sums'] = module
    spec.loader.exec_module(module)
    return module


sums = _load()


class TestSums(stage.StageRunConformance):
    name = 'sums'
    stage_class = sums.SumsStage
    examples = ({}, {'algorithm': 'sha512'})
    own_kinds = frozenset({sums.SUMS})

    @pytest.fixture(autouse=True)
    def installed(self, tmp_path_factory, monkeypatch):
        """Install it, as ``pip install`` of its package would."""
        folder = tmp_path_factory.mktemp('installed')
        metadata = folder / 'image_pipeline_sums-1.0.dist-info'
        metadata.mkdir()
        (metadata / 'METADATA').write_text(
            'Metadata-Version: 2.1\nName: image-pipeline-sums\nVersion: 1.0\n'
        )
        (metadata / 'entry_points.txt').write_text(
            '[image_pipeline.stages]\nsums = sums:SumsStage\n'
        )
        monkeypatch.syspath_prepend(folder)

    def arrange(self, folder, host):
        path = folder / 'image.qcow2'
        path.write_bytes(_CONTENT)
        image = artifact.Artifact(
            kind=artifact.IMAGE,
            path=path,
            digest='sha256:' + hashlib.sha256(_CONTENT).hexdigest(),
            size=len(_CONTENT),
        )
        context = fakes.stage_context(
            folder,
            inputs={artifact.IMAGE: image},
            host=host,
            format='qcow2',
        )
        return sums.SumsStage(sums.SumsOptions()), context

    def test_file_is_what_sha256sum_would_write(self, tmp_path):
        stage, context = self.arrange(tmp_path, fakes.FakeHost())
        [made] = stage.run(context)
        digest = hashlib.sha256(_CONTENT).hexdigest()
        assert made.path.name == 'SHA256SUMS'
        assert made.path.read_text() == f'{digest}  debian-12.qcow2\n'
