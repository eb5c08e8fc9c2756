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
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.hypervisors import qemu, registry
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes


def test_target_gets_its_hypervisor(tmp_path: Path) -> None:
    cache = store_cache.Cache(tmp_path)
    found = registry.load(fakes.target(), cache=cache, accel='tcg')
    assert isinstance(found, qemu.QemuHypervisor)
    assert (found.cache, found.accel) == (cache, 'tcg')


def test_unknown_hypervisor_is_refused_with_what_there_is() -> None:
    target = dataclasses.replace(fakes.target(), hypervisor='xen')
    with pytest.raises(exceptions.NotFound) as caught:
        registry.plugin(target)
    assert (
        caught.value.hint == f'hypervisors are {", ".join(registry.names())}'
    )


def test_hypervisor_that_is_nearly_there_is_guessed_at() -> None:
    target = dataclasses.replace(fakes.target(), hypervisor='qmeu')
    with pytest.raises(exceptions.NotFound) as caught:
        registry.plugin(target)
    assert caught.value.hint == 'did you mean "qemu"?'
