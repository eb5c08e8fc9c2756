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

"""Which steps of a server's life failed; messages: test_nova.py."""

from typing import Any, cast

from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.hypervisors import nova_choose, nova_faults
from image_pipeline.testing import fake_compute

TINY = nova_choose.Flavor(
    id='id-tiny', name='tiny', ram_mib=256, vcpus=1, disk_gib=1
)


def cloud_of(*events: str) -> clouds_cloud.Cloud:
    found = fake_compute.FakeCloud()
    found.compute.events = list(events)
    return cast(clouds_cloud.Cloud, found)


def server_of(message: str | None) -> Any:
    fault = None if message is None else {'message': message}
    return fake_compute.Thing(id='s', fault=fault)


def test_failed_steps_are_named_once() -> None:
    cloud = cloud_of('compute__do_build', 'compute__do_build', 'schedule')
    found = nova_faults.failed_events(cloud, 's')
    assert found == ('compute__do_build', 'schedule')


def test_steps_that_cannot_be_asked_for_are_none() -> None:
    cloud = fake_compute.FakeCloud()

    def refuse(server_id: str) -> Any:
        raise RuntimeError('forbidden')

    cloud.compute.server_actions = refuse  # type: ignore[method-assign]
    found = nova_faults.failed_events(cast(clouds_cloud.Cloud, cloud), 's')
    assert found == ()


def test_no_host_is_explained_by_all_that_was_asked_for() -> None:
    error = nova_faults.explain(
        cloud_of(),
        server_of('No valid host was found.'),
        flavor=TINY,
        zone='az-1',
        properties={'hw_disk_bus': 'virtio', 'os_distro': 'debian'},
    )
    assert 'flavor tiny (1 processors, 256 MiB, disk 1 GiB)' in error.message
    assert 'availability zone az-1' in error.message
    assert 'hw_disk_bus=virtio' in error.message
    assert 'os_distro' not in error.message


def test_server_without_a_fault_says_so() -> None:
    error = nova_faults.explain(
        cloud_of(), server_of(None), flavor=TINY, zone=None, properties={}
    )
    assert 'it says no reason' in error.message
