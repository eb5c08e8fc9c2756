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

"""Flavor and network of a smoke test's server."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from image_pipeline import exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings as conf_settings
from image_pipeline.hypervisors import nova_choose
from image_pipeline.testing import fake_compute, fakes

NEED = nova_choose.Need(ram_mib=512, vcpus=1, disk_gib=3)


def target(**options: Any) -> conf_settings.Target:
    return fakes.target('t', cloud='fake', **options)


def cloud_of(*networks: Any) -> clouds_cloud.Cloud:
    found = fake_compute.FakeCloud()
    found.network.all = list(networks)
    return cast(clouds_cloud.Cloud, found)


def flavor(name: str, **sizes: Any) -> nova_choose.Flavor:
    values = {'ram_mib': 1024, 'vcpus': 1, 'disk_gib': 5}
    return nova_choose.Flavor(id=f'id-{name}', name=name, **values | sizes)


def test_smallest_flavor_that_fits_is_taken() -> None:
    known = [
        flavor('nano', ram_mib=64),
        flavor('flat', ram_mib=512, disk_gib=1),
        flavor('small'),
        flavor('large', ram_mib=4096),
    ]
    assert nova_choose.flavor(known, NEED, target=target()).name == 'small'


def test_flavor_without_a_disk_is_taken_last() -> None:
    cloud = fake_compute.FakeCloud()
    cloud.compute.kinds = [
        fake_compute.flavor('none', ram=512, disk=0),
        fake_compute.flavor('off', ram=512, disk=3, is_disabled=True),
        fake_compute.flavor('disk', ram=1024, disk=3),
    ]
    known = nova_choose.flavors(cast(clouds_cloud.Cloud, cloud))
    assert [one.name for one in known] == ['disk', 'none']
    assert nova_choose.flavor(known, NEED, target=target()).name == 'disk'


def test_flavor_of_rare_hardware_is_taken_only_if_there_is_no_other() -> None:
    rare = flavor('gpu', specs={'pci_passthrough:alias': 'gpu:1'})
    plain = flavor('plain', ram_mib=2048)
    choose = nova_choose.flavor
    assert choose([rare, plain], NEED, target=target()) is plain
    assert choose([rare], NEED, target=target()) is rare


@pytest.mark.parametrize('named', ['large', 'id-large'])
def test_flavor_of_the_target_is_taken(named: str) -> None:
    known = [flavor('small'), flavor('large', ram_mib=4096)]
    chosen = nova_choose.flavor(known, NEED, target=target(flavor=named))
    assert chosen.name == 'large'


def test_flavor_of_the_target_that_is_too_small_is_an_error() -> None:
    with pytest.raises(exceptions.StageFailed, match='1 GiB of disk, not 3'):
        nova_choose.flavor(
            [flavor('flat', disk_gib=1)], NEED, target=target(flavor='flat')
        )


def test_disk_of_the_flavor_does_not_matter_on_a_volume() -> None:
    flat = flavor('flat', disk_gib=1)
    assert (
        nova_choose.flavor([flat], NEED, target=target(), volume=True) is flat
    )


def test_flavor_of_the_target_that_is_not_there_is_named() -> None:
    with pytest.raises(exceptions.NotFound) as caught:
        nova_choose.flavor(
            [flavor('m1.small')], NEED, target=target(flavor='m1.smal')
        )
    assert caught.value.hint == 'did you mean "m1.small"?'


def test_image_that_fits_no_flavor_says_what_it_needs() -> None:
    with pytest.raises(
        exceptions.StageFailed, match='512 MiB of memory and 3 GiB of disk'
    ) as caught:
        nova_choose.flavor([flavor('nano', ram_mib=64)], NEED, target=target())
    assert 'nano' in (caught.value.hint or '')


def test_larger_flavor_is_the_next_one_that_holds_the_disk() -> None:
    small = flavor('small')
    known = [
        small,
        flavor('wide', vcpus=2, disk_gib=1),
        flavor('large', ram_mib=2048),
        flavor('huge', ram_mib=4096),
    ]
    found = nova_choose.larger(known, small)
    assert found and found.name == 'large'
    assert nova_choose.larger([small], small) is None


def test_only_usable_network_is_taken() -> None:
    cloud = cloud_of(
        fake_compute.network('outside', is_router_external=True),
        fake_compute.network('empty', subnet_ids=[]),
        fake_compute.network('foreign', project_id='other'),
        fake_compute.network('mine'),
    )
    found = nova_choose.network(cloud, target())
    assert found and found.name == 'mine' and found.secured


def test_networks_of_the_project_come_before_shared_ones() -> None:
    cloud = cloud_of(
        fake_compute.network('provider', shared=True),
        fake_compute.network('mine'),
    )
    found = nova_choose.network(cloud, target())
    assert found and found.name == 'mine'


def test_several_networks_must_be_told_apart_by_the_target() -> None:
    cloud = cloud_of(fake_compute.network('a'), fake_compute.network('b'))
    with pytest.raises(exceptions.StageFailed, match='several networks') as e:
        nova_choose.network(cloud, target())
    assert '[target:t]' in (e.value.hint or '')
    found = nova_choose.network(cloud, target(network='b'))
    assert found and found.name == 'b'


def test_network_that_is_not_there_is_named() -> None:
    cloud = cloud_of(fake_compute.network('provider'))
    with pytest.raises(exceptions.NotFound) as caught:
        nova_choose.network(cloud, target(network='provder'))
    assert caught.value.hint == 'did you mean "provider"?'


def test_cloud_without_networks_gives_none() -> None:
    assert nova_choose.network(cloud_of(), target()) is None
    bare = cast(clouds_cloud.Cloud, fake_compute.FakeCloud(network=False))
    assert nova_choose.network(bare, target(network='x')) is None


def limits(**options: int) -> Any:
    values = {
        'instances': 10, 'instances_used': 0,
        'total_cores': 20, 'total_cores_used': 0,
        'total_ram': 51200, 'total_ram_used': 0,
    }  # fmt: skip
    return SimpleNamespace(**values | options)


@pytest.mark.parametrize(
    ('changes', 'room'),
    [
        ({'instances': 3, 'instances_used': 1}, 2),
        ({'total_cores': 4, 'total_cores_used': 3}, 1),
        ({'total_ram': 2048}, 2),
        ({'total_ram': 2048, 'total_ram_used': 2048}, 0),
        ({'instances': -1}, 20),
    ],
)
def test_room_is_what_the_scarcest_quota_leaves(
    changes: dict[str, int], room: int
) -> None:
    assert nova_choose.room(limits(**changes), flavor('small')) == room
