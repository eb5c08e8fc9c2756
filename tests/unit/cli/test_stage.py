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

from image_pipeline import exceptions
from image_pipeline.cli import stage
from image_pipeline.stages import registry


def test_list_has_what_stages_take_and_make(run):
    assert run('stage', 'list', '-f', 'json').json == [
        {
            'name': 'compose',
            'scope': 'run',
            'requires': [],
            'provides': ['disk'],
            'summary': 'Compose a disk',
        },
        {
            'name': 'convert',
            'scope': 'format',
            'requires': ['disk'],
            'provides': ['image'],
            'summary': 'Convert the disk',
        },
    ]


def test_broken_stage_does_not_hide_the_others(run, monkeypatch):
    load = registry.load

    def broken(name):
        if name == 'compose':
            raise exceptions.StateConflict('it is broken')
        return load(name)

    monkeypatch.setattr(registry, 'load', broken)
    rows = run('stage', 'list', '-f', 'json').json
    assert rows[0]['summary'] == 'broken: it is broken'
    assert rows[1]['name'] == 'convert'


def test_show_has_the_options(run):
    shown = run('stage', 'show', 'compose', '-f', 'json').json
    assert shown['options'] == [
        {
            'name': 'elements',
            'type': 'list of string',
            'required': True,
            'default': None,
            'description': 'elements to use',
        }
    ]
    told = run('stage', 'show', 'compose').out
    assert 'elements (list of string, required)' in told


def test_unknown_stage_is_bad_input(run):
    done = run('stage', 'show', 'convrt')
    assert (done.status, done.out) == (2, '')
    assert done.err == (
        'error: there is no stage "convrt"\nhint: did you mean "convert"?\n'
    )


@pytest.mark.parametrize(
    ('schema', 'expected'),
    [
        ({'type': 'string'}, 'string'),
        ({'type': ['string', 'null']}, 'string or null'),
        ({'enum': ['a', 1]}, '"a" | 1'),
        ({'const': 1}, '1'),
        ({'type': 'array', 'items': {'enum': ['a']}}, 'list of "a"'),
        ({'type': 'array'}, 'list'),
        ({'type': 'object'}, 'mapping'),
        ({'anyOf': [{'type': 'string'}, {'type': 'array'}]}, 'string or list'),
        ({}, 'any'),
    ],
)
def test_kind_of_an_option_is_told_in_a_few_words(schema, expected):
    assert stage.kind(schema) == expected
