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

from image_pipeline import exceptions
from image_pipeline.documents import kinds, text

KIND = kinds.Kind(what='recipe', error=exceptions.RecipeInvalid)


def problems(source):
    with pytest.raises(exceptions.RecipeInvalid) as caught:
        if isinstance(source, bytes):
            source = text.decode(source, 'r.yaml', KIND)
        text.parse(source, 'r.yaml', KIND)
    return [str(problem) for problem in caught.value.problems]


def data(source):
    return text.parse(source, 'r.yaml', KIND).data()


def test_types_are_those_of_safe_load_that_json_has():
    source = 'a: [1, 2.5, true, null, ~, "x", 0x10, yes]\nb: {c: }\n'
    assert data(source) == yaml.safe_load(source)


def test_date_stays_text():
    assert data('expires: 2027-01-31') == {'expires': '2027-01-31'}


def test_every_value_knows_its_position():
    node = text.parse('a:\n  - x\n  - {b: 1}\n', 'r.yaml', KIND)
    item = node.at(['a', 1, 'b'])
    assert (str(item.mark), str(item.key_mark)) == (
        'r.yaml:3:9',
        'r.yaml:3:6',
    )


def test_merge_key_takes_over_what_is_not_given():
    source = 'x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [{a: 9}, *x]}\n'
    assert data(source) == yaml.safe_load(source)


def test_all_duplicate_keys_are_told_at_once():
    assert problems('a: 1\na: 2\nb: {c: 1, c: 2}\n') == [
        'r.yaml:2:1: the key "a" is given twice (first in line 1)',
        'r.yaml:3:11: the key "c" is given twice (first in line 3)',
    ]


def test_keys_that_are_no_text_are_told_at_once():
    assert problems('1: x\nyes: y\n? [a]\n: z\n') == [
        "r.yaml:1:1: a key must be text, and \"1\" is a number (write '1' in "
        'quotes)',
        'r.yaml:2:1: a key must be text, and "yes" is true or false (write '
        "'yes' in quotes)",
        'r.yaml:3:3: a key must be text, not a list or mapping',
    ]


def test_aliases_that_multiply_are_refused():
    lines = ['a: &a [x, x, x, x, x, x, x, x, x]']
    for before, name in zip('abcdefgh', 'bcdefghi', strict=True):
        lines.append(f'{name}: &{name} [{", ".join([f"*{before}"] * 9)}]')
    assert problems('\n'.join(lines)) == [
        'r.yaml:5:4: aliases make more than 20000 values or 32 levels of '
        'this (write out what is meant)'
    ]


def test_chain_of_aliases_is_refused_before_it_exhausts_the_stack():
    lines = ['a0: &a0 x']
    lines += [f'a{n}: &a{n} [*a{n - 1}]' for n in range(1, 2000)]
    assert problems('\n'.join(lines)) == [
        'r.yaml:33:6: aliases make more than 20000 values or 32 levels of '
        'this (write out what is meant)'
    ]


def test_anchor_inside_itself_is_refused():
    assert problems('a: &a [*a]') == [
        'r.yaml:1:4: an anchor must not stand inside itself'
    ]


def test_deep_nesting_is_refused():
    assert problems('[' * 5000) == [
        'r.yaml:1:33: values are nested deeper than 32 levels'
    ]


def test_many_values_are_refused():
    assert problems('a: [' + 'x,' * 30000 + ']') == [
        'r.yaml:1:39999: there are more than 20000 values'
    ]


@pytest.mark.parametrize(
    ('source', 'expected'),
    [
        ('\ta: 1', 'r.yaml:1:1: a tab cannot indent YAML (use spaces)'),
        ('a:\n\tb: 1', 'r.yaml:2:1: a tab cannot indent YAML (use spaces)'),
        (
            '',
            'r.yaml: the file is empty (a recipe starts with "version: 1")',
        ),
        (
            '# only a comment\n',
            'r.yaml: the file is empty (a recipe starts with "version: 1")',
        ),
        (
            'a: 1\n---\nb: 2\n',
            'r.yaml:2:1: there is a second document (remove it and its "---")',
        ),
        (
            'a: [1',
            "r.yaml:1:6: not valid YAML: expected ',' or ']', but got "
            "'<stream end>' while parsing a flow sequence",
        ),
        (
            'a: b: c',
            'r.yaml:1:5: mapping values are not allowed here',
        ),
        ('a: *x', "r.yaml:1:4: found undefined alias 'x'"),
        (
            'a: !!binary eA==',
            'r.yaml:1:4: the YAML tag !!binary is not allowed (recipes have '
            'text, numbers, true, false, lists and mappings only)',
        ),
        (
            '!!python/object/apply:os.system [id]',
            'r.yaml:1:1: the YAML tag !!python/object/apply:os.system is not '
            'allowed (recipes have text, numbers, true, false, lists and '
            'mappings only)',
        ),
        ('a: !!int foo', 'r.yaml:1:4: "foo" is not a YAML int'),
        ('a: 0b_', 'r.yaml:1:4: "0b_" is not a YAML int'),
        ('a: .inf', 'r.yaml:1:4: .inf is not a finite number'),
        ('a: "\\0"', 'r.yaml:1:4: text must not contain a NUL character'),
        ('a: "\\uD800"', 'r.yaml:1:4: text must not contain half a character'),
        (
            'a: \x07',
            'r.yaml:1:4: the control character U+0007 is not allowed',
        ),
        ('<<: 3', 'r.yaml:1:5: "<<" takes a mapping, or a list of them'),
        (
            b'\x7fELF\0\0',
            'r.yaml: the file is binary, not text (a recipe is a YAML file)',
        ),
        (
            b'a: 1\nb: x\xff\n',
            'r.yaml:2:5: the byte 0xff is not UTF-8 (save the file as UTF-8 '
            'text)',
        ),
        (
            b'#' * 10_000_000,
            'r.yaml: the file is larger than 256 KiB (is this a recipe?)',
        ),
    ],
)
def test_bad_text_gives_one_clear_problem(source, expected):
    assert problems(source) == [expected]


def test_byte_order_mark_is_no_part_of_the_text():
    assert text.decode(b'\xef\xbb\xbfa: 1', 'r.yaml', KIND) == 'a: 1'


@hypothesis.given(st.binary(max_size=300))
def test_any_bytes_are_nodes_or_a_problem(source):
    _is_told(lambda: text.parse(text.decode(source, 'f', KIND), 'f', KIND))


_YAML = st.text(
    st.sampled_from(list('ab01:- \n\t[]{},&*!<>|"\'#?%@.~\\u')), max_size=60
)


@hypothesis.settings(max_examples=500)
@hypothesis.given(_YAML)
def test_anything_like_yaml_is_what_safe_load_says_or_a_problem(source):
    node = _is_told(lambda: text.parse(source, 'f', KIND))
    if node is not None:
        assert node.data() == yaml.safe_load(source)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@hypothesis.given(_JSON)
def test_what_is_dumped_is_loaded_again(value):
    dumped = yaml.safe_dump(value)
    node = _is_told(lambda: text.parse(dumped, 'f', KIND))
    if node is None:
        assert '\0' in repr(value) or '\\0' in dumped
    else:
        assert node.data() == value


def _is_told(call):
    try:
        return call()
    except exceptions.RecipeInvalid as exc:
        assert exc.problems
        for problem in exc.problems:
            assert problem.file == 'f' and problem.message
        return None
