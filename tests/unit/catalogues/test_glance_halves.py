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

import datetime
import uuid

import pytest

from image_pipeline.catalogues import glance_halves, glance_records
from image_pipeline.clouds import marks
from image_pipeline.host import locks
from image_pipeline.testing import fake_images

NOW = datetime.datetime.now(datetime.UTC)
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def client():
    return fake_images.FakeImages()


@pytest.fixture(autouse=True)
def this_host(monkeypatch):
    monkeypatch.setattr(marks, 'host_id', lambda state_dir: 'here')


def marked(run='run-1', host='here', expires=NOW + HOUR):
    return marks.Marks(run_id=run, host_id=host, expires_at=expires)


def half_made(client, whose, **properties):
    image_id = str(uuid.uuid4())
    client.create(
        image_id,
        name='debian-12.candidate-aaaaaaaa',
        disk_format='raw',
        hidden=True,
        properties={
            glance_records.ID: image_id,
            glance_records.NAME: 'debian-12',
            glance_records.UPLOAD: glance_records.SENDING,
            **whose.properties,
            **properties,
        },
    )
    return image_id


def run_folder(state_dir, run='run-1'):
    folder = state_dir / 'runs' / run
    folder.mkdir(parents=True)
    return folder


def test_run_of_this_host_is_alive_while_its_lock_is_held(tmp_path):
    folder = run_folder(tmp_path)
    expired = marked(expires=NOW - HOUR)
    with locks.FileLock(folder / 'lock').acquire(wait=False):
        assert not glance_halves.dead(expired, tmp_path)
    assert glance_halves.dead(marked(), tmp_path)


def test_run_of_another_host_is_dead_when_its_time_is_over(tmp_path):
    run_folder(tmp_path)
    there = marked(host='there')
    assert not glance_halves.dead(there, tmp_path, now=NOW)
    assert glance_halves.dead(there, tmp_path, now=NOW + 2 * HOUR)


def test_run_that_this_state_folder_does_not_know_may_be_alive(tmp_path):
    assert not glance_halves.dead(marked(), tmp_path, now=NOW)
    assert glance_halves.dead(marked(), tmp_path, now=NOW + 2 * HOUR)


def test_run_id_that_is_a_path_leads_nowhere(tmp_path):
    run_folder(tmp_path)
    odd = marked(run='../runs/../../etc')
    assert not glance_halves.dead(odd, tmp_path, now=NOW)


def test_sweep_takes_dead_runs_images_only(client, tmp_path):
    run_folder(tmp_path, 'dead')
    alive = run_folder(tmp_path, 'alive')
    gone = [
        half_made(client, marked(run='dead')),
        half_made(client, marked(host='there', expires=NOW - HOUR)),
        half_made(
            client,
            marked(run='dead'),
            **{glance_records.UPLOAD: glance_records.CLAIMING},
        ),
    ]
    kept = [
        half_made(client, marked(run='alive')),
        half_made(client, marked(host='there')),
        half_made(client, marked(run='dead'), image_pipeline_expires='?'),
        half_made(client, marked(run='dead'), image_pipeline_id='another'),
        half_made(
            client, marked(run='dead'), image_pipeline_state='candidate'
        ),
    ]
    with locks.FileLock(alive / 'lock').acquire(wait=False):
        done = glance_halves.sweep(client, 'project', tmp_path)
    assert set(client.service.images) == set(kept)
    assert len(done) == len(gone)
    assert all(any(one in line for line in done) for one in gone)


def test_sweep_leaves_other_projects_alone(client, tmp_path):
    run_folder(tmp_path)
    other = fake_images.FakeImages(client.service, project='other')
    image_id = half_made(other, marked())
    assert glance_halves.sweep(client, 'project', tmp_path) == []
    assert image_id in client.service.images


def test_image_that_became_a_candidate_meanwhile_is_not_dropped(client):
    image_id = half_made(client, marked())
    client.patch(image_id, {'image_pipeline_state': 'candidate'}, remove=[])
    assert not glance_halves.drop(client, image_id)
    assert image_id in client.service.images


def test_dropping_what_is_gone_is_no_error(client):
    assert not glance_halves.drop(client, str(uuid.uuid4()))


def test_larger_image_has_more_time(tmp_path):
    small = glance_halves.own_marks('run', tmp_path, 0)
    large = glance_halves.own_marks('run', tmp_path, 100 << 30)
    assert large.expires_at - small.expires_at > 20 * HOUR
