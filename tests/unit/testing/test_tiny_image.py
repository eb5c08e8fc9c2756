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

"""The tiny image: what can be told of it without making one."""

from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.probes import registry
from image_pipeline.testing import fakes, tiny_image


def test_probes_that_are_to_pass_exist() -> None:
    assert set(tiny_image.PROBES) <= set(registry.names())


def test_every_way_to_go_wrong_is_known_to_the_guest() -> None:
    script = Path(tiny_image.__file__).with_name('tiny_init.sh').read_text()
    for way, arguments in tiny_image.WAYS.items():
        if arguments.startswith('tiny='):
            assert arguments == f'tiny={way}'
            assert way in script


def test_program_that_is_missing_is_named_with_its_package(
    tmp_path: Path,
) -> None:
    host = fakes.FakeHost(missing=['mkfs.vfat'])
    with pytest.raises(exceptions.StageFailed) as caught:
        tiny_image.build(tmp_path, host=host)
    assert caught.value.hint == 'install the package dosfstools'


def test_kernel_that_apt_does_not_know_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(exceptions.StageFailed, match='knows no package'):
        tiny_image.build(tmp_path, host=fakes.FakeHost())


def test_artifact_has_what_a_catalogue_asks_for(tmp_path: Path) -> None:
    path = tmp_path / 'tiny.qcow2'
    path.write_bytes(b'QFI\xfb')
    made = tiny_image.as_artifact(path)
    assert made.size == 4
    assert made.digest.startswith('sha256:')
    assert len(made.properties['sha512']) == 128
