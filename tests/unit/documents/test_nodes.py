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
from image_pipeline.documents import kinds, nodes, text

TREE = text.parse('a: [x, {b.c: 1}]\n', 'f', kinds.Kind(what='recipe'))


def test_data_is_plain():
    assert TREE.data() == {'a': ['x', {'b.c': 1}]}


@pytest.mark.parametrize(
    ('path', 'data'),
    [
        ([], {'a': ['x', {'b.c': 1}]}),
        (['a', 1, 'b.c'], 1),
        (['a', 2], ['x', {'b.c': 1}]),
        (['a', -1], ['x', {'b.c': 1}]),
        (['a', 'x'], ['x', {'b.c': 1}]),
        (['a', 0, 'deeper'], 'x'),
    ],
)
def test_nearest_value_above_stands_for_one_that_is_not_there(path, data):
    assert TREE.at(path).data() == data


def test_problem_stands_at_the_value_or_at_its_key():
    node = TREE.at(['a', 1, 'b.c'])
    path = ['a', 1, 'b.c']
    assert str(node.problem('is wrong', path=path)) == (
        'f:1:14: a[1]."b.c": is wrong'
    )
    assert str(node.problem('is wrong', at_key=True)) == 'f:1:9: is wrong'


@pytest.mark.parametrize(
    ('written', 'path'),
    [
        ('compose.elements[0]', ['compose', 'elements', 0]),
        ('targets."a.b".name', ['targets', 'a.b', 'name']),
        ('[3]', [3]),
    ],
)
def test_path_is_read_as_it_is_written(written, path):
    assert nodes.read_path(written) == (path, len(written))
    assert nodes.write_path(path) == written


@pytest.mark.parametrize(
    ('written', 'path', 'end'),
    [('a=b', ['a'], 1), ('a..b', ['a'], 1), ('.a', [], 0), ('', [], 0)],
)
def test_path_ends_where_something_else_begins(written, path, end):
    assert nodes.read_path(written) == (path, end)


def test_long_value_is_shown_short():
    assert nodes.show(['x']) == '["x"]'
    assert nodes.show('x' * 100) == '"' + 'x' * 58 + '…'


def test_problems_are_in_the_order_of_their_files_and_lines():
    def problem(file, line):
        return exceptions.Problem(file=file, line=line, message='m')

    found = nodes.in_order(
        [problem('z', 9), problem('a', 1), problem('z', 2), problem('z', 9)]
    )
    assert [(one.file, one.line) for one in found] == [
        ('z', 2),
        ('z', 9),
        ('a', 1),
    ]
