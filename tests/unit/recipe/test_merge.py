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

import hypothesis
import pytest
import yaml
from hypothesis import strategies as st

from image_pipeline.documents import text
from image_pipeline.recipe import merge, schema


def stages(*values):
    node = text.parse(yaml.safe_dump(list(values)), 'r.yaml', schema.KIND)
    return merge.entries(node)


def merged(base, above):
    found = merge.merge_stages(stages(*base), stages(*above))
    return [
        {name: node.data()} if node.data() else name for name, node in found
    ]


@pytest.mark.parametrize(
    ('base', 'above', 'expected'),
    [
        (['a', 'b', 'c'], [], ['a', 'b', 'c']),
        (['a', 'b', 'c'], ['a', 'c'], ['a', 'b', 'c']),
        (['a', 'b', 'c'], ['c', 'a'], ['c', 'b', 'a']),
        (['a', 'b', 'c'], ['c', 'a', 'b'], ['c', 'a', 'b']),
        (['a', 'b', 'c'], ['b', 'n'], ['a', 'b', 'n', 'c']),
        (['a', 'b', 'c'], ['n', 'b'], ['a', 'n', 'b', 'c']),
        (['a', 'b', 'c'], ['n'], ['a', 'b', 'c', 'n']),
        (['a', 'b', 'c'], ['b', 'n', 'm'], ['a', 'b', 'n', 'm', 'c']),
        (['a', 'b', 'c'], [{'b': None}], ['a', 'c']),
        (['a', 'b', 'c'], [{'b': None}, 'n'], ['a', 'n', 'c']),
        (
            [{'a': {'x': 1, 'y': 2}}],
            [{'a': {'x': 3}}],
            [{'a': {'x': 3, 'y': 2}}],
        ),
        ([{'a': {'x': 1, 'y': 2}}], [{'a': {'x': None}}], [{'a': {'y': 2}}]),
        ([{'a': {'x': [1, 2]}}], [{'a': {'x': [3]}}], [{'a': {'x': [3]}}]),
        (
            [{'a': {'x': {'p': 1}}}],
            [{'a': {'x': {'q': 2}}}],
            [{'a': {'x': {'p': 1, 'q': 2}}}],
        ),
        ([{'a': {'x': 1}}], ['a'], [{'a': {'x': 1}}]),
    ],
)
def test_stages_merge_by_name(base, above, expected):
    assert merged(base, above) == expected


_NAMES = st.lists(st.sampled_from('abcdefg'), unique=True, max_size=6)
_OPTIONS = st.dictionaries(
    st.sampled_from('xyz'),
    st.integers() | st.dictionaries(st.sampled_from('pq'), st.integers()),
    max_size=3,
)


@st.composite
def _stages(draw):
    return [{name: draw(_OPTIONS)} for name in draw(_NAMES)]


def _plain(values):
    return [
        one if next(iter(one.values())) else next(iter(one)) for one in values
    ]


@hypothesis.given(_stages())
def test_extending_by_nothing_or_by_itself_changes_nothing(base):
    assert merged(base, []) == _plain(base)
    assert merged(base, base) == _plain(base)
    assert merged([], base) == _plain(base)


@hypothesis.given(_stages(), _stages())
def test_merged_recipe_has_the_stages_of_both_once(base, above):
    names = [
        one if isinstance(one, str) else next(iter(one))
        for one in merged(base, above)
    ]
    assert len(names) == len(set(names))
    assert set(names) == {next(iter(one)) for one in base + above}


@hypothesis.given(_stages(), st.data())
def test_order_given_anew_is_taken(base, data):
    names = [next(iter(one)) for one in base]
    anew = data.draw(st.permutations(names))
    found = [
        one if isinstance(one, str) else next(iter(one))
        for one in merged(base, anew)
    ]
    assert found == anew


@hypothesis.given(_stages(), _stages())
def test_extending_twice_by_the_same_is_extending_once(base, above):
    once = merged(base, above)
    assert merged(once, above) == once
