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

from image_pipeline.audit.guest import cloud_init
from image_pipeline.disk import files
from image_pipeline.testing import disks

D = '/etc/cloud/cloud.cfg.d'
CFG = '''\
# The top
users:
   - default
disable_root: true
cloud_init_modules:
 - seed_random
 - [growpart, always]
 - {name: resize-fs}
 - ''
system_info:
   distro: debian
   default_user:
     name: debian
     lock_passwd: true
'''


def tree(content):
    return files.FileTree(disks.MemoryFiles(content))


def merged(content):
    return cloud_init.merged(tree(content))


def test_later_files_win_key_by_key():
    config = merged(
        {
            cloud_init.MAIN: CFG,
            f'{D}/10-a.cfg': 'disable_root: false\nx: 1\n',
            f'{D}/90-b.cfg': (
                'system_info: {default_user: {name: egi}}\nx: 2\n'
            ),
            f'{D}/99-c.yaml': 'x: 3\n',
        }
    )
    assert config.get('disable_root') is False
    assert config.get('x') == 2
    assert config.get('system_info') == {
        'distro': 'debian',
        'default_user': {'name': 'egi', 'lock_passwd': True},
    }
    assert not config.problems


def test_a_value_is_told_with_the_line_that_wins():
    config = merged(
        {cloud_init.MAIN: CFG, f'{D}/90-b.cfg': '\n\ndisable_root: false\n'}
    )
    assert [
        (line and (line.path, line.number))
        for line in (
            config.where('disable_root'),
            config.where('system_info', 'default_user', 'name'),
            config.where('system_info', 'nothing'),
            config.where('users', 'default'),
        )
    ] == [(f'{D}/90-b.cfg', 3), (cloud_init.MAIN, 13), None, None]
    assert [
        (line.path, value) for line, value in config.each('disable_root')
    ] == [
        (f'{D}/90-b.cfg', False),
        (cloud_init.MAIN, True),
    ]


def test_of_equal_keys_the_last_one_counts():
    config = merged({cloud_init.MAIN: 'a: 1\na: 2\n'})
    line = config.where('a')
    assert config.get('a') == 2
    assert line and line.number == 2


def test_modules_are_named_in_any_of_the_three_ways():
    config = merged({cloud_init.MAIN: CFG})
    assert config.modules('init') == ('seed_random', 'growpart', 'resize_fs')
    assert config.modules('final') == ()


@pytest.mark.parametrize(
    ('content', 'number', 'message'),
    [
        (b'a: 1\nb: [\n', 3, 'is no YAML'),
        (b'a: 1\n\tb: 2\n', 2, 'is no YAML'),
        (b'- a\n- b\n', 1, 'is no mapping'),
        (b'text\n', 1, 'is no mapping'),
        (b'a: 1\nb: \xff\n', 2, 'is not UTF-8'),
        (b'a: !!python/object:os.system x\n', 1, 'is no YAML'),
        (b'a: 2001-99-99\n', 1, 'is no YAML'),
        (b'[' * 5000, 1, 'is too deeply nested'),
        (b'#' * (300 << 10), 1, 'is too large to be read'),
        (b'a: 1\nmerge_how: x\n', 1, 'merge_how cannot be'),
    ],
)
def test_a_file_that_cannot_be_read_is_left_out_and_told(
    content, number, message
):
    config = merged({cloud_init.MAIN: b'c: 3\n', f'{D}/90-b.cfg': content})
    (problem,) = config.problems
    assert message in problem.message
    assert problem.line.number == number
    if 'merge_how' not in message:
        assert problem.line.path == f'{D}/90-b.cfg'
        assert config.data == {'c': 3}


@pytest.mark.parametrize('content', ['', '# nothing\n', '---\n...\n'])
def test_an_empty_file_says_nothing(content):
    config = merged({cloud_init.MAIN: content})
    assert config.data == {}
    assert not config.problems


def test_names_are_those_of_a_list():
    config = merged({cloud_init.MAIN: 'a: [x, 1]\nb: x\n'})
    assert config.names('a') == ('x', '1')
    assert config.names('b') is None
    assert config.names('c') is None


def test_what_is_not_a_mapping_has_no_keys():
    config = merged({cloud_init.MAIN: 'a: [x]\n'})
    assert config.get('a', 'x', default=5) == 5


def test_cloud_init_is_turned_off_by_a_file_or_on_the_command_line():
    assert cloud_init.disabled(tree({})) is None
    marker = cloud_init.disabled(tree({cloud_init.DISABLED: ''}))
    assert marker and marker.path == cloud_init.DISABLED
    line = cloud_init.disabled(
        tree({'/boot/grub/grub.cfg': 'linux /vmlinuz cloud-init=disabled\n'})
    )
    assert line and line.path == '/boot/grub/grub.cfg'


def test_cloud_init_is_there_if_its_program_is():
    assert cloud_init.is_installed(tree({'/usr/bin/cloud-init': '#!'}))
    assert not cloud_init.is_installed(tree({cloud_init.MAIN: CFG}))


@pytest.mark.parametrize('value', [True, 'true', 'Yes', ' on ', 1])
def test_what_means_yes_does_not_mean_no(value):
    assert cloud_init.is_true(value)
    assert not cloud_init.is_false(value)


@pytest.mark.parametrize('value', [False, 'False', 'off', 'no', 0])
def test_what_means_no_does_not_mean_yes(value):
    assert cloud_init.is_false(value)
    assert not cloud_init.is_true(value)


@pytest.mark.parametrize('value', [None, 'maybe', '', []])
def test_what_means_neither_means_neither(value):
    assert not cloud_init.is_true(value)
    assert not cloud_init.is_false(value)


def test_too_many_files_are_told():
    config = merged({f'{D}/{number}.cfg': '' for number in range(201)})
    assert [one.message for one in config.problems if 'many' in one.message]
