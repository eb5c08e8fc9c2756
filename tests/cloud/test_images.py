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

"""A real Glance keeps the contract that the fake keeps."""

import pytest

from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.testing.conformance import images as conformance


@pytest.fixture(scope='module')
def users(devcloud):
    """Two users, each logged in once."""
    return clouds_cloud.Cloud('devcloud'), clouds_cloud.Cloud('devcloud-other')


class TestGlance(conformance.ImagesConformance):
    @pytest.fixture(autouse=True)
    def _cloud(self, cloud, users):
        self.users = users

    def make(self):
        return tuple(user.images for user in self.users)

    def project(self, client):
        return next(
            user.project_id for user in self.users if user.images is client
        )
