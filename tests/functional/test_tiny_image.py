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

"""The tiny image in QEMU: it answers, and each way to go wrong is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.host import process
from image_pipeline.hypervisors import qemu
from image_pipeline.probes import console
from image_pipeline.stages import base
from image_pipeline.stages import registry as stages_registry
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes, tiny_fixture, tiny_image

tiny = tiny_fixture.tiny
tiny_images = tiny_fixture.tiny_images


class Catalogue:
    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, image_id: str) -> artifact.ImageRecord:
        return artifact.ImageRecord(
            id=image_id,
            name='tiny.candidate',
            final_name='tiny',
            state=artifact.ImageState.CANDIDATE,
            sha256='00' * 32,
            sha512='00' * 64,
            size=self.path.stat().st_size,
            virtual_size=tiny_image.SIZE,
            format='qcow2',
            visibility='private',
            hidden=True,
            created_at='2026-01-01T00:00:00Z',
            path=self.path,
        )

    def set_properties(self, *_: Any, **__: Any) -> None:
        pass


def boot(folder: Path, path: Path) -> list[artifact.Artifact]:
    context: base.StageContext = fakes.stage_context(
        folder,
        inputs={
            artifact.REGISTRATION: artifact.Artifact(
                kind=artifact.REGISTRATION,
                path=path,
                digest='',
                size=0,
                properties={'image_id': 'image-1'},
            )
        },
        host=process.Host(run_id='tiny'),
        catalogue=Catalogue(path),  # type: ignore[arg-type]
        hypervisor=qemu.QemuHypervisor(
            fakes.target(),
            cache=store_cache.Cache(folder / 'cache'),
            accel='tcg',
        ),
        target=fakes.target(),
    )
    stage = stages_registry.make(
        'smoke-test',
        {
            'firmware': ['bios'],
            'probes': list(tiny_image.PROBES),
            'memory_mib': tiny_image.MEMORY_MIB,
            'growth_mib': 1,
        },
    )
    return list(stage.run(context))


def test_tiny_image_passes_its_probes(
    tmp_path: Path, tiny: tiny_fixture.Tiny
) -> None:
    (report,) = boot(tmp_path, tiny.path)
    assert report.properties['passed']
    assert report.properties['summary']['fail'] == 0


@pytest.mark.parametrize(
    ('way', 'cause'),
    [
        ('panic', console.Cause.KERNEL_PANIC),
        ('no-root', console.Cause.NO_ROOT),
        ('emergency', console.Cause.EMERGENCY),
        ('off', console.Cause.STOPPED),
        ('no-metadata', console.Cause.NO_DATASOURCE),
    ],
)
def test_way_to_go_wrong_is_named(
    tmp_path: Path,
    tiny_images: Callable[[str], tiny_fixture.Tiny],
    way: str,
    cause: console.Cause,
) -> None:
    with pytest.raises(exceptions.SmokeTestFailed) as caught:
        boot(tmp_path, tiny_images(way).path)
    (report,) = caught.value.evidence
    boots = json.loads(report.read_text())['boots']
    assert {one['diagnosis']['cause'] for one in boots} == {cause.value}
    assert caught.value.tail
