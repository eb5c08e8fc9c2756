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

from image_pipeline import exceptions
from image_pipeline.catalogues import directory
from image_pipeline.engine import targets
from image_pipeline.hypervisors import qemu
from image_pipeline.testing import fakes


def test_target_gets_what_it_names(settings, store):
    target = fakes.target()
    catalogue = targets.catalogue(target, settings)
    assert isinstance(catalogue, directory.DirectoryCatalogue)
    assert catalogue.state_dir == settings.state_dir
    hypervisor = targets.hypervisor(target, settings, store.cache)
    assert isinstance(hypervisor, qemu.QemuHypervisor)
    assert hypervisor.accel == settings.accel


def test_target_that_names_no_plug_in_is_told(settings, store):
    target = dataclasses.replace(
        fakes.target('prod'), catalogue='glanse', hypervisor='novva'
    )
    with pytest.raises(exceptions.NotFound, match='no catalogue "glanse"'):
        targets.catalogue(target, settings)
    with pytest.raises(exceptions.NotFound, match='no hypervisor "novva"'):
        targets.hypervisor(target, settings, store.cache)
