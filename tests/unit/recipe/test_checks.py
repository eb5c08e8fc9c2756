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
from image_pipeline.recipe import checks, loader

pytestmark = pytest.mark.usefixtures('installed')


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def made(stages):
        (tmp_path / 'r.yaml').write_text(
            f'version: 1\nimage: {{name: x}}\nstages:\n{stages}'
        )
        return checks.check(loader.load('r.yaml', recipe_path=()))

    return made


def test_each_entry_becomes_a_stage_with_its_options(check):
    checked, problems = check(
        '  - compose: {elements: [debian-minimal], size: 3}\n  - zerofree\n'
    )
    assert problems == []
    assert [one.stage.name for one in checked] == ['compose', 'zerofree']
    assert checked[0].stage.options.size == 3
    assert checked[1].path == ['stages', 1, 'zerofree']


def test_stage_that_there_is_not_and_wrong_options_are_told_at_once(check):
    checked, problems = check(
        '  - compse: {}\n  - convert: {formats: [vhd], fast: 1}\n'
    )
    assert [one.stage for one in checked] == [None, None]
    assert [one.kind and one.kind.name for one in checked] == [
        None,
        'convert',
    ]
    assert [str(one) for one in problems] == [
        'r.yaml:4:5: stages[0].compse: there is no stage "compse" (did you '
        'mean "compose"?)',
        'r.yaml:5:25: stages[1].convert.formats[0]: "vhd" is none of '
        '"qcow2", "raw"',
        'r.yaml:5:31: stages[1].convert: unknown key "fast" (known: formats)',
    ]


@pytest.mark.parametrize(
    ('path', 'expected'),
    [
        ('elements[0]', 'r.yaml:4:26: stages[0].compose.elements[0]: no'),
        ('elements[7]', 'r.yaml:4:25: stages[0].compose.elements[7]: no'),
        (None, 'r.yaml:4:5: stages[0].compose: no'),
    ],
)
def test_problem_of_a_stage_gets_the_users_line(check, path, expected):
    (one, *_), _ = check('  - compose: {elements: [debian-minimal]}\n')
    own = exceptions.Problem(path=path, message='no')
    assert [str(found) for found in checks.rebase(one, [own])] == [expected]


def test_problem_in_another_file_keeps_its_place(check):
    (one, *_), _ = check('  - compose: {elements: [debian-minimal]}\n')
    own = exceptions.Problem(
        path='elements', file='w.yaml', line=7, column=1, message='no'
    )
    (found,) = checks.rebase(one, [own])
    assert found.where == 'w.yaml:7:1'
    assert found.path == 'stages[0].compose.elements'
