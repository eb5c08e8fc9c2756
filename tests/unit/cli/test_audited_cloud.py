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


import argparse
import io
import types

import pytest

from image_pipeline import exceptions
from image_pipeline.audit import listing as audit_listing
from image_pipeline.audit import profile, registry, runner
from image_pipeline.cli import audited_cloud
from image_pipeline.clouds import cloud as cloud_module
from image_pipeline.host import cancellation
from image_pipeline.testing import disks, fake_glance, fake_images, fakes

OURS, THEIRS = 'a0' * 16, 'b0' * 16
SOUND = disks.gpt_disk([disks.Slot(start=disks.MIB, size=disks.MIB)])
EGI = profile.load('egi', registry.rules())


@pytest.fixture
def glance():
    return fake_glance.FakeGlance()


@pytest.fixture
def client(glance, monkeypatch):
    images = fake_images.FakeImages(glance, project=OURS)
    cloud = types.SimpleNamespace(images=images, project_id=OURS)
    monkeypatch.setattr(cloud_module, 'open_cloud', lambda target: cloud)
    return images


@pytest.fixture
def add(client):
    def make(number, name='debian-12', *, of=client, data=None, **changes):
        image_id = f'{number:08d}-0000-4000-8000-000000000000'
        state = changes.pop('state', None)
        if state is not None:
            changes['properties'] = {
                audit_listing.ID: image_id,
                audit_listing.NAME: name,
                audit_listing.STATE: state,
                **changes.get('properties', {}),
            }
        disk_format = changes.pop('disk_format', 'raw')
        of.create(image_id, name=name, disk_format=disk_format, **changes)
        if data is not None:
            of.upload(image_id, io.BytesIO(data), len(data))
        return image_id

    return make


@pytest.fixture
def choose(client):
    def call(*names, content=None, **options):
        values = {'images': list(names), 'all': False, 'visibility': []}
        return list(
            audited_cloud.choose(
                argparse.Namespace(**values | options),
                fakes.target(name='cloud', cloud='cloud'),
                content,
            )
        )

    return call


@pytest.fixture
def content(tmp_path):
    return audited_cloud.Content(
        folder=tmp_path, cancelled=cancellation.CancellationToken()
    )


def numbers(chosen):
    return [int(one.image.id[:8]) for one in chosen]


def test_all_are_those_of_the_project_but_retired_ones(add, choose, glance):
    other = fake_images.FakeImages(glance, project=THEIRS)
    add(1)
    add(2, state='candidate', hidden=True)
    add(3, state='retired', hidden=True)
    add(4, of=other, visibility='community')
    assert numbers(choose(all=True)) == [1, 2]


def test_a_visibility_takes_images_of_others_too(add, choose, glance):
    admin = fake_images.FakeImages(glance, project=THEIRS, admin=True)
    add(1)
    add(2, of=admin, visibility='public')
    add(3, of=admin, visibility='community')
    assert numbers(choose(visibility=['public'])) == [2]
    assert numbers(choose(visibility=['all'])) == [1, 2, 3]
    assert numbers(choose(visibility=['public'], all=True)) == [1, 2]


def test_without_anything_the_current_ones_are_judged(add, choose):
    add(1)
    add(2, state='current')
    add(3, state='previous', hidden=True)
    assert numbers(choose()) == [2]


def test_image_is_named_by_id_by_its_beginning_or_by_name(add, choose):
    first = add(1, name='a')
    add(2, name='b.candidate', state='candidate', hidden=True,
        properties={audit_listing.NAME: 'b'})  # fmt: skip
    assert numbers(choose(first)) == [1]
    assert numbers(choose('00000001')) == [1]
    assert numbers(choose('a')) == [1]
    assert numbers(choose('b')) == [2]


def test_a_name_of_several_means_all_of_them(add, choose):
    add(1)
    add(2)
    assert numbers(choose('debian-12')) == [1, 2]


def test_image_that_is_not_there_is_told_before_any_is_judged(add, choose):
    add(1)
    with pytest.raises(exceptions.NotFound, match='debian-13') as caught:
        choose('debian-12', 'debian-13')
    assert caught.value.hint == 'did you mean "debian-12"?'


def test_image_of_the_community_is_found_by_its_id(add, choose, glance):
    other = fake_images.FakeImages(glance, project=THEIRS)
    there = add(5, of=other, visibility='community')
    assert numbers(choose(there)) == [5]


def test_metadata_of_an_image_that_nobody_made_here_are_judged(add, choose):
    add(1)
    add(2, properties={'hw_disk_bus': 'virtoi'})
    first, second = choose(all=True)
    found = second.judge(EGI, ())
    assert {'CLOUD-01', 'META-03'} <= set(found.failed)
    assert found.image.parts[0] == 'cloud'
    assert found.image.name == 'debian-12.raw'
    assert found.reading is None
    assert 'META-03' in first.judge(EGI, ()).failed


def test_image_of_the_pipeline_is_judged_with_its_record(add, choose):
    add(1, state='current', hidden=True)
    (one,) = choose()
    assert 'META-04' in one.judge(EGI, ()).failed


def test_name_with_a_slash_stays_one_part(add, choose):
    add(1, name='images/debian')
    (one,) = choose(all=True)
    assert one.shown_as.name == 'images_debian.raw'


def test_stores_that_are_not_told_do_not_matter(
    add, choose, client, monkeypatch
):
    def stores():
        raise exceptions.NotFound('no such path')

    monkeypatch.setattr(client, 'stores', stores)
    add(1)
    assert numbers(choose(all=True)) == [1]


def test_content_gives_the_same_report_as_the_file(
    add, choose, content, tmp_path
):
    add(1, data=SOUND)
    (one,) = choose(all=True, content=content)
    found = one.judge(EGI, ())
    file = tmp_path / 'debian-12.raw'
    file.write_bytes(SOUND)
    here = {
        result.rule: result
        for result in runner.run(file, EGI, published=False).results
    }
    for result in found.results:
        if not result.rule.startswith(('CLOUD', 'META', 'VIRT')):
            assert result == here[result.rule]
    assert found.reading is not None
    assert 0 < found.reading.bytes <= found.reading.size == len(SOUND)
    assert not found.reading.digest_checked


def test_content_is_downloaded_where_the_cloud_gives_no_parts(
    add, choose, content, client, monkeypatch
):
    add(1, data=SOUND)
    monkeypatch.setattr(client, 'ranges', lambda image_id: False)
    (one,) = choose(all=True, content=content)
    reading = one.judge(EGI, ()).reading
    assert reading is not None
    assert reading.bytes == reading.size == len(SOUND)
    assert reading.digest_checked


def test_format_that_is_read_from_files_only_is_downloaded(
    add, choose, content
):
    data = b'# Disk DescriptorFile\nversion=1\n'.ljust(4096, b'\n')
    add(1, data=data, disk_format='vmdk')
    (one,) = choose(all=True, content=content)
    with pytest.raises(exceptions.ImageUnreadable):
        one.judge(EGI, ())


def test_image_without_data_is_judged_by_its_metadata(add, choose, content):
    add(1)
    (one,) = choose(all=True, content=content)
    report = one.judge(EGI, ())
    assert report.reading is None
    assert 'BOOT-01' not in {result.rule for result in report.results}


def test_cloud_that_fails_while_it_is_read_is_told(
    add, choose, content, client, monkeypatch
):
    add(1, data=SOUND)

    def read(image_id, offset, length):
        raise exceptions.Unavailable('Glance does not answer')

    monkeypatch.setattr(client, 'read', read)
    (one,) = choose(all=True, content=content)
    with pytest.raises(exceptions.Unavailable, match='does not answer'):
        one.judge(EGI, ())


def test_reading_ends_when_somebody_wants_it_to(add, choose, content):
    add(1, data=SOUND)
    (one,) = choose(all=True, content=content)
    content.cancelled.cancel('SIGINT')
    with pytest.raises(exceptions.Interrupted):
        one.judge(EGI, ())


def test_data_that_is_shorter_than_said_is_no_image(
    add, choose, content, client, monkeypatch
):
    add(1, data=SOUND)
    monkeypatch.setattr(client, 'read', lambda *where: b'')
    (one,) = choose(all=True, content=content)
    with pytest.raises(exceptions.ImageUnreadable, match='bytes came of'):
        one.judge(EGI, ())


def test_nothing_is_left_in_the_folder(add, choose, content, tmp_path):
    add(1, data=SOUND)
    (one,) = choose(all=True, content=content)
    one.judge(EGI, ())
    assert list(tmp_path.iterdir()) == []


def test_progress_of_a_download_is_told_by_the_name(
    add, choose, content, client, monkeypatch, tmp_path
):
    told = []

    def download(image_id, file, *, progress, cancelled):
        cancelled()
        progress(1000)
        progress(len(SOUND))
        return file.write(SOUND)

    monkeypatch.setattr(client, 'ranges', lambda image_id: False)
    monkeypatch.setattr(client, 'download', download)
    add(1, data=SOUND)
    content = audited_cloud.Content(
        folder=tmp_path,
        cancelled=content.cancelled,
        progress=lambda *what: told.append(what),
    )
    (one,) = choose(all=True, content=content)
    one.judge(EGI, ())
    name = str(one.shown_as)
    assert told == [(name, 1000, len(SOUND)), (name, len(SOUND), len(SOUND))]
