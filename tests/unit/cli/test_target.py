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
