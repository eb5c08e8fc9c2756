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

from importlib import metadata

import pytest

from image_pipeline import exceptions
from image_pipeline.host import plugins

STAGE = 'image_pipeline.stages.compose:ComposeStage'
OTHER = 'image_pipeline.stages.zerofree:ZerofreeStage'


@pytest.fixture
def installed(monkeypatch, request):
    """Have entry points of this test, without anybody's cache."""
    namespace = f'tests.{request.node.name}'

    def have(*named, **options):
        found = [
            metadata.EntryPoint(name, value, namespace)
            for name, value in named
        ]
        monkeypatch.setattr(
            metadata, 'entry_points', lambda group: metadata.EntryPoints(found)
        )
        monkeypatch.setattr(
            'stevedore.extension.ExtensionManager.list_entry_points',
            lambda self: found,
        )
        return plugins.Plugins(namespace, 'stage', **options)

    return have


def test_names_are_sorted_and_each_is_there_once(installed):
    found = installed(('b', STAGE), ('a', STAGE), ('b', OTHER))
    assert found.names() == ('a', 'b')


def test_names_are_told_without_loading_anything(installed):
    assert installed(('a', 'no_such_module:A')).names() == ('a',)


def test_plugin_is_loaded_by_name(installed):
    found = installed(('a', OTHER), ('b', STAGE))
    assert found.load('b').__name__ == 'ComposeStage'


def test_one_that_is_broken_is_in_nobody_elses_way(installed):
    found = installed(('a', 'no_such_module:A'), ('b', STAGE))
    assert found.load('b').__name__ == 'ComposeStage'


def test_all_are_loaded_in_the_order_of_their_names(installed):
    found = installed(('b', STAGE), ('a', OTHER)).load_all()
    assert [(name, one.__name__) for name, one in found.items()] == [
        ('a', 'ZerofreeStage'),
        ('b', 'ComposeStage'),
    ]


def test_none_installed_is_no_error(installed):
    assert installed().load_all() == {}


def test_unknown_name_is_guessed_at(installed):
    with pytest.raises(exceptions.NotFound) as caught:
        installed(('smoke-test', STAGE)).load('smoke_tset')
    assert str(caught.value) == 'there is no stage "smoke_tset"'
    assert caught.value.hint == 'did you mean "smoke-test"?'


def test_name_that_is_near_to_nothing_gets_them_all(installed):
    with pytest.raises(exceptions.NotFound) as caught:
        installed(('b', STAGE), ('a', STAGE)).load('quux')
    assert caught.value.hint == 'stages are a, b'


def test_name_among_many_gets_the_command_that_lists_them(installed):
    with pytest.raises(exceptions.NotFound) as caught:
        installed(('a', STAGE), listing='x stage list').load('quux')
    assert caught.value.hint == '`x stage list` shows all'


def test_error_says_where_the_name_stands(installed):
    with pytest.raises(exceptions.NotFound) as caught:
        installed(('a', STAGE)).load('quux', where='target "prod"')
    assert str(caught.value) == 'target "prod": there is no stage "quux"'


@pytest.mark.parametrize('load', ['load', 'load_all'])
def test_plugin_that_cannot_be_loaded_says_why(installed, load):
    found = installed(('odd', 'no_such_module:Stage'))
    with pytest.raises(exceptions.StateConflict) as caught:
        getattr(found, load)(*(['odd'] if load == 'load' else []))
    assert str(caught.value) == (
        'the stage "odd" (no_such_module:Stage) cannot be loaded: '
        "ModuleNotFoundError: No module named 'no_such_module'"
    )
    assert caught.value.hint is not None


def test_two_of_one_name_are_an_error(installed):
    found = installed(('odd', STAGE), ('odd', OTHER))
    with pytest.raises(exceptions.StateConflict) as caught:
        found.load('odd')
    assert str(caught.value).startswith('two stages have one name: ')
    assert 'ComposeStage, ZerofreeStage' in str(caught.value)


def test_two_of_one_name_are_found_however_far_apart(installed):
    found = installed(('odd', STAGE), ('even', STAGE), ('odd', OTHER))
    with pytest.raises(exceptions.StateConflict) as caught:
        found.load_all()
    assert 'ComposeStage, ZerofreeStage' in str(caught.value)


def test_what_is_installed_meanwhile_is_found_if_asked(installed):
    assert installed(('a', STAGE)).names() == ('a',)
    later = installed(('a', OTHER), ('b', STAGE))
    assert later.names() == ('a',)
    plugins.forget()
    assert later.names() == ('a', 'b')
    assert later.load('a').__name__ == 'ZerofreeStage'
