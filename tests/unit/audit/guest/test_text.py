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
from image_pipeline.audit.guest import text
from image_pipeline.disk import files
from image_pipeline.testing.disks import MemoryFiles


def test_comments_say_nothing_and_lines_keep_their_numbers():
    tree = files.FileTree(MemoryFiles({'/a': '# x\n\nfirst\n  # y\nlast'}))
    assert [(one.number, one.text) for one in text.said(tree, '/a')] == [
        (3, 'first'),
        (5, 'last'),
    ]
    assert len(text.lines(tree, '/a')) == 5


def test_file_that_is_missing_has_no_lines():
    assert text.lines(files.FileTree(MemoryFiles({})), '/a') == []


def test_file_of_as_many_lines_as_may_be_is_read():
    tree = files.FileTree(MemoryFiles({'/most': '\n' * 200_000}))
    assert len(text.lines(tree, '/most')) == 200_000


@pytest.mark.parametrize('end', ['\n', '\r\n', '\f', '\u2028'])
@pytest.mark.parametrize('read', [text.lines, text.said])
def test_file_of_more_lines_is_refused_by_its_name(read, end):
    tree = files.FileTree(MemoryFiles({'/more': end * 200_001}))
    with pytest.raises(
        exceptions.ImageUnreadable, match=r'^/more .* 200 000 lines'
    ):
        read(tree, '/more')


@pytest.mark.parametrize(
    ('value', 'meant'),
    [
        ('"a b"', 'a b'),
        ("'a' # comment", 'a'),
        ('a\\ b', 'a b'),
        ('"never closed', 'never closed'),
    ],
)
def test_value_is_what_a_shell_makes_of_it(value, meant):
    assert text.unquote(value) == meant
