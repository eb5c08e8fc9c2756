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

"""Smoke tests on a real Nova, with an image that boots in seconds."""

import dataclasses
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import process
from image_pipeline.hypervisors import base, nova
from image_pipeline.probes import console
from image_pipeline.stages import registry as stages_registry
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes, tiny_fixture, tiny_image
from image_pipeline.testing.conformance import hypervisor as conformance

tiny = tiny_fixture.tiny
tiny_images = tiny_fixture.tiny_images

Cause = console.Cause
_TRAIT = 'trait:HW_GPU_API_VULKAN'


def target_of(**changes: Any) -> conf_settings.Target:
    return conf_settings.Target(
        name='devcloud',
        catalogue='glance',
        hypervisor='nova',
        cloud='devcloud',
        **changes,
    )


def record_of(image_id: str, tiny: tiny_fixture.Tiny) -> artifact.ImageRecord:
    return artifact.ImageRecord(
        id=image_id,
        name='tiny.candidate',
        final_name='tiny',
        state=artifact.ImageState.CANDIDATE,
        sha256='00' * 32,
        sha512='00' * 64,
        size=tiny.artifact.size,
        virtual_size=tiny_image.SIZE,
        format='qcow2',
        visibility='private',
        hidden=True,
        created_at='2026-01-01T00:00:00Z',
    )


@pytest.fixture(scope='module')
def uploaded(
    devcloud: Any, tiny_images: Callable[[str], tiny_fixture.Tiny]
) -> Iterator[Callable[[str], artifact.ImageRecord]]:
    """What uploads a tiny image by the way it goes wrong; once each."""
    made: dict[str, artifact.ImageRecord] = {}

    def service() -> Any:
        config = openstack.config.OpenStackConfig(
            config_files=[str(devcloud.clouds_yaml)]
        )
        return openstack.connection.Connection(
            config=config.get_one(cloud='devcloud')
        ).image

    def upload(way: str = 'good') -> artifact.ImageRecord:
        if way not in made:
            # No host of ours has such a card.
            demands = {_TRAIT: 'required'} if way == 'demanding' else {}
            image = tiny_images('good' if demands else way)
            found = service().create_image(
                name=f'nova-{way}-{uuid.uuid4().hex[:8]}',
                filename=str(image.path),
                disk_format='qcow2',
                container_format='bare',
                properties=demands,
            )
            made[way] = dataclasses.replace(
                record_of(str(found.id), image), properties=demands
            )
        return made[way]

    yield upload
    with devcloud.shared():
        for record in made.values():
            service().delete_image(record.id)


class Catalogue:
    """A catalogue with one image."""

    def __init__(self, record: artifact.ImageRecord) -> None:
        self.record = record
        self.changes: dict[str, Any] = {}

    def get(self, image_id: str) -> artifact.ImageRecord:
        return self.record

    def set_properties(
        self, image_id: str, changes: dict[str, Any], **_: Any
    ) -> None:
        self.changes |= changes


class Smoke:
    """The stage on the cloud."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run_id = f'test-{uuid.uuid4().hex[:8]}'
        self.log = folder / 'stage.log'

    def __call__(
        self,
        record: artifact.ImageRecord,
        *,
        target: conf_settings.Target | None = None,
        hypervisor: nova.NovaHypervisor | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        target = target or target_of()
        context = dataclasses.replace(
            fakes.stage_context(
                self.folder,
                inputs={
                    artifact.REGISTRATION: artifact.Artifact(
                        kind=artifact.REGISTRATION,
                        path=self.folder / 'none',
                        digest='',
                        size=0,
                        properties={'image_id': record.id},
                    )
                },
                host=process.Host(run_id=self.run_id),
                catalogue=Catalogue(record),  # type: ignore[arg-type]
                hypervisor=hypervisor or self.hypervisor(target),
                target=target,
            ),
            run_id=self.run_id,
        )
        stage = stages_registry.make(
            'smoke-test',
            {
                'firmware': ['bios', 'uefi'],
                'probes': list(tiny_image.PROBES),
                'memory_mib': tiny_image.MEMORY_MIB,
                **options,
            },
        )
        (made,) = stage.run(context)
        report: dict[str, Any] = json.loads(made.path.read_text())
        return report

    def hypervisor(
        self, target: conf_settings.Target | None = None
    ) -> nova.NovaHypervisor:
        return nova.NovaHypervisor(
            target or target_of(),
            cache=store_cache.Cache(self.folder / 'cache'),
        )

    def failure(
        self, record: artifact.ImageRecord, **options: Any
    ) -> tuple[exceptions.PipelineError, list[Any]]:
        """Return the error, and the boots that the report tells of."""
        with pytest.raises(exceptions.PipelineError) as caught:
            self(record, **options)
        evidence = getattr(caught.value, 'evidence', ())
        boots = [
            boot
            for path in evidence
            for boot in json.loads(path.read_text())['boots']
        ]
        return caught.value, boots

    def left(self) -> list[str]:
        """Return what is left of this run in the cloud."""
        cloud = clouds_cloud.open_cloud(target_of())
        found = [
            *cloud.compute.servers(),
            *cloud.compute.keypairs(),
            *cloud.network.ports(project_id=cloud.project_id),
            *cloud.network.security_groups(project_id=cloud.project_id),
        ]
        return [one.name for one in found if self.run_id in one.name]


@pytest.fixture
def smoke(tmp_path: Path, cloud: Any) -> Iterator[Smoke]:
    """The stage on the cloud; nothing is left of it."""
    clouds_cloud.forget()
    found = Smoke(tmp_path)
    yield found
    assert found.left() == []
    clouds_cloud.forget()


class TestNova(conformance.HypervisorConformance):
    """The contract of a hypervisor, kept by a real Nova."""

    @pytest.fixture(autouse=True)
    def _cloud(
        self,
        cloud: Any,
        uploaded: Callable[[str], artifact.ImageRecord],
    ) -> Iterator[None]:
        clouds_cloud.forget()
        self.record = uploaded('good')
        yield
        clouds_cloud.forget()

    def make(self, cache: store_cache.Cache) -> base.Hypervisor:
        return nova.NovaHypervisor(target_of(), cache=cache)

    def image(self, folder: Path) -> artifact.ImageRecord:
        return self.record


def test_image_is_tried_in_every_way_that_the_cloud_offers(
    smoke: Smoke, uploaded: Callable[[str], artifact.ImageRecord]
) -> None:
    report = smoke(
        uploaded('good'),
        also=['metadata', 'reboot', 'resize', 'rescue', 'volume'],
    )
    assert report['passed']
    boots = {boot['name']: boot for boot in report['boots']}
    assert list(boots) == [
        'bios',
        'bios-reboot',
        'bios-resize',
        'bios-rescue',
        'bios-again',
    ]
    skipped = {one['name']: one['reason'] for one in report['skipped']}
    assert list(skipped) == ['uefi', 'volume']
    assert 'hw_firmware_type' in skipped['uefi']
    assert 'Cinder' in skipped['volume']

    def probe(boot: str, name: str) -> Any:
        (found,) = [
            one for one in boots[boot]['probes'] if one['probe'] == name
        ]
        assert found['outcome'] == 'pass'
        return found

    # One by config drive, one by the metadata service.
    assert probe('bios', 'EGI-CI-03')['facts']['datasource'] == 'ConfigDrive'
    again = probe('bios-again', 'EGI-CI-03')
    assert again['facts']['datasource'] == 'OpenStack'
    # The guests' servers are reached from here.
    probe('bios', 'LIVE-SSH')
    # It is the same instance after it started again.
    probe('bios-reboot', 'LIVE-KEPT')
    probe('bios-resize', 'LIVE-KEPT')
    sizes = [boots[name]['machine']['memory'] for name in list(boots)[:3]]
    assert sizes[0] == sizes[1] < sizes[2]
    # And two instances are not.
    assert {one['probe']: one['outcome'] for one in report['identity']}[
        'HYG-03'
    ] == 'pass'


@pytest.mark.parametrize(
    ('way', 'cause'),
    [
        ('panic', Cause.KERNEL_PANIC),
        ('no-root', Cause.NO_ROOT),
        ('no-network', Cause.NO_NETWORK),
        ('off', Cause.STOPPED),
    ],
)
def test_boot_that_goes_wrong_is_told_by_its_console(
    smoke: Smoke,
    uploaded: Callable[[str], artifact.ImageRecord],
    way: str,
    cause: console.Cause,
) -> None:
    error, boots = smoke.failure(uploaded(way), config_drive=False)
    assert isinstance(error, exceptions.SmokeTestFailed)
    assert {boot['diagnosis']['cause'] for boot in boots} == {cause.value}
    assert error.tail
    # The console is kept, whatever becomes of the server.
    assert len(list(smoke.folder.glob('stage.*.console.log'))) == 2


def test_instances_that_share_an_identity_fail(
    smoke: Smoke, uploaded: Callable[[str], artifact.ImageRecord]
) -> None:
    error, _ = smoke.failure(uploaded('clone'), probes=['BOOT-01'])
    assert 'HYG-03' in error.message


def test_flavor_that_no_host_has_room_for_is_explained(
    smoke: Smoke, uploaded: Callable[[str], artifact.ImageRecord]
) -> None:
    error, _ = smoke.failure(uploaded('demanding'))
    assert type(error) is exceptions.StageFailed
    assert 'No valid host was found' in error.message
    assert 'asked for was flavor tiny' in error.message
    assert f'{_TRAIT}=required' in error.message
    assert 'no compute host is up, or none has room' in (error.hint or '')


def test_flavor_that_the_quota_does_not_allow_is_an_error(
    smoke: Smoke, uploaded: Callable[[str], artifact.ImageRecord]
) -> None:
    error, _ = smoke.failure(
        uploaded('good'), target=target_of(flavor='impossible')
    )
    assert isinstance(error, exceptions.QuotaExceeded)
    assert 'Quota exceeded for ram' in error.message


def test_zone_that_does_not_exist_is_an_error(
    smoke: Smoke, uploaded: Callable[[str], artifact.ImageRecord]
) -> None:
    error, _ = smoke.failure(
        uploaded('good'), target=target_of(availability_zone='mars')
    )
    assert 'mars' in error.message


def test_image_that_is_gone_is_an_error(
    smoke: Smoke, uploaded: Callable[[str], artifact.ImageRecord]
) -> None:
    record = dataclasses.replace(uploaded('good'), id=str(uuid.uuid4()))
    error, _ = smoke.failure(record)
    assert 'image' in error.message


def test_image_for_another_firmware_only_is_not_booted(
    smoke: Smoke, uploaded: Callable[[str], artifact.ImageRecord]
) -> None:
    error, _ = smoke.failure(uploaded('good'), firmware=['uefi'])
    assert 'booted under uefi, and cannot be' in error.message
