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

import os

import pytest

from image_pipeline import exceptions
from image_pipeline.documents import files, kinds

KIND = kinds.Kind(what='profile')
SCHEMA = {
    'type': 'object',
    'additionalProperties': False,
    'properties': {'a': {'type': 'integer'}, 'b': {'type': 'string'}},
}
#: Ten to the ninth values in ten lines.
LAUGHS = 'a0: &a0 [x]\n' + ''.join(
    f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 10)}]\n' for n in range(1, 10)
)


@pytest.fixture
def write(tmp_path):
    def write_it(content):
        path = tmp_path / 'x.yaml'
        path.write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )
        return path

    return write_it


def refused(path, kind=KIND):
    with pytest.raises(exceptions.InvalidInput) as caught:
        files.load(path, SCHEMA, kind)
    return caught.value


def test_values_know_where_they_stand(write):
    path = write('a: 1\nb: 2027-01-31\n')
    node = files.load(path, SCHEMA, KIND)
    assert node.data() == {'a': 1, 'b': '2027-01-31'}
    assert str(node.at(['b']).start) == f'{path}:2:1'


def test_every_problem_is_given_with_its_place(write):
    path = write('a: x\nB: y\n')
    error = refused(path)
    assert error.message == f'{path} has 2 problems'
    assert [str(one) for one in error.problems] == [
        f'{path}:1:4: a: must be a whole number, not text ("x")',
        f'{path}:2:1: unknown key "B" (did you mean "b"?)',
    ]


def test_error_is_that_of_the_kind(write):
    kind = kinds.Kind(what='recipe', error=exceptions.RecipeInvalid)
    assert isinstance(refused(write('a: x'), kind), exceptions.RecipeInvalid)


@pytest.mark.parametrize(
    'source',
    [
        '',
        'a: [',
        '\tx: 1',
        '!!python/object/apply:os.getcwd []',
        'a: *nothing',
        '[' * 5000,
        'a: &a [*a]',
        LAUGHS,
        'a: 1\na: 1\n',
    ],
    ids=[
        'empty', 'unfinished', 'tabulator', 'object', 'alias', 'deep',
        'circle', 'endless', 'twice',
    ],
)  # fmt: skip
def test_what_is_not_safe_yaml_is_refused(write, source):
    assert refused(write(source)).problems


def test_file_that_is_not_there_is_named(tmp_path):
    assert refused(tmp_path / 'x').message == (
        f'{tmp_path}/x: the profile cannot be read: No such file or directory'
    )


def test_folder_is_refused(tmp_path):
    assert refused(tmp_path).message == (
        f'{tmp_path}: the profile cannot be read: Is a directory'
    )


def test_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / 'x')
    assert 'not a regular file' in refused(tmp_path / 'x').message


def test_name_that_cannot_be_one_is_refused(tmp_path):
    assert 'cannot be read' in refused(tmp_path / 'a\0b').message


def test_binary_file_is_refused(write):
    (problem,) = refused(write(b'\xff\x00\xfe')).problems
    assert problem.message == 'the file is binary, not text'
    assert problem.hint == 'a profile is a YAML file'


def test_large_file_is_refused_unread(tmp_path):
    with (tmp_path / 'x').open('wb') as file:
        file.truncate(1 << 30)
    (problem,) = refused(tmp_path / 'x').problems
    assert problem.message == 'the file is larger than 256 KiB'
    assert problem.hint == 'is this a profile?'
