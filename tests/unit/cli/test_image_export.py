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

import json

import pytest
import yaml

from image_pipeline import exceptions
from image_pipeline.cli import image_export
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME
BOTH = ('--target', 'one', '--target', 'two')


def export(call, *words):
    status, out, err = call('image', 'export', *words)
    assert (status, err) == (0, '')
    return out


def test_json_has_the_current_images_by_target_and_name(call, add):
    record = add(b'1', promote=True)
    add(b'2')
    add(b'3', name='candidates-only')
    found = json.loads(export(call))
    assert set(found) == {'local'}
    assert set(found['local']) == {NAME}
    assert found['local'][NAME]['id'] == record.id
    assert found['local'][NAME]['sha512'] == record.sha512


def test_heat_environment_has_parameter_defaults(call, add):
    record = add(b'1', name='debian-12', promote=True)
    text = export(call, '--format', 'heat-env')
    assert yaml.safe_load(text) == {
        'parameter_defaults': {'image_debian_12': record.id}
    }


def test_heat_environment_is_of_one_cloud(call, two):
    status, out, err = call('image', 'export', '-f', 'heat-env', *BOTH)
    assert (status, out) == (2, '')
    assert 'one cloud' in err


def test_ansible_gets_a_variable_an_image(call, add):
    one = add(b'1', name='debian-12', promote=True)
    two = add(b'2', name='a.b', promote=True)
    text = export(call, '--format', 'ansible', '--prefix', 'os_')
    assert yaml.safe_load(text) == {'os_a_b': two.id, 'os_debian_12': one.id}


def test_terraform_gets_aligned_values(call, add):
    one = add(b'1', name='debian-12', promote=True)
    two = add(b'2', name='a', promote=True)
    assert export(call, '--format', 'tfvars') == (
        '# Current images of local (image-pipeline image export)\n'
        f'image_a         = "{two.id}"\n'
        f'image_debian_12 = "{one.id}"\n'
    )


def test_ids_of_several_targets_are_by_target(call, two):
    two['one'][1](b'1', promote=True)
    two['two'][1](b'0')
    two['two'][1](b'1', promote=True)
    two['two'][1](b'2', name='other', promote=True)
    assert yaml.safe_load(export(call, '-f', 'ansible', *BOTH)) == {
        'image_conformance': {'one': 'fake-image-1', 'two': 'fake-image-2'},
        'image_other': {'two': 'fake-image-3'},
    }
    assert export(call, '-f', 'tfvars', *BOTH).splitlines()[1:] == [
        'image_conformance = {',
        '  "one" = "fake-image-1"',
        '  "two" = "fake-image-2"',
        '}',
        'image_other = {',
        '  "two" = "fake-image-3"',
        '}',
    ]


@pytest.mark.parametrize('form', ['json', 'ansible', 'tfvars', 'heat-env'])
def test_nothing_is_current(call, form):
    text = export(call, '--format', form)
    assert text.endswith('\n')
    if form != 'tfvars':
        yaml.safe_load(text)


@pytest.mark.parametrize('form', ['json', 'ansible', 'tfvars', 'heat-env'])
def test_only_the_images_that_are_named(call, add, form):
    add(b'1', name='one', promote=True)
    add(b'2', name='two', promote=True)
    text = export(call, 'one', '--format', form)
    assert 'one' in text
    assert 'two' not in text


@pytest.mark.parametrize(
    ('name', 'hint'),
    [('waiting', 'image list waiting'), ('confromance', f'"{NAME}"')],
)
def test_name_without_a_current_image_is_told(call, add, name, hint):
    add(b'1', promote=True)
    add(b'2', name='waiting')
    status, out, err = call('image', 'export', NAME, name)
    assert (status, out) == (2, '')
    assert hint in err


def test_names_that_become_the_same_are_told(call, add):
    add(b'1', name='debian-12', promote=True)
    add(b'2', name='debian.12', promote=True)
    status, out, err = call('image', 'export', '--format', 'tfvars')
    assert (status, out) == (2, '')
    assert 'debian-12 and debian.12 are both image_debian_12' in err
    assert json.loads(export(call, '--format', 'json'))
    assert 'image_debian_12' in export(call, 'debian.12', '-f', 'tfvars')


@pytest.mark.parametrize('prefix', ['', '1', 'a-', 'ü'])
def test_prefix_must_begin_a_name(call, prefix):
    status, _, err = call('image', 'export', '--prefix', prefix)
    assert status == 2
    assert 'variable' in err


def test_file_is_replaced_at_once_and_only_if_it_changes(call, add, tmp_path):
    add(b'1', promote=True)
    file = tmp_path / 'images.tfvars'
    file.write_text('old')
    words = ('--format', 'tfvars', '--output', file)
    assert export(call, *words) == ''
    text = file.read_text()
    assert text == export(call, *words[:2])
    before = file.stat()
    export(call, *words)
    assert file.stat().st_ino == before.st_ino
    add(b'2', promote=True)
    export(call, *words)
    assert file.read_text() != text
    assert [one.name for one in tmp_path.glob('*images*')] == [file.name]


@pytest.mark.parametrize(
    ('name', 'reason'), [('none/x', 'there is no folder'), ('.', 'a folder')]
)
def test_file_that_cannot_be_is_bad_input(call, tmp_path, name, reason):
    status, _, err = call('image', 'export', '--output', tmp_path / name)
    assert status == 2
    assert reason in err


def test_half_of_the_targets_is_not_exported(call, two, monkeypatch, tmp_path):
    two['one'][1](b'1', promote=True)

    def broken(**more):
        raise exceptions.Unavailable('image service down')

    monkeypatch.setattr(two['two'][0], 'list_images', broken)
    file = tmp_path / 'file'
    words = ('-f', 'json', '--output', file, *BOTH)
    status, out, err = call('image', 'export', *words)
    assert (status, out) == (1, '')
    assert 'error: two: image service down' in err
    assert 'nothing is exported' in err
    assert not file.exists()


@pytest.mark.parametrize(
    ('text', 'quoted'),
    [('a', '"a"'), ('"', r'"\""'), ('${a}', '"$${a}"'), ('%{a}', '"%%{a}"')],
)
def test_text_for_terraform_is_only_text(text, quoted):
    assert image_export.quoted(text) == quoted
