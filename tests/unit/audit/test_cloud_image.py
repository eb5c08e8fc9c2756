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


import io

import pytest

from image_pipeline import exceptions
from image_pipeline.audit import cloud_image, profile, registry, subjects
from image_pipeline.host import cancellation
from image_pipeline.testing import disks, fake_images, listed

IMAGE_ID = '00000001-0000-4000-8000-000000000000'
# More than the rules need of it.
SOUND = disks.gpt_disk([disks.Slot(start=disks.MIB, size=disks.MIB)])
EGI = profile.load('egi', registry.rules())


@pytest.fixture
def client():
    made = fake_images.FakeImages()
    made.create(IMAGE_ID, name='debian-12', disk_format='raw')
    made.upload(IMAGE_ID, io.BytesIO(SOUND), len(SOUND))
    return made


@pytest.fixture
def run(client, tmp_path):
    def judge(cancelled=None):
        image = client.get(IMAGE_ID)
        view = listed.view(one=image)
        return cloud_image.CloudImage(
            client=client,
            image=image,
            folder=tmp_path,
            cancelled=cancelled or cancellation.CancellationToken(),
        ).run(
            EGI,
            (),
            registered=subjects.RegisteredImageView(
                name='debian-12', properties=view.properties
            ),
            listed=view,
            shown_as=tmp_path / 'debian-12.raw',
        )

    return judge


def test_reads_what_rules_need_and_says_how_much(run, client):
    report = run()
    assert report.format == 'raw'
    assert report.virtual_size == len(SOUND)
    assert report.reading is not None
    assert 0 < report.reading.bytes < report.reading.size
    assert not report.reading.digest_checked
    assert {one.method for one in client.requests} >= {'read'}
    assert 'download' not in {one.method for one in client.requests}


def test_all_kinds_of_rules_are_judged(run):
    groups = {one.rule.partition('-')[0] for one in run().results}
    assert groups >= {'BOOT', 'CLOUD', 'EGI', 'META'}


def test_cloud_that_is_gone_meanwhile_ends_it(run, client, monkeypatch):
    def read(image_id, offset, length):
        raise exceptions.NotFound('image is gone')

    monkeypatch.setattr(client, 'read', read)
    with pytest.raises(exceptions.NotFound, match='gone'):
        run()


def test_cancelling_ends_it(run):
    cancelled = cancellation.CancellationToken()
    cancelled.cancel('SIGINT')
    with pytest.raises(exceptions.Interrupted):
        run(cancelled)


def test_leaves_nothing_behind(run, tmp_path):
    run()
    assert list(tmp_path.iterdir()) == []
