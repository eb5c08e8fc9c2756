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

"""A real Glance as a catalogue keeps the contract of every catalogue."""

import pytest

from image_pipeline.catalogues import glance
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.testing import cloud_project, fakes
from image_pipeline.testing.conformance import catalogue as conformance


@pytest.fixture(scope='module')
def project(devcloud, tmp_path_factory):
    """A project where nobody else has images."""
    folder = tmp_path_factory.mktemp('conformance')
    with devcloud.shared():
        made = cloud_project.projects(
            devcloud.clouds_yaml, folder, ['conformance']
        )
        projects = made.__enter__()
    yield projects
    with devcloud.shared():
        made.__exit__(None, None, None)


class TestGlanceCatalogue(conformance.CatalogueConformance):
    @pytest.fixture(autouse=True)
    def _cloud(self, cloud, project, monkeypatch):
        """Begin without images."""
        monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(project.clouds_yaml))
        yield
        client = clouds_cloud.open_cloud(TARGET).images
        for image in client.find(owner=project.ids['conformance']):
            if image.protected:
                client.patch(image.id, {'protected': False})
            client.delete(image.id)

    def make(self, folder):
        return glance.GlanceCatalogue(TARGET, state_dir=folder)


TARGET = fakes.target(
    'conformance', catalogue='glance', cloud='conformance', delete=True
)
