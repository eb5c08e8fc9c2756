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

"""The temporary things of a server: made with marks, removed in order."""

import datetime
from typing import cast

import pytest

from image_pipeline import exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import marks as clouds_marks
from image_pipeline.hypervisors import nova_parts
from image_pipeline.testing import fake_compute

NAME = 'image-pipeline-run-1-0123abcd'
MARKS = clouds_marks.Marks(
    run_id='run-1',
    host_id='h' * 32,
    expires_at=datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC),
)
KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI somebody@home'


@pytest.fixture
def cloud() -> fake_compute.FakeCloud:
    return fake_compute.FakeCloud(volumes=True)


def maker_of(cloud: fake_compute.FakeCloud) -> nova_parts.Maker:
    return nova_parts.Maker(cast(clouds_cloud.Cloud, cloud), NAME, MARKS)


def make_all(cloud: fake_compute.FakeCloud) -> None:
    maker = maker_of(cloud)
    key = maker.key_pair(KEY)
    port = maker.port('id-provider', maker.group())
    maker.volume('image-1', 1, lambda seconds: None)
    cloud.compute.create_server(
        name=NAME,
        key_name=key,
        networks=[{'port': port}],
        metadata=MARKS.properties,
        config_drive=True,
    )


def test_marks_come_back_from_every_kind_of_thing(
    cloud: fake_compute.FakeCloud,
) -> None:
    make_all(cloud)
    (key,) = cloud.compute.keys.values()
    (group,) = cloud.network.groups.values()
    (volume,) = cloud.volume.all.values()
    assert nova_parts.marks_of(key.public_key) == MARKS
    assert nova_parts.marks_of(group.description) == MARKS
    assert clouds_marks.from_properties(volume.metadata) == MARKS
    assert 'somebody' not in key.public_key


@pytest.mark.parametrize('text', [None, '', 'my own port', KEY])
def test_text_without_marks_has_none(text: str | None) -> None:
    assert nova_parts.marks_of(text) is None


def test_tags_that_are_too_long_are_left_out(
    cloud: fake_compute.FakeCloud,
) -> None:
    # The fake refuses tags of more than 60 characters.
    marks = clouds_marks.Marks(
        run_id='r' * 60, host_id='h', expires_at=MARKS.expires_at
    )
    maker = nova_parts.Maker(
        cast(clouds_cloud.Cloud, cloud), marks.name('0123abcd'), marks
    )
    maker.group()
    (group,) = cloud.network.groups.values()
    assert len(group.tags) == 2


def test_tags_that_are_refused_do_not_matter(
    cloud: fake_compute.FakeCloud,
) -> None:
    def refuse(thing: object, tags: list[str]) -> None:
        raise exceptions.StageFailed('no tags here')

    cloud.network.set_tags = refuse  # type: ignore[method-assign]
    maker_of(cloud).group()
    assert len(cloud.network.groups) == 1


def test_removing_takes_everything_in_order(
    cloud: fake_compute.FakeCloud,
) -> None:
    make_all(cloud)
    cloud.calls.clear()
    assert maker_of(cloud).remove() == []
    assert cloud.things == []
    assert cloud.calls == [
        'delete_server',
        'delete_port',
        'delete_security_group',
        'delete_keypair',
        'delete_volume',
    ]


def test_removing_what_is_not_there_is_no_error(
    cloud: fake_compute.FakeCloud,
) -> None:
    assert maker_of(cloud).remove() == []


def test_things_of_another_name_stay(cloud: fake_compute.FakeCloud) -> None:
    make_all(cloud)
    other = NAME[:-1]
    assert nova_parts.remove(cast(clouds_cloud.Cloud, cloud), other) == []
    assert len(cloud.things) == 5


def test_server_that_does_not_go_is_told_and_the_rest_goes(
    cloud: fake_compute.FakeCloud,
) -> None:
    cloud.compute.lingers = 1000
    make_all(cloud)
    (left,) = maker_of(cloud).remove(seconds=-1)
    assert 'does not go: its state is ACTIVE' in left
    assert [one.split()[0] for one in cloud.things] == ['server']


def test_server_that_failed_while_it_went_is_deleted_again(
    cloud: fake_compute.FakeCloud,
) -> None:
    cloud.compute.lingers = 1
    make_all(cloud)
    cloud.compute.all[0].status = 'ERROR'
    assert maker_of(cloud).remove() == []
    assert cloud.calls.count('delete_server') > 1


def test_service_that_is_down_does_not_keep_the_others(
    cloud: fake_compute.FakeCloud,
) -> None:
    make_all(cloud)
    cloud.failures['delete_keypair'] = exceptions.Unavailable('Nova is down')
    (left,) = maker_of(cloud).remove()
    assert left == 'Nova is down'
    assert [one.split()[0] for one in cloud.things] == ['key']
