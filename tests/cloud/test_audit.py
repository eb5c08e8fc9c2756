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


"""What ``audit`` says of a real cloud, by listing it and by looking in."""

import random
import uuid
from pathlib import Path

import pytest

from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.host import process
from image_pipeline.testing import images

_NOISE = 8 << 20


class Mess:
    """Images made by hand, past the pipeline.

    :param client: the image service.
    """

    def __init__(self, client):
        self.client = client
        self.name = f'audit-{uuid.uuid4().hex[:8]}'
        self.ids = []

    def add(self, *, name=None, file=None, form='qcow2', **said):
        """Make an image; without a file it stays queued."""
        made = str(uuid.uuid4())
        options = {
            key: said.pop(key)
            for key in ('min_disk', 'min_ram', 'visibility')
            if key in said
        }
        self.client.create(
            made,
            name=name or self.name,
            disk_format=form,
            properties=said,
            **options,
        )
        self.ids.append(made)
        if file:
            with file.open('rb') as stream:
                self.client.upload(made, stream, file.stat().st_size)
        return made

    def remove(self):
        for image in self.ids:
            self.client.delete(image)


@pytest.fixture
def messes(cloud):
    """What makes images as a user; all are deleted at the end."""
    made = []

    def of(name='devcloud'):
        made.append(Mess(clouds_cloud.Cloud(name).images))
        return made[-1]

    yield of
    for one in made:
        one.remove()


@pytest.fixture
def mess(messes):
    return messes()


@pytest.fixture
def audit(pipeline):
    """Audit at the cloud; give status and reports by the image's id."""

    def run(*words):
        done = pipeline('audit', '--target', 'devcloud', *words, '-f', 'json')
        assert done.out, done.err
        return done.status, {
            report['image'].split('/')[1]: report for report in done.json
        }

    return run


@pytest.fixture(scope='module')
def sound(tmp_path_factory):
    """A small image with a system in it, and much that no rule reads."""
    folder = tmp_path_factory.mktemp('sound')
    host = process.Host()
    raw = images.build(
        folder / 'sound.raw',
        host=host,
        files={
            '/etc/hosts': '127.0.0.1 localhost\n127.0.1.1 build-host\n',
            '/srv/noise': random.Random(1).randbytes(_NOISE),
        },
    )
    qcow2 = folder / 'sound.qcow2'
    host.run(['qemu-img', 'convert', '-c', '-O', 'qcow2', raw, qcow2])
    return {'raw': raw, 'qcow2': qcow2}


def failed(report):
    return {
        result['rule']
        for result in report['results']
        if result['outcome'] == 'fail'
    }


def said(report, rule):
    """Return what a rule says, as one text."""
    (result,) = [one for one in report['results'] if one['rule'] == rule]
    return ' '.join(one['message'] for one in result['evidence'])


def test_a_mess_that_was_made_by_hand_is_told_by_its_listing(mess, audit):
    first, second = mess.add(), mess.add()
    wrong = mess.add(
        name=f'{mess.name}-wrong',
        hw_disk_bus='virtoi',
        img_signature='abc',
        os_distro='debian',
        os_version='10',
        os_type='windows',
    )
    status, reports = audit('--all')
    assert status == 3
    assert {'CLOUD-01', 'META-03'} <= failed(reports[first])
    assert second in said(reports[first], 'CLOUD-01')
    assert first in said(reports[second], 'CLOUD-01')
    assert 'architecture' in said(reports[first], 'META-03')
    assert {'META-03', 'CLOUD-11'} <= failed(reports[wrong])
    assert 'CLOUD-01' not in failed(reports[wrong])
    text = said(reports[wrong], 'META-03')
    assert 'hw_disk_bus is "virtoi"' in text
    assert 'img_signature is set without' in text
    assert 'os_type is windows' in said(reports[wrong], 'CLOUD-11')
    assert not any('reading' in report for report in reports.values())


def test_image_that_was_uploaded_by_hand_is_judged_by_its_attributes(
    mess, audit, tmp_path
):
    file = tmp_path / 'disk.raw'
    file.write_bytes(bytes(512))
    good = mess.add(
        form='raw',
        file=file,
        min_disk=1,
        min_ram=64,
        architecture='x86_64',
        os_type='linux',
        os_distro='debian',
        os_version='10',
    )
    status, reports = audit(good)
    assert status == 0
    report = reports[good]
    assert failed(report) >= {'CLOUD-09'}
    assert failed(report) <= {'CLOUD-09', 'META-03'}
    assert 'since 2024-06-30' in said(report, 'CLOUD-09')
    assert report['format'] == 'raw'
    assert report['virtual_size'] == 512


def test_forms_for_other_programs_have_the_mess_too(mess, pipeline):
    mess.add()
    mess.add()
    at = ('audit', '--target', 'devcloud', mess.name)
    junit = pipeline(*at, '-f', 'junit')
    assert junit.status == 3
    assert junit.out.count('image-pipeline.CLOUD') >= 22
    sarif = pipeline(*at, '-f', 'sarif').json
    assert {
        result['level']
        for run in sarif['runs']
        for result in run['results']
        if result['ruleId'] == 'CLOUD-01'
    } == {'error'}


def test_a_waiver_takes_a_duplicate_as_it_is(mess, pipeline, tmp_path):
    mess.add()
    mess.add()
    waivers = tmp_path / 'waivers.yaml'
    waivers.write_text(
        'version: 1\nwaivers:\n- rule: CLOUD-01\n  reason: both are wanted\n'
        f"  expires: '2999-01-01'\n  image: {mess.name}.*\n"
    )
    done = pipeline(
        *('audit', '--target', 'devcloud', mess.name),
        *('--waivers', waivers, '-f', 'json'),
    )
    assert done.status == 0
    assert done.json[0]['summary']['waived'] == 1


def test_reader_may_audit(mess, pipeline):
    wanted = mess.add()
    done = pipeline(
        'audit', '--target', 'devcloud-reader', wanted, '-f', 'json'
    )
    assert 'META-03' in failed(done.json[0])


def test_public_images_of_others_are_judged_if_somebody_wants_it(
    messes, pipeline
):
    theirs = messes('devcloud-admin')
    public = theirs.add(visibility='public')
    at = ('audit', '--target', 'devcloud', '-f', 'json')
    seen = pipeline(*at, '--visibility', 'public').json
    own = pipeline(*at, '--all').json
    assert public in ' '.join(one['image'] for one in seen)
    assert public not in ' '.join(one['image'] for one in own)


def test_unknown_image_is_refused_with_its_name(pipeline, cloud):
    done = pipeline('audit', '--target', 'devcloud', 'no-such-image')
    assert done.status == 2
    assert 'there is no image "no-such-image"' in done.err


@pytest.mark.parametrize('form', ['qcow2', 'raw'])
def test_parts_of_an_image_tell_the_same_as_its_file(
    form, sound, mess, audit, pipeline
):
    file = sound[form]
    image = mess.add(
        form=form, file=file, min_disk=1, os_distro='debian', os_version='11'
    )
    _, reports = audit(image, '--content')
    report = reports[image]
    here = {
        one['rule']: one
        for one in pipeline('audit', file, '-f', 'json').json[0]['results']
    }
    # What is said of it, and what lies beside it, a file alone has not.
    elsewhere = ('CLOUD-', 'META-', 'VIRT-02', 'VIRT-05', 'EGI-FMT-04')
    for result in report['results']:
        if not result['rule'].startswith(elsewhere):
            assert result == here[result['rule']]
    assert 'HYG-05' in failed(report)
    # The image says what it is, whatever its properties do.
    assert 'os_version is "11", but the image says "12"' in said(
        report, 'META-01'
    )
    reading = report['reading']
    size = file.stat().st_size
    assert reading['size'] == size
    assert not reading['digest_checked']
    assert 0 < reading['bytes'] < size - _NOISE // 2


def test_what_is_no_image_is_refused_and_nothing_is_left(
    mess, pipeline, tmp_path
):
    file = tmp_path / 'disk.vmdk'
    file.write_bytes(b'# Disk DescriptorFile\nversion=1\n'.ljust(4096, b'\n'))
    image = mess.add(form='vmdk', file=file)
    done = pipeline('audit', '--target', 'devcloud', image, '--content')
    assert done.status == 2, done.err
    state: Path = pipeline.state_dir
    assert not [
        one for one in state.rglob('*') if one.is_file() and one.stat().st_size
    ]
