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

import dataclasses
import json

import pytest

from image_pipeline.audit import profile, registry
from image_pipeline.catalogues import base, directory
from image_pipeline.cli import audited, main
from image_pipeline.testing import disks, fakes, mutations
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME


@pytest.fixture
def catalogue(tmp_path):
    return directory.DirectoryCatalogue(
        fakes.target(), state_dir=tmp_path / 'state'
    )


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    # No configuration of this host.
    monkeypatch.setenv('HOME', str(tmp_path))

    def call(*words):
        status = main.main(
            ['--state-dir', str(tmp_path / 'state'), 'audit', *words]
        )
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def add(catalogue, tmp_path):
    def make(mark, *, name=NAME, state='current', **properties):
        content = disks.gpt_disk([]) + mark.encode().ljust(512)
        record = conformance.register(
            catalogue,
            conformance.make_image(tmp_path, content),
            name=name,
            properties=properties,
        )
        if state in ('current', 'previous'):
            record = catalogue.promote(record.id).current
        if state == 'retired':
            record = catalogue.retire(record.id)
        return record

    return make


def reports(run, *words, rule='META-05'):
    status, out, _ = run('--target', 'local', '--rule', rule, '-f', 'json',
                         *words)  # fmt: skip
    return status, json.loads(out)


def test_current_images_are_judged_unless_others_are_named(run, add):
    one = add('1')
    other = add('2', name='other')
    add('3', state='candidate')
    status, found = reports(run)
    assert status == 0
    assert {each['image'] for each in found} == {
        f'local/{one.id}/{NAME}.raw',
        f'local/{other.id}/other.raw',
    }


def test_all_are_judged_but_what_is_retired(run, add):
    former, current = add('1', state='previous'), add('2')
    candidate = add('3', state='candidate')
    add('4', state='retired')
    _, found = reports(run, '--all')
    outcomes = {
        each['image'].split('/')[1]: each['results'][0]['outcome']
        for each in found
    }
    assert outcomes == {
        former.id: 'fail',
        current.id: 'fail',
        candidate.id: 'not-applicable',
    }


@pytest.mark.parametrize('how', ['id', 'short', 'name'])
def test_image_is_named_as_everywhere(run, add, how):
    record = add('1')
    add('2', state='candidate')
    text = {'id': record.id, 'short': record.id[:8], 'name': NAME}[how]
    _, found = reports(run, text)
    assert [each['image'] for each in found] == [
        f'local/{record.id}/{NAME}.raw'
    ]


def test_image_is_judged_as_it_is_registered(run, add, catalogue):
    record = add('1', hw_video_model='VGA')
    status, (found,) = reports(run, rule='META-03')
    assert status == 3
    assert 'hw_video_model' in found['results'][0]['evidence'][0]['message']
    catalogue.set_properties(
        record.id,
        {},
        tested=base.Tested(sha256=record.sha256, ram=512),
    )
    _, (found,) = reports(run)
    assert found['results'][0]['outcome'] == 'pass'


def test_waivers_are_about_the_final_name(run, add, tmp_path):
    add('1', state='candidate', hw_video_model='VGA')
    (tmp_path / 'w.yaml').write_text(
        'version: 1\nwaivers:\n- {rule: META-03, reason: a test, '
        f'expires: 9999-12-31, image: {NAME}.*}}\n'
    )
    status, (found,) = reports(
        run, '--all', '--waivers', str(tmp_path / 'w.yaml'), rule='META-03'
    )
    assert (status, found['summary']['waived']) == (0, 1)


def test_empty_catalogue_has_nothing_to_judge(run):
    assert reports(run, '--all') == (0, [])


def test_target_without_an_image_to_judge_is_told(run, add):
    _, _, err = run('--target', 'local', '--all')
    assert err == 'target "local" has no images to judge\n'
    add('1', state='candidate')
    status, out, err = run('--target', 'local')
    assert (status, out) == (0, '')
    assert 'no current image to judge; --all judges candidates' in err


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ((), 'there is nothing to judge'),
        (('--all',), '--target'),
        (('--all', 'x.qcow2'), '--passed'),
        (('--target', 'local', '--all', 'x'), 'leave one of the two out'),
        (('--target', 'local', '--fix', 'x.raw', 'x'), '--fix mends a file'),
        (('--target', 'locla'), 'local'),
        (('--target', 'local', 'none'), 'there is no image "none"'),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(run, words, said):
    status, out, err = run(*words)
    assert (status, out) == (2, '')
    assert said in err
    assert 'Traceback' not in err


def test_image_whose_file_is_gone_is_named_beside_the_others(run, add):
    gone, there = add('1'), add('2', name='other')
    gone.path.unlink()
    status, out, err = run('--target', 'local', '--rule', 'EGI-LAYOUT-08',
                           '-f', 'json')  # fmt: skip
    assert status == 2
    assert gone.id in err
    (found,) = json.loads(out)
    assert there.id in found['image']


def test_image_of_a_catalogue_elsewhere_is_judged_by_what_is_said(tmp_path):
    there = audited.Audited(
        path=None,
        shown_as=tmp_path / 'x',
        record=dataclasses.replace(
            mutations.RECORD, properties={'hw_disk_bus': 'virtoi'}
        ),
    )
    report = there.judge(profile.load('egi', registry.rules()), ())
    assert 'META-03' in report.failed
    assert 'BOOT-01' not in {one.rule for one in report.results}


@pytest.mark.parametrize(
    'words',
    [('--content', 'x.qcow2'), ('--visibility', 'public', 'x.qcow2')],
    ids=str,
)
def test_options_of_a_cloud_want_a_target(run, words):
    status, _, err = run(*words)
    assert status == 2
    assert 'give --target as well' in err


def test_named_images_are_not_asked_for_by_visibility_too(run):
    status, _, err = run('--target', 'local', '--visibility', 'all', 'x')
    assert status == 2
    assert 'leave one of the two out' in err
