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

import pytest

from image_pipeline.clouds import cloud


@pytest.fixture
def site(tmp_path):
    file = tmp_path / 'site.conf'
    file.write_text(
        '[target:prod]\ncloud = c\nformats = raw\nproperties = hw_x:1\n'
    )
    return str(file)


def test_list_has_local_and_the_targets_of_the_site(run, site):
    rows = run('--config-file', site, 'target', 'list', '-f', 'json').json
    assert [(row['name'], row['catalogue']) for row in rows] == [
        ('local', 'directory'),
        ('prod', 'glance'),
    ]


def test_show_merges_the_recipe_into_the_target(run, site, recipe):
    with recipe.open('a') as stream:
        stream.write('targets: {prod: {formats: [qcow2, raw]}}\n')
    argv = ['--config-file', site, 'target', 'show', '-f', 'json', 'prod']
    assert run(*argv).json['formats'] == ['raw']
    shown = run(*argv, 'r.yaml').json
    assert shown['formats'] == ['qcow2', 'raw']
    assert shown['image_name'] == 'debian-12'
    assert shown['properties'] == {'os_distro': 'debian', 'hw_x': '1'}


def test_unknown_target_is_bad_input(run):
    done = run('target', 'show', 'loacl')
    assert (done.status, done.out) == (2, '')
    assert done.err == (
        'error: there is no target "loacl"\nhint: did you mean "local"?\n'
    )


@pytest.fixture
def clouds(tmp_path, monkeypatch):
    file = tmp_path / 'clouds.yaml'
    file.write_text(
        """
clouds:
  mine:
    region_name: North
    auth: {auth_url: 'http://keystone.test', username: u, password: hush-hush}
  c: {region_name: South, auth: {auth_url: 'http://keystone.test'}}
"""
    )
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(file))
    cloud.forget()
    yield
    cloud.forget()


def test_clouds_of_clouds_yaml_are_targets(run, site, clouds):
    rows = run('--config-file', site, 'target', 'list', '-f', 'json').json
    assert {row['name']: row['region'] for row in rows} == {
        'local': None,
        'prod': 'South',
        'c': 'South',
        'mine': 'North',
    }
    done = run('target', 'show', 'mine', '-f', 'json')
    assert done.json['catalogue'] == 'glance'
    assert done.json['region'] == 'North'
    assert done.json['promote'] == 'manual'


@pytest.mark.parametrize('form', ['json', 'yaml', 'table', 'value'])
def test_no_secret_is_shown(run, tmp_path, clouds, form):
    file = tmp_path / 'site.conf'
    file.write_text(
        '[target:prod]\ncloud = mine\n'
        'import_url = http://u:hush-hush@mirror.test/{name}\n'
    )
    site = ('--config-file', str(file))
    for words in ('list',), ('show', 'prod'), ('show', 'mine'):
        done = run(*site, 'target', *words, '-f', form)
        assert done.status == 0
        assert 'hush-hush' not in done.out + done.err
    shown = run(*site, 'target', 'show', 'prod', '-f', 'json').json
    assert shown['import_url'] == 'http://mirror.test/{name}'


def test_unknown_target_may_be_a_cloud_misspelt(run, clouds):
    done = run('target', 'show', 'mien')
    assert done.status == 2
    assert 'did you mean "mine"?' in done.err
