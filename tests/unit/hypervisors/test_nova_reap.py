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

"""What dead runs left in a cloud is found by its marks, and removed."""

import datetime
from typing import cast

import pytest

from image_pipeline import exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import marks as clouds_marks
from image_pipeline.hypervisors import base, nova_parts, nova_reap
from image_pipeline.testing import fake_compute

HERE = 'here'
KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI test'


class Cloud(fake_compute.FakeCloud):
    """A cloud in which runs have left things."""

    def leave(
        self,
        run: str,
        *,
        host: str = HERE,
        minutes: float = 60,
        server: bool = True,
        kept: bool = False,
    ) -> str:
        """Leave what a boot makes; return its name."""
        now = datetime.datetime.now(datetime.UTC)
        marks = clouds_marks.Marks(
            run_id=run,
            host_id=host,
            expires_at=now + datetime.timedelta(minutes=minutes),
        )
        name = marks.name('0123abcd')
        maker = nova_parts.Maker(cast(clouds_cloud.Cloud, self), name, marks)
        key = maker.key_pair(KEY)
        port = maker.port('id-provider', maker.group())
        if server:
            made = self.compute.create_server(
                name=name,
                key_name=key,
                networks=[{'port': port}],
                metadata=marks.properties,
                config_drive=True,
            )
            if kept:
                made.metadata[nova_parts.KEPT] = 'yes'
        return name

    def reap(
        self, *alive: str, unknown: tuple[str, ...] = (), dry: bool = False
    ) -> list[base.Leftover]:
        """Reap; the runs named are alive, or not known."""
        return list(
            nova_reap.reap(
                cast(clouds_cloud.Cloud, self),
                host_id=HERE,
                alive=lambda run: None if run in unknown else run in alive,
                dry_run=dry,
            )
        )


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def test_things_of_a_dead_run_of_this_host_go(cloud: Cloud) -> None:
    name = cloud.leave('run-1')
    (found,) = cloud.reap()
    assert found.name == name and found.run_id == 'run-1'
    assert found.kinds == ('key pair', 'port', 'security group', 'server')
    assert found.problem == ''
    assert cloud.things == []


def test_dry_run_only_tells(cloud: Cloud) -> None:
    cloud.leave('run-1')
    before = cloud.things
    assert len(cloud.reap(dry=True)) == 1
    assert cloud.things == before


def test_live_run_is_spared(cloud: Cloud) -> None:
    cloud.leave('run-1')
    assert cloud.reap('run-1') == []


def test_run_of_another_host_is_spared_until_its_time_is_over(
    cloud: Cloud,
) -> None:
    cloud.leave('run-1', host='there')
    assert cloud.reap() == []
    cloud.leave('run-2', host='there', minutes=-1)
    (found,) = cloud.reap()
    assert found.run_id == 'run-2'
    assert all('run-1' in one for one in cloud.things)


def test_run_that_this_state_folder_does_not_know_is_spared(
    cloud: Cloud,
) -> None:
    cloud.leave('run-1')
    assert cloud.reap(unknown=('run-1',)) == []
    cloud.leave('run-2', minutes=-1)
    (found,) = cloud.reap(unknown=('run-1', 'run-2'))
    assert found.run_id == 'run-2'


def test_half_made_things_go_as_well(cloud: Cloud) -> None:
    cloud.leave('run-1', server=False)
    (found,) = cloud.reap()
    assert 'server' not in found.kinds
    assert cloud.things == []


def test_server_that_is_kept_for_a_look_stays_its_time(cloud: Cloud) -> None:
    cloud.leave('run-1', kept=True)
    assert cloud.reap() == []


def test_time_of_a_kept_server_counts_for_all_that_it_has(
    cloud: Cloud,
) -> None:
    cloud.leave('run-1', minutes=-1, kept=True)
    (server,) = cloud.compute.all
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    server.metadata[clouds_marks.EXPIRES] = clouds_marks.format_time(later)
    assert cloud.reap() == []


def test_things_without_marks_are_nobodys_to_touch(cloud: Cloud) -> None:
    cloud.compute.create_keypair(
        name='image-pipeline-run-1-0123abcd', public_key=KEY
    )
    cloud.compute.create_keypair(name='mine', public_key=KEY)
    assert cloud.reap() == []
    assert len(cloud.things) == 2


def test_name_alone_does_not_make_a_thing_ours(cloud: Cloud) -> None:
    name = cloud.leave('run-1', server=False)
    (group,) = cloud.network.groups.values()
    group.name = name + '-of-somebody'
    (port,) = cloud.network.all_ports.values()
    port.security_groups = []
    cloud.reap()
    assert cloud.things == [f'group {name}-of-somebody']


def test_what_does_not_go_is_told(cloud: Cloud) -> None:
    cloud.leave('run-1')
    cloud.failures['delete_port'] = exceptions.Unavailable('Neutron is busy')
    (found,) = cloud.reap()
    assert 'Neutron is busy' in found.problem


def test_cloud_without_networks_is_asked_for_the_rest() -> None:
    cloud = Cloud(network=False)
    assert cloud.reap() == []
