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

"""Nova, with a cloud in memory: what is made, and that nothing is left."""

import datetime
import uuid
from pathlib import Path
from typing import Any, cast

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import marks as clouds_marks
from image_pipeline.host import cancellation
from image_pipeline.hypervisors import base, nova, nova_parts
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fake_compute, fakes
from image_pipeline.testing.conformance import hypervisor as conformance

SHAPE = base.Shape(
    firmware=base.Firmware.BIOS,
    vcpus=1,
    memory_bytes=128 << 20,
    disk_bytes=64 << 20,
)
RUN = '20261121-101112-tiny-ab12'


class Nova(nova.NovaHypervisor):
    """Nova on a cloud in memory."""

    fake: fake_compute.FakeCloud

    @property
    def cloud(self) -> clouds_cloud.Cloud:
        return cast(clouds_cloud.Cloud, self.fake)


def make(folder: Path, **options: Any) -> Nova:
    found = Nova(
        fakes.target('t', cloud='fake', **options),
        cache=store_cache.Cache(folder / 'state' / 'cache'),
    )
    found.fake = fake_compute.FakeCloud()
    return found


def image_of(**properties: str) -> artifact.ImageRecord:
    return artifact.ImageRecord(
        id='image-1',
        name='tiny.candidate',
        final_name='tiny',
        state=artifact.ImageState.CANDIDATE,
        sha256='',
        sha512='',
        size=1 << 20,
        virtual_size=42 << 20,
        format='qcow2',
        visibility='private',
        hidden=True,
        created_at='2026-01-01T00:00:00Z',
        properties=properties,
    )


class TestConformance(conformance.HypervisorConformance):
    def make(self, cache: store_cache.Cache) -> base.Hypervisor:
        return make(cache.root)

    def image(self, folder: Path) -> artifact.ImageRecord:
        return image_of()


class Bench:
    def __init__(self, folder: Path, **options: Any) -> None:
        self.nova = make(folder, **options)
        self.cloud = self.nova.fake
        self.folder = folder
        self.records: list[artifact.UndoRecord] = []
        self.seed = base.Seed(
            instance_id=str(uuid.uuid4()),
            hostname='smoke-bios',
            public_key='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI test',
            user_data=b'#!/bin/sh\ntrue\n',
            run_id=RUN,
        )

    def boot(
        self,
        *,
        shape: base.Shape = SHAPE,
        keep: bool = False,
        cancelled: cancellation.CancellationToken | None = None,
        **properties: str,
    ) -> Any:
        return self.nova.boot(
            image_of(**properties),
            seed=self.seed,
            shape=shape,
            work_dir=self.folder,
            host=fakes.FakeHost(),
            cancelled=cancelled or cancellation.CancellationToken(),
            undo=self.records.append,
            keep_on_failure=keep,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_everything_has_the_name_and_the_marks_of_its_run(
    bench: Bench,
) -> None:
    with bench.boot():
        (server,) = bench.cloud.compute.all
        (key,) = bench.cloud.compute.keys.values()
        (port,) = bench.cloud.network.all_ports.values()
        (group,) = bench.cloud.network.groups.values()
        name = f'image-pipeline-{RUN}-{bench.seed.instance_id[:8]}'
        assert {one.name for one in (server, key, port, group)} == {name}
        marks = clouds_marks.from_properties(server.metadata)
        assert marks and marks.run_id == RUN
        assert nova_parts.marks_of(key.public_key) == marks
        assert nova_parts.marks_of(port.description) == marks
        assert nova_parts.marks_of(group.description) == marks
        assert bench.records[0].arguments == {'target': 't', 'name': name}
    assert bench.cloud.things == []


def test_server_is_told_the_seed_and_the_choices(tmp_path: Path) -> None:
    bench = Bench(tmp_path, flavor='small', network='provider')
    with bench.boot():
        (server,) = bench.cloud.compute.all
        options = server.options
        (port,) = bench.cloud.network.all_ports.values()
    assert options['flavor_id'] == 'id-small'
    assert options['image_id'] == 'image-1'
    assert options['networks'] == [{'port': port.id}]
    assert options['config_drive'] is True
    assert port.network_id == 'id-provider'


def test_guest_sees_the_id_and_the_sizes_that_nova_chose(
    bench: Bench,
) -> None:
    with bench.boot() as instance:
        seed, shape = instance.as_booted(bench.seed, SHAPE)
        assert seed.instance_id == instance.id != bench.seed.instance_id
        assert (
            seed.hostname
            == f'image-pipeline-{RUN}-' + (bench.seed.instance_id[:8])
        )
        assert shape.memory_bytes == 256 << 20
        assert shape.disk_bytes == 1 << 30
        facts = instance.describe()
        assert facts['flavor'] == 'tiny' and facts['memory'] == 256 << 20


def test_server_without_a_network_has_a_config_drive(bench: Bench) -> None:
    bench.cloud.network.all = []
    shape = base.Shape(**(vars(SHAPE) | {'config_drive': False}))
    with bench.boot(shape=shape) as instance:
        (server,) = bench.cloud.compute.all
        assert server.options['networks'] == 'none'
        assert server.options['config_drive'] is True
        assert instance.as_booted(bench.seed, shape)[1].config_drive
    assert bench.cloud.things == []


def test_network_without_port_security_gets_no_group(bench: Bench) -> None:
    bench.cloud.network.all = [
        fake_compute.network('flat', is_port_security_enabled=False)
    ]
    with bench.boot():
        assert bench.cloud.network.groups == {}
        (port,) = bench.cloud.network.all_ports.values()
        assert not hasattr(port, 'security_groups')


@pytest.mark.parametrize(
    'call',
    [
        'create_keypair',
        'create_security_group',
        'create_port',
        'create_server',
    ],
)
def test_nothing_is_left_where_a_request_fails(
    bench: Bench, call: str
) -> None:
    bench.cloud.failures[call] = exceptions.QuotaExceeded('no more')
    with (
        pytest.raises(exceptions.QuotaExceeded),
        bench.boot(keep=True),
    ):
        pytest.fail('the body must not be reached')
    assert bench.cloud.things == []


def test_interruption_between_two_requests_leaves_nothing(
    bench: Bench,
) -> None:
    token = cancellation.CancellationToken()
    make_port = bench.cloud.network.create_port

    def interrupt(**options: Any) -> Any:
        made = make_port(**options)
        token.cancel('SIGINT')
        return made

    bench.cloud.network.create_port = interrupt  # type: ignore[method-assign]
    with pytest.raises(exceptions.Interrupted), bench.boot(cancelled=token):
        pytest.fail('the body must not be reached')
    assert 'create_server' not in bench.cloud.calls
    assert bench.cloud.things == []


def test_what_cannot_be_removed_is_told_and_the_rest_goes(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with bench.boot():
        bench.cloud.failures['delete_port'] = exceptions.Unavailable('busy')
    assert any('busy' in line for line in caplog.messages)
    assert [one.split()[0] for one in bench.cloud.things] == ['port', 'group']
    bench.cloud.failures.clear()
    bench.nova.undo(bench.records[0].arguments)
    assert bench.cloud.things == []


def test_undo_says_what_it_could_not_remove(bench: Bench) -> None:
    with bench.boot():
        bench.cloud.failures['delete_keypair'] = exceptions.Unavailable('no')
    with pytest.raises(exceptions.StageFailed, match='no'):
        bench.nova.undo(bench.records[0].arguments)


def test_failed_server_is_kept_for_a_while_if_so_wished(bench: Bench) -> None:
    class OopsError(Exception):
        pass

    with pytest.raises(OopsError), bench.boot(keep=True) as instance:
        reach = instance.reach()
        raise OopsError
    (server,) = bench.cloud.compute.all
    assert instance.id in reach
    assert server.metadata[nova_parts.KEPT] == 'yes'
    marks = clouds_marks.from_properties(server.metadata)
    assert marks
    left = marks.expires_at - datetime.datetime.now(datetime.UTC)
    assert left > datetime.timedelta(hours=20)


@pytest.mark.parametrize(
    ('said', 'kind', 'hint'),
    [
        (
            'No valid host was found. There are not enough hosts available.',
            exceptions.StageFailed,
            'no compute host is up',
        ),
        (
            'Build of instance x aborted: Failed to allocate the network(s)',
            exceptions.StageFailed,
            'did not plug the port',
        ),
        (
            "Flavor's disk is too small for requested image.",
            exceptions.SmokeTestFailed,
            'does not fit',
        ),
        (
            'Exceeded maximum number of retries. Exhausted all hosts',
            exceptions.StageFailed,
            'nova-compute',
        ),
        ('Image 4f1c could not be found.', exceptions.NotFound, 'gone'),
        ('No space left on device', exceptions.StageFailed, 'full'),
        ('a riddle', exceptions.SmokeTestFailed, 'server event list'),
    ],
)
def test_server_in_error_is_explained(
    bench: Bench,
    said: str,
    kind: type[exceptions.PipelineError],
    hint: str,
) -> None:
    bench.cloud.compute.status = 'ERROR'
    bench.cloud.compute.fault = {'message': said}
    bench.cloud.compute.events = ['compute__do_build_and_run_instance']
    with pytest.raises(exceptions.PipelineError) as caught, bench.boot():
        pytest.fail('the body must not be reached')
    assert type(caught.value) is kind
    assert said in caught.value.message
    assert 'compute__do_build_and_run_instance' in caught.value.message
    assert hint in (caught.value.hint or '')
    assert bench.cloud.things == []


def test_server_that_is_built_for_ever_is_given_up(bench: Bench) -> None:
    bench.cloud.compute.status = 'BUILD'
    bench.nova.build_limit = -1.0
    with (
        pytest.raises(exceptions.StageFailed, match='it is in BUILD'),
        bench.boot(),
    ):
        pytest.fail('the body must not be reached')
    assert bench.cloud.things == []


def test_firmware_is_what_the_image_says(bench: Bench) -> None:
    uefi = base.Shape(**(vars(SHAPE) | {'firmware': base.Firmware.UEFI}))
    declines = bench.nova.declines
    assert declines(image_of(), SHAPE) is None
    assert 'hw_firmware_type is not set' in (declines(image_of(), uefi) or '')
    image = image_of(hw_firmware_type='uefi')
    assert declines(image, uefi) is None
    assert 'hw_firmware_type is uefi' in (declines(image, SHAPE) or '')


def test_volume_needs_block_storage(bench: Bench) -> None:
    shape = base.Shape(**(vars(SHAPE) | {'volume': True}))
    said = bench.nova.declines(image_of(), shape)
    assert said and 'Cinder' in said
    bench.nova.fake = fake_compute.FakeCloud(volumes=True)
    assert bench.nova.declines(image_of(), shape) is None


def test_root_disk_may_be_a_volume(bench: Bench) -> None:
    bench.nova.fake = cloud = fake_compute.FakeCloud(volumes=True)
    shape = base.Shape(**(vars(SHAPE) | {'volume': True}))
    with bench.boot(shape=shape, min_disk='3') as instance:
        (volume,) = cloud.volume.all.values()
        assert volume.size == 3
        (server,) = cloud.compute.all
        (disk,) = server.options['block_device_mapping']
        assert disk['uuid'] == volume.id
        assert 'image_id' not in server.options
        seen = instance.as_booted(bench.seed, shape)[1]
        assert seen.disk_bytes == 3 << 30
    assert cloud.things == []


def test_volume_that_cannot_be_made_is_an_error(bench: Bench) -> None:
    bench.nova.fake = cloud = fake_compute.FakeCloud(volumes=True)
    cloud.volume.status = 'error'
    shape = base.Shape(**(vars(SHAPE) | {'volume': True}))
    with (
        pytest.raises(exceptions.StageFailed, match='its state is error'),
        bench.boot(shape=shape),
    ):
        pytest.fail('the body must not be reached')
    assert cloud.things == []


def test_quota_says_how_many_at_once(bench: Bench) -> None:
    assert bench.nova.capacity(SHAPE) == 4
    bench.cloud.compute.limits = {'instances': 3, 'instances_used': 1}
    assert bench.nova.capacity(SHAPE) == 2
    bench.cloud.compute.limits = {'instances': 3, 'instances_used': 3}
    assert bench.nova.capacity(SHAPE) == 1


def test_limits_are_generous_unless_the_target_says_how_fast_it_is(
    tmp_path: Path,
) -> None:
    host = fakes.FakeHost()
    assert make(tmp_path).time_factor(host) == nova.TIME_FACTOR
    quick = make(tmp_path, time_factor=1.0)
    assert quick.time_factor(host) == 1.0
