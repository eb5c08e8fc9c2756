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

"""Promote, roll back and recover in a real Glance."""

import io
import signal
import sys
import time
import uuid

import pytest

from image_pipeline import exceptions
from image_pipeline.catalogues import (
    glance,
    glance_intents,
    glance_records,
)
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.host import process
from image_pipeline.testing import cloud_project, fakes

#: A process that promotes images in turn, and perhaps kills itself.
PROMOTER = """
import json, os, signal, sys
from pathlib import Path
from image_pipeline import exceptions
from image_pipeline.catalogues import glance
from image_pipeline.testing import fakes

folder, cloud, death, *ids = sys.argv[1:]
catalogue = glance.GlanceCatalogue(
    fakes.target(cloud, catalogue='glance', cloud=cloud),
    state_dir=Path(folder),
)
patch, left = catalogue.client.patch, [int(death)]

def counted(*args, **options):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return patch(*args, **options)

catalogue.client.patch = counted
for image_id in ids:
    catalogue.promote(image_id)
"""
LIMIT = 600


@pytest.fixture(scope='module')
def projects(devcloud, tmp_path_factory):
    """Two projects where nobody else has images."""
    with devcloud.shared():
        made = cloud_project.projects(
            devcloud.clouds_yaml,
            tmp_path_factory.mktemp('promote'),
            ['swap-one', 'swap-two'],
        )
        projects = made.__enter__()
    yield projects
    with devcloud.shared():
        made.__exit__(None, None, None)


@pytest.fixture
def host():
    return process.Host()


class Shop:
    """A project's images of one name."""

    def __init__(self, devcloud, projects, folder):
        self.devcloud = devcloud
        self.folder = folder
        self.ids = projects.ids
        self.env = {'OS_CLIENT_CONFIG_FILE': str(projects.clouds_yaml)}
        self.name = f'swap-{uuid.uuid4().hex[:8]}'
        self.cloud = clouds_cloud.open_cloud(self.target())
        self.client = self.cloud.images

    def target(self, **said):
        return fakes.target(
            'swap-one', catalogue='glance', **{'cloud': 'swap-one'} | said
        )

    def catalogue(self, **said):
        return glance.GlanceCatalogue(
            self.target(**said),
            state_dir=self.folder,
            project=self.ids['swap-one'],
        )

    def upload(self, image_id, name, **said):
        self.client.create(image_id, name=name, disk_format='raw', **said)
        data = image_id.encode().ljust(512, b'\0')
        self.client.upload(image_id, io.BytesIO(data), len(data))
        return image_id

    def by_hand(self):
        return self.upload(str(uuid.uuid4()), self.name)

    def candidate(self):
        image_id = str(uuid.uuid4())
        return self.upload(
            image_id,
            f'{self.name}.candidate-{image_id[:8]}',
            hidden=True,
            properties={
                glance_records.ID: image_id,
                glance_records.NAME: self.name,
                glance_records.STATE: 'candidate',
                glance_records.SHA256: image_id.replace('-', '') * 2,
            },
        )

    def current(self, **said):
        image_id = self.candidate()
        self.catalogue(**said).promote(image_id)
        return image_id

    def visible(self):
        return [
            one.id for one in self.client.find(name=self.name, hidden=False)
        ]

    def states(self):
        found = self.catalogue().list_images(name=self.name)
        return {one.id: one.state.value for one in found}

    def left(self):
        """Return what says that somebody is at it."""
        return [
            key
            for one in self.client.find(
                properties={glance_records.NAME: self.name}
            )
            for prefix in (
                glance_intents.SWAP,
                glance_intents.HANDOVER,
                glance_intents.WIDENED,
            )
            for key in glance_intents.keys(one, prefix)
        ]

    def shown(self):
        """Return the image that a user gets by the name."""
        found = self.devcloud.openstack(
            'image', 'show', self.name, '-f', 'json', cloud='swap-one'
        )
        return found['id']

    def argv(self, *ids, death=-1):
        return [
            sys.executable,
            '-c',
            PROMOTER,
            self.folder,
            'swap-one',
            str(death),
            *ids,
        ]


@pytest.fixture
def shop(cloud, projects, monkeypatch, tmp_path):
    clouds_yaml = str(projects.clouds_yaml)
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', clouds_yaml)
    monkeypatch.setattr(
        type(cloud),
        'variables',
        property(lambda self: {'OS_CLIENT_CONFIG_FILE': clouds_yaml}),
    )
    return Shop(cloud, projects, tmp_path)


def test_users_get_the_promoted_image_and_the_former_one_again(shop):
    old = shop.current()
    new = shop.candidate()
    assert shop.shown() == old
    swap = shop.catalogue().promote(new, reason='a fix')
    assert (swap.current.id, swap.former.id) == (new, old)
    assert shop.shown() == new
    listed = shop.devcloud.openstack(
        'image', 'list', '--name', shop.name, '-f', 'json', cloud='swap-one'
    )
    assert [one['ID'] for one in listed] == [new]
    refused = shop.devcloud.try_openstack(
        'image', 'delete', new, cloud='swap-one'
    )
    assert refused.returncode != 0, 'a current image is protected'
    shop.catalogue().roll_back(shop.name, reason='broken')
    assert shop.shown() == old
    assert shop.states() == {old: 'current', new: 'rejected'}
    with pytest.raises(exceptions.StateConflict):
        shop.catalogue().promote(new)
    assert shop.left() == []


@pytest.mark.parametrize(
    ('death', 'finished'), [(0, False), (1, False), (2, True), (3, True)]
)
def test_promoter_is_killed_between_any_two_changes(
    shop, host, tmp_path, death, finished
):
    log = tmp_path / 'log'
    old = shop.current()
    new = shop.candidate()
    with host.start(
        shop.argv(new, death=death), log=log, env=shop.env
    ) as promoter:
        status = promoter.wait(timeout=LIMIT)
    assert status == -signal.SIGKILL, log.read_text()
    # Hidden for one that was not shown: the others are not to be two.
    assert shop.visible() == {0: [old], 1: [old], 2: [], 3: [new]}[death]
    said = shop.catalogue().recover()
    assert len(said) == (death in (1, 2))
    assert shop.visible() == [new if finished else old]
    assert shop.states() == (
        {old: 'previous', new: 'current'}
        if finished
        else {old: 'current', new: 'candidate'}
    )
    assert shop.left() == []


def test_two_promoters_at_once_leave_one_visible_image(shop, host, tmp_path):
    log = tmp_path / 'log'
    one = shop.current()
    two = shop.candidate()
    most = 0
    with (
        host.start(shop.argv(two, one, two), log=log, env=shop.env) as first,
        host.start(shop.argv(one, two, one), log=log, env=shop.env) as second,
    ):
        deadline = time.monotonic() + LIMIT
        while first.poll() is None or second.poll() is None:
            assert time.monotonic() < deadline
            most = max(most, len(shop.visible()))
        assert (first.wait(), second.wait()) == (0, 0), log.read_text()
    assert most == 1
    assert shop.left() == []
    assert shop.catalogue().recover() == []
    assert sorted(shop.states().values()) == ['current', 'previous']
    assert len(shop.visible()) == 1


def test_members_of_a_shared_image_get_the_new_one(shop):
    other = clouds_cloud.Cloud('swap-two').images
    project = shop.ids['swap-two']
    said = {'visibility': 'shared', 'members': (project,)}
    old = shop.current(**said)
    other.set_member(old, project, 'accepted')
    assert [one.id for one in other.find(name=shop.name)] == [old]
    new = shop.candidate()
    swap = shop.catalogue(visibility='shared').promote(new)
    assert [(one.project, one.status) for one in swap.members] == [
        (project, 'pending')
    ]
    assert project in swap.notes[0]
    assert other.find(name=shop.name, hidden=False) == []
    other.set_member(new, project, 'accepted')
    found = other.find(name=shop.name, hidden=False)
    assert [one.id for one in found] == [new]
    usage = shop.catalogue().in_use(old)
    assert usage.in_use
    assert project in usage.users[0]


def test_who_may_not_publish_changes_nothing(shop):
    old = shop.current()
    new = shop.candidate()
    before = shop.client.get(new)
    with pytest.raises(exceptions.Forbidden):
        shop.catalogue(visibility='public').promote(new)
    assert shop.visible() == [old]
    assert shop.client.get(new) == before


def test_image_made_by_hand_is_adopted_and_replaced(shop):
    made = shop.by_hand()
    new = shop.candidate()
    with pytest.raises(exceptions.StateConflict) as refused:
        shop.catalogue().promote(new)
    assert f'image adopt {made}' in refused.value.hint
    assert shop.visible() == [made]
    record = shop.catalogue().adopt(made, name=shop.name, read=True)
    assert (record.state, len(record.sha256)) == ('current', 64)
    assert shop.catalogue().promote(new).former.id == made
    assert shop.visible() == [new]


def test_revoked_image_cannot_be_read_any_more(shop):
    old = shop.current()
    bad = shop.current()
    record = shop.catalogue().revoke(bad, reason='a key is in it')
    assert (record.state, record.reason) == ('rejected', 'a key is in it')
    assert shop.visible() == [old]
    assert shop.client.get(bad).status == 'deactivated'


def test_promotion_is_taken_back_without_a_trace(shop):
    shop.current()
    new = shop.candidate()
    before = list(shop.catalogue().list_images(name=shop.name))
    catalogue = shop.catalogue(visibility='community')
    catalogue.take_back(catalogue.promote(new))
    assert list(shop.catalogue().list_images(name=shop.name)) == before
    assert shop.left() == []


@pytest.fixture
def server(shop):
    """A server of a former image; whether it runs is all the same."""
    old = shop.current()
    shop.current()
    compute = shop.cloud.compute
    flavor = min(compute.flavors(), key=lambda one: (one.ram, one.disk))
    made = compute.create_server(
        name=shop.name,
        image_id=old,
        flavor_id=flavor.id,
        networks='none',
    )
    yield made, old
    compute.delete_server(made, ignore_missing=True)
    compute.wait_for_delete(made, interval=1, wait=LIMIT)


def test_image_of_a_server_is_not_deleted(shop, server):
    made, old = server
    catalogue = shop.catalogue(delete=True)
    usage = catalogue.usage(old)
    assert usage.in_use
    assert made.id in usage.users[0]
    with pytest.raises(exceptions.StateConflict, match=made.id):
        catalogue.retire(old, delete=True)
    assert shop.states()[old] == 'previous'
    # An administrator sees it, too, whosever it is.
    admin = shop.catalogue(cloud='devcloud-admin')
    assert made.id in admin.usage(old).users[0]
    shop.cloud.compute.delete_server(made)
    shop.cloud.compute.wait_for_delete(made, interval=1, wait=LIMIT)
    catalogue.retire(old, delete=True)
    with pytest.raises(exceptions.NotFound):
        shop.client.get(old)


def test_nobody_but_an_administrator_judges_an_image_that_was_public(shop):
    old = shop.current(visibility='community')
    shop.current()
    catalogue = shop.catalogue(delete=True)
    assert catalogue.in_use(old).in_use is None
    with pytest.raises(exceptions.StateConflict, match='could not be found'):
        catalogue.retire(old, delete=True)
    assert catalogue.retire(old).state == 'retired'
    admin = shop.catalogue(cloud='devcloud-admin')
    assert admin.in_use(old).in_use is False
