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

import sys

import pytest

from image_pipeline import exceptions
from image_pipeline.clouds import names
from image_pipeline.conf import settings as conf_settings

LOCAL = conf_settings.Target(
    name='local', catalogue='directory', hypervisor='qemu'
)


def test_names_are_those_of_clouds_yaml(clouds_yaml, entry):
    clouds_yaml({'two': entry, 'one': entry})
    assert names.names() == ('one', 'two')


def test_environment_is_a_cloud_if_it_has_more_than_a_choice(
    clouds_yaml, monkeypatch
):
    monkeypatch.setenv('OS_CLOUD', 'one')
    assert names.names() == ()
    monkeypatch.setenv('OS_AUTH_URL', 'http://keystone.test/v3')
    assert names.names() == ('envvars',)


def test_cloud_is_a_target_with_the_defaults_of_a_cloud(clouds_yaml, entry):
    clouds_yaml({'one': entry})
    patience = conf_settings.Requests(retries=9)
    found = names.Targets({'local': LOCAL}, requests=patience)['one']
    assert found == conf_settings.Target(
        name='one',
        cloud='one',
        catalogue='glance',
        hypervisor='nova',
        promote='manual',
        requests=patience,
    )


def test_target_of_the_site_hides_a_cloud_of_its_name(clouds_yaml, entry):
    clouds_yaml({'one': entry, 'local': entry})
    mine = conf_settings.Target(
        name='one', catalogue='glance', hypervisor='qemu', cloud='two'
    )
    found = names.Targets({'local': LOCAL, 'one': mine})
    assert found['one'] is mine
    assert found['local'] is LOCAL
    assert list(found) == ['local', 'one']
    assert len(found) == 2


def test_clouds_yaml_is_not_read_for_a_target_of_the_site(clouds_yaml):
    clouds_yaml('damaged: [')
    found = names.Targets({'local': LOCAL})
    assert found['local'] is LOCAL
    assert 'local' in found
    with pytest.raises(exceptions.InvalidInput):
        found.get('other')


def test_unknown_name_is_no_target(clouds_yaml, entry):
    clouds_yaml({'one': entry})
    found = names.Targets({'local': LOCAL})
    assert 'two' not in found
    assert list(found) == ['local', 'one']
    assert len(found) == 2


def test_cloud_whose_name_no_target_can_have_is_none(clouds_yaml, entry):
    clouds_yaml({'a/b': entry, 'a b': entry, 'ab': entry})
    assert list(names.Targets({})) == ['ab']


@pytest.mark.parametrize(
    ('text', 'problem'),
    [
        ('clouds: [', "{}:1: expected the node content, but found '<stream"),
        ('clouds:\n - a\n', '{}: it has no mapping "clouds"'),
        ('clouds:\n', '{}: it has no mapping "clouds"'),
        ('', '{}: it has no mapping "clouds"'),
        ('clouds: {a: 1}', '{}: the cloud "a" is no mapping'),
        ('clouds: {1: {}}', '{}: the cloud "1" is no mapping'),
        ('a: \x00', '{}: it is no YAML'),
    ],
)
def test_damaged_file_is_told_with_its_place(clouds_yaml, text, problem):
    file = clouds_yaml(text)
    with pytest.raises(exceptions.InvalidInput) as caught:
        names.names()
    assert str(caught.value.problems[0]).startswith(problem.format(file))


def test_text_around_a_mistake_is_not_told(clouds_yaml):
    clouds_yaml('clouds: {a: {auth: {password: "sesame}}}\n')
    with pytest.raises(exceptions.InvalidInput) as caught:
        names.names()
    assert 'sesame' not in str(caught.value.problems[0])


def test_file_that_the_environment_names_must_be_there(
    clouds_yaml, monkeypatch
):
    monkeypatch.setenv('OS_CLIENT_SECURE_FILE', '/nowhere/secure.yaml')
    with pytest.raises(exceptions.InvalidInput, match='OS_CLIENT_SECURE_FILE'):
        names.names()


def test_damaged_secure_file_is_told(clouds_yaml, monkeypatch, tmp_path):
    file = tmp_path / 'secure.yaml'
    file.write_text('clouds: [')
    monkeypatch.setenv('OS_CLIENT_SECURE_FILE', str(file))
    with pytest.raises(exceptions.InvalidInput, match=r'secure\.yaml'):
        names.names()


def test_module_loads_no_library_of_openstack():
    assert 'openstack' not in vars(sys.modules[names.__name__])
