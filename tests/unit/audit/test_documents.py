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
from image_pipeline.audit import documents

ANYTHING = {}
#: Ten to the ninth values in ten lines.
LAUGHS = 'a0: &a0 [x]\n' + ''.join(
    f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 10)}]\n' for n in range(1, 10)
)


def refused(path) -> exceptions.InvalidInput:
    with pytest.raises(exceptions.InvalidInput) as caught:
        documents.load(path, ANYTHING, 'profile')
    return caught.value


def test_values_are_plain_and_dates_stay_text():
    found = documents.parse('a: {b: [1, yes, 2027-01-31, null]}', 'x')
    assert found.value == {'a': {'b': [1, True, '2027-01-31', None]}}


def test_places_are_those_of_the_keys():
    found = documents.parse('a:\n  b: 1\n', 'x.yaml')
    problem = found.problem(('a', 'b'), 'is wrong')
    assert problem.where == 'x.yaml:2:3'
    assert problem.path == 'a.b'


def test_problem_of_something_missing_stands_where_it_would_be():
    found = documents.parse('a:\n  b: 1\n', 'x')
    assert found.problem(('a', 'c'), 'is missing').line == 1


def test_key_that_is_there_twice_is_refused():
    with pytest.raises(exceptions.InvalidInput) as caught:
        documents.parse('a: 1\nb: 2\na: 3\n', 'x')
    (problem,) = caught.value.problems
    assert (problem.line, problem.message) == (3, 'the key a is there twice')


@pytest.mark.parametrize(
    'text',
    [
        'a: [',
        '\tx: 1',
        '!!python/object/apply:os.getcwd []',
        'a: *nothing',
        '[' * 5000,
        'a: &a [*a]',
        LAUGHS,
    ],
    ids=[
        'unfinished', 'tabulator', 'object', 'alias', 'deep', 'circle',
        'endless',
    ],
)  # fmt: skip
def test_what_is_not_safe_yaml_is_refused(text):
    with pytest.raises(exceptions.InvalidInput):
        documents.parse(text, 'x')


def test_file_that_cannot_be_read_is_named(tmp_path):
    assert str(tmp_path / 'x') in refused(tmp_path / 'x').message


def test_folder_is_refused(tmp_path):
    assert 'cannot be read' in refused(tmp_path).message


def test_binary_file_is_refused(tmp_path):
    (tmp_path / 'x').write_bytes(b'\xff\x00\xfe')
    assert 'not UTF-8' in refused(tmp_path / 'x').message


def test_large_file_is_refused_unread(tmp_path):
    with (tmp_path / 'x').open('wb') as file:
        file.truncate(2 << 20)
    assert 'too large' in refused(tmp_path / 'x').message
