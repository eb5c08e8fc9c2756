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

from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.conf import loader


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home without configuration, and a user who is not root."""
    for name in ('XDG_CONFIG_HOME', 'XDG_STATE_HOME'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    monkeypatch.setattr('os.geteuid', lambda: 1000)
    monkeypatch.chdir(tmp_path)
    return tmp_path / 'home'


def settings(text='', **arguments):
    file = Path('site.conf')
    file.write_text(text)
    return loader.settings_from(loader.load([file], **arguments))


def problems(text):
    with pytest.raises(exceptions.InvalidInput) as caught:
        settings(text)
    assert caught.value.exit_status == 2
    return [str(problem) for problem in caught.value.problems]


def test_site_that_sets_nothing_has_a_local_target():
    found = settings()
    assert list(found.targets) == ['local']
    local = found.targets['local']
    assert (local.catalogue, local.hypervisor) == ('directory', 'qemu')
    assert (local.formats, local.promote) == (('qcow2',), 'auto')


def test_state_of_a_user_is_in_the_home_folder(home):
    assert settings().state_dir == home / '.local/state/image-pipeline'


def test_state_of_a_user_is_where_xdg_says(monkeypatch):
    monkeypatch.setenv('XDG_STATE_HOME', '/srv/state')
    assert settings().state_dir == Path('/srv/state/image-pipeline')


def test_relative_xdg_folder_is_ignored(monkeypatch, home):
    monkeypatch.setenv('XDG_STATE_HOME', 'state')
    assert settings().state_dir == home / '.local/state/image-pipeline'


def test_state_of_root_is_in_var_lib(monkeypatch):
    monkeypatch.setattr('os.geteuid', lambda: 0)
    assert settings().state_dir == Path('/var/lib/image-pipeline')


def test_state_folder_of_the_command_line_wins():
    found = settings('[DEFAULT]\nstate_dir = /a\n', state_dir=Path('/b'))
    assert found.state_dir == Path('/b')


def test_paths_are_absolute(home, tmp_path):
    found = settings(
        '[DEFAULT]\nstate_dir = ~/s\nrecipe_path = r,/q\nelements_path = e\n'
        'profile_path = p\n'
    )
    assert found.state_dir == home / 's'
    assert found.recipe_path[:2] == (tmp_path / 'r', Path('/q'))
    assert found.recipe_path[2] == home / '.config/image-pipeline/recipes'
    assert found.elements_path == (tmp_path / 'e',)
    assert found.profile_path == (
        tmp_path / 'p',
        home / '.config/image-pipeline/profiles',
        Path('/etc/image-pipeline/profiles'),
    )


def test_recipes_of_the_project_are_in_the_recipe_path():
    assert any(
        (folder / 'debian-12.yaml').is_file()
        for folder in settings().recipe_path
    )


def test_every_group_is_read():
    found = settings(
        '[cache]\nmax_age = 1\nkeep_days = 2\nmax_size = 3\n'
        '[engine]\nconnection = sqlite:////x\nmax_workers = 4\naccel = tcg\n'
        '[limits]\nstage_timeouts = compose:5,sign:6\nkeep_runs = 7\n'
        'keep_candidates = 8\n'
        '[mirrors]\ndebian = file:///srv/debian\n'
    )
    assert (found.cache_max_age, found.cache_keep_days) == (1, 2)
    assert found.cache_max_bytes == 3 * 2**30
    assert found.taskflow_connection == 'sqlite:////x'
    assert (found.max_workers, found.accel) == (4, 'tcg')
    assert found.stage_timeouts['compose'] == 5
    assert found.stage_timeouts['sign'] == 6
    assert found.stage_timeouts['smoke-test'] == 3600
    assert (found.keep_runs, found.keep_candidates) == (7, 8)
    assert found.mirrors.debian == 'file:///srv/debian'
    assert found.mirrors.ubuntu is None


def test_group_of_local_changes_it():
    found = settings('[target:local]\npromote = manual\nformats = raw,qcow2\n')
    assert found.targets['local'].promote == 'manual'
    assert found.targets['local'].formats == ('raw', 'qcow2')


def test_cloud_has_the_defaults_of_a_cloud():
    found = settings(
        '[target:prod]\ncloud = c\nregion = r\nname = Debian 12\n'
        'tags = a,b\nproperties = os_distro:debian,hw_x:1\nkeep = 0\n'
    )
    assert list(found.targets) == ['local', 'prod']
    prod = found.targets['prod']
    assert (prod.catalogue, prod.hypervisor) == ('glance', 'nova')
    assert (prod.promote, prod.visibility) == ('manual', 'private')
    assert (prod.image_name, prod.tags) == ('Debian 12', ('a', 'b'))
    assert prod.properties == {'os_distro': 'debian', 'hw_x': '1'}
    assert (prod.region, prod.keep) == ('r', 0)


def test_later_file_wins():
    Path('a.conf').write_text('[cache]\nmax_age = 1\nkeep_days = 1\n')
    Path('b.conf').write_text('[cache]\nmax_age = 2\n')
    conf = loader.load([Path('a.conf'), Path('b.conf')])
    found = loader.settings_from(conf)
    assert (found.cache_max_age, found.cache_keep_days) == (2, 1)


def test_file_in_the_home_folder_is_read(home):
    folder = home / '.config/image-pipeline'
    folder.mkdir(parents=True)
    (folder / 'image-pipeline.conf').write_text('[cache]\nmax_age = 9\n')
    assert loader.settings_from(loader.load()).cache_max_age == 9


def test_groups_of_openstack_libraries_are_left_to_them():
    assert settings('[oslo_messaging_rabbit]\nssl = true\n')


def test_who_is_told_of_runs_is_read(tmp_path):
    read = settings(
        '[oslo_messaging_notifications]\n'
        'driver = messagingv2\ndriver = log\n'
        'transport_url = rabbit://u:sekret@h/\ntopics = a,b\nretry = 0\n'
    ).notifications
    assert read.drivers == ('messagingv2', 'log')
    assert read.transport_url == 'rabbit://u:sekret@h/'
    assert (read.topics, read.retry) == (('a', 'b'), 0)
    assert 'sekret' not in repr(read)
    assert [file.exists() for file in read.config_files] == [True]


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('drivers = log', 'there is no option "drivers"'),
        ('driver = messagingv3', 'did you mean "messagingv2"?'),
        ('driver = messagingv2', 'transport_url: is missing'),
        ('transport_url = localhost', 'must be a URL'),
        ('retry = -2', 'retry: '),
    ],
)
def test_a_slip_in_who_is_told_of_runs_is_told(text, said):
    (problem,) = problems(f'[oslo_messaging_notifications]\n{text}\n')
    assert said in str(problem)


def test_every_unknown_group_and_option_is_told():
    assert problems(
        '[DEFAULT]\nstate_dri = /x\n\n[cach]\nx = 1\n'
        '[target:prod]\nclod = c\n[quux]\n'
    ) == [
        'site.conf:2: there is no option "state_dri" in [DEFAULT] (did you '
        'mean "state_dir"?)',
        'site.conf:4: there is no group [cach] (did you mean "cache"?)',
        'site.conf:7: there is no option "clod" in [target:prod] (did you '
        'mean "cloud"?)',
        'site.conf:8: there is no group [quux] (groups are DEFAULT, cache, '
        'clouds, engine, limits, mirrors, oslo_messaging_notifications, '
        'target:local)',
    ]


def test_every_value_that_does_not_fit_is_told():
    assert problems(
        '[cache]\nmax_age = -1\nkeep_days = x\n'
        '[engine]\naccel = fast\nmax_workers = 0\n'
        '[limits]\nstage_timeouts = compose\n'
        '[mirrors]\ndebian = debian\n'
        '[target:prod]\nvisibility = all\nformats = q cow\n'
        'hypervisor = nova\n'
        '[target:a b]\n'
    ) == [
        'site.conf:2: [cache] max_age: Should be greater than or equal to 0',
        "site.conf:3: [cache] keep_days: 'x' is not a whole number",
        'site.conf:5: [engine] accel: Valid values are [auto, kvm, tcg], but '
        "found 'fast'",
        'site.conf:6: [engine] max_workers: Should be greater than or equal '
        'to 1',
        'site.conf:8: [limits] stage_timeouts: Value should be NAME:VALUE '
        'pairs separated by ","',
        'site.conf:10: [mirrors] debian: must be a URL with http, https or '
        'file',
        'site.conf:11: [target:prod] cloud: is missing: name a cloud of '
        'clouds.yaml',
        'site.conf:12: [target:prod] visibility: Valid values are [private, '
        "shared, community, public], but found 'all'",
        'site.conf:13: [target:prod] formats: "q cow" is no format',
        'site.conf:15: [target:a b]: a target\'s name has letters, digits '
        'and "._-"',
    ]


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (
            '\nstate_dir = /x\n',
            'site.conf:2: section must be started before assignment',
        ),
        ('[DEFAULT\n', 'site.conf:1: invalid section (must end with ])'),
        (
            '[DEFAULT]\nstate_dir\n',
            "site.conf:2: no ':' or '=' found in assignment",
        ),
    ],
)
def test_file_that_is_no_configuration_is_told(text, expected):
    assert problems(text) == [expected]


def test_file_that_is_no_text_is_told():
    Path('b.conf').write_bytes(b'\xff\xfe')
    with pytest.raises(exceptions.InvalidInput) as caught:
        loader.load([Path('b.conf')])
    assert (
        str(caught.value) == 'the configuration file b.conf is not UTF-8 text'
    )


@pytest.mark.parametrize(
    ('name', 'reason'),
    [('no.conf', 'No such file or directory'), ('.', 'Is a directory')],
)
def test_file_that_cannot_be_read_is_told(name, reason):
    with pytest.raises(exceptions.InvalidInput) as caught:
        loader.load([Path(name)])
    assert str(caught.value) == (
        f'the configuration file {name} cannot be read: {reason}'
    )
