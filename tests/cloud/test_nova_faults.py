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

"""Nova and Neutron broken for real: one clear message, and nothing left."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import process
from image_pipeline.hypervisors import nova
from image_pipeline.stages import registry as stages_registry
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes, tiny_fixture, tiny_image

tiny = tiny_fixture.tiny
tiny_images = tiny_fixture.tiny_images

#: Longer than Nova takes to believe that a compute host is gone.
_LONG = 600


class Catalogue:
    """A catalogue with one image."""

    def __init__(self, image: Any) -> None:
        self.image = image

    def get(self, image_id: str) -> artifact.ImageRecord:
        return artifact.ImageRecord(
            id=str(self.image.id),
            name='tiny.candidate',
            final_name='tiny',
            state=artifact.ImageState.CANDIDATE,
            sha256='00' * 32,
            sha512='00' * 64,
            size=1 << 20,
            virtual_size=tiny_image.SIZE,
            format='qcow2',
            visibility='private',
            hidden=False,
            created_at='2026-01-01T00:00:00Z',
        )

    def set_properties(self, *_: Any, **__: Any) -> None:
        pass


class Broken:
    """The cloud to break, and a smoke test in it."""

    def __init__(self, cloud: Any, folder: Path, path: Path) -> None:
        self.cloud = cloud
        self.folder = folder
        config = openstack.config.OpenStackConfig(
            config_files=[str(cloud.clouds_yaml)]
        )

        def connect(name: str) -> openstack.connection.Connection:
            return openstack.connection.Connection(
                config=config.get_one(cloud=name)
            )

        self.user, self.admin = connect('devcloud'), connect('devcloud-admin')
        self.image = self.user.image.create_image(
            name=f'broken-{uuid.uuid4().hex[:8]}',
            filename=str(path),
            disk_format='qcow2',
            container_format='bare',
        )

    def smoke(self, **target: Any) -> exceptions.PipelineError:
        """Return how the smoke test failed."""
        chosen = conf_settings.Target(
            name='devcloud',
            catalogue='glance',
            hypervisor='nova',
            cloud='devcloud',
            **target,
        )
        context = fakes.stage_context(
            self.folder,
            inputs={
                artifact.REGISTRATION: artifact.Artifact(
                    kind=artifact.REGISTRATION,
                    path=self.folder / 'none',
                    digest='',
                    size=0,
                    properties={'image_id': str(self.image.id)},
                )
            },
            host=process.Host(run_id='broken'),
            catalogue=Catalogue(self.image),  # type: ignore[arg-type]
            hypervisor=nova.NovaHypervisor(
                chosen, cache=store_cache.Cache(self.folder / 'cache')
            ),
            target=chosen,
        )
        stage = stages_registry.make(
            'smoke-test',
            {
                'firmware': ['bios'],
                'probes': list(tiny_image.PROBES),
                'memory_mib': tiny_image.MEMORY_MIB,
                'config_drive': False,
            },
        )
        with pytest.raises(exceptions.PipelineError) as caught:
            list(stage.run(context))
        return caught.value

    def left(self) -> list[str]:
        """Return what is left in the cloud."""
        project = self.user.current_project_id
        found = [
            *self.user.compute.servers(),
            *self.user.compute.keypairs(),
            *self.user.network.ports(project_id=project),
            *self.user.network.security_groups(project_id=project),
        ]
        return [
            one.name for one in found if one.name.startswith('image-pipeline-')
        ]


@pytest.fixture
def broken(
    exclusive_cloud: Any, tmp_path: Path, tiny: tiny_fixture.Tiny
) -> Iterator[Broken]:
    """The cloud alone, with a tiny image in it."""
    clouds_cloud.forget()
    found = Broken(exclusive_cloud, tmp_path, tiny.path)
    yield found
    found.user.image.delete_image(found.image.id, ignore_missing=True)
    clouds_cloud.forget()


def test_compute_host_that_is_gone_is_explained(broken: Broken) -> None:
    broken.cloud.stop('nova-compute')
    end = time.monotonic() + _LONG
    # Nova believes in a host until it has missed a few of its reports.
    while any(
        one.state == 'up'
        for one in broken.admin.compute.services(binary='nova-compute')
    ):
        assert time.monotonic() < end
        time.sleep(1)
    error = broken.smoke()
    assert type(error) is exceptions.StageFailed
    assert 'No valid host was found' in error.message
    assert 'flavor tiny' in error.message
    assert 'openstack compute service list' in (error.hint or '')
    assert broken.left() == []


def test_quota_that_is_used_up_is_named(broken: Broken) -> None:
    project = broken.user.current_project_id
    broken.admin.compute.update_quota_set(project, instances=0)
    try:
        error = broken.smoke()
    finally:
        broken.admin.compute.update_quota_set(project, instances=6)
    assert isinstance(error, exceptions.QuotaExceeded)
    assert 'Quota exceeded for instances' in error.message
    assert broken.left() == []


def test_quota_of_ports_that_is_used_up_is_named(broken: Broken) -> None:
    project = broken.user.current_project_id
    before = broken.admin.network.get_quota(project)
    broken.admin.network.update_quota(project, ports=0)
    try:
        error = broken.smoke()
    finally:
        broken.admin.network.update_quota(project, ports=before.ports)
    assert 'Neutron' in error.message and 'port' in error.message
    assert broken.left() == []


def test_network_without_dhcp_is_told_by_the_console(broken: Broken) -> None:
    network = broken.user.network.create_network(
        name=f'mute-{uuid.uuid4().hex[:8]}'
    )
    try:
        broken.user.network.create_subnet(
            network_id=network.id,
            ip_version=4,
            cidr='10.99.0.0/24',
            enable_dhcp=False,
        )
        error = broken.smoke(network=network.name)
        assert isinstance(error, exceptions.SmokeTestFailed)
        (report,) = error.evidence
        causes = {
            boot['diagnosis']['cause']
            for boot in json.loads(report.read_text())['boots']
        }
        assert causes == {'no-network'}
        assert broken.left() == []
    finally:
        broken.user.network.delete_network(network.id)


def test_image_that_somebody_deletes_is_named(broken: Broken) -> None:
    broken.user.image.delete_image(broken.image.id)
    error = broken.smoke()
    assert str(broken.image.id) in error.message
    assert broken.left() == []


def test_nova_that_is_down_is_named(broken: Broken) -> None:
    broken.cloud.stop('nova-api')
    error = broken.smoke()
    assert isinstance(error, exceptions.Unavailable)
    assert 'Nova' in error.message
    broken.cloud.start('nova-api')
    assert broken.left() == []
