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

import json

import pytest

from image_pipeline.documents import findings, kinds, text


def told(schema, value):
    node = text.parse(json.dumps({'v': value}), 'f', kinds.Kind(what='x'))
    found = findings.problems(
        {'type': 'object', 'properties': {'v': schema}}, node
    )
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    ('schema', 'value', 'expected'),
    [
        ({'type': 'string'}, 3, 'must be text, not a whole number (3) (write '
         'it in quotes)'),
        ({'type': 'string'}, True, 'must be text, not true (write it in '
         'quotes)'),
        ({'type': 'integer'}, None, 'must be a whole number, not nothing'),
        ({'type': ['integer', 'null']}, 1.5, 'must be a whole number or '
         'nothing, not a number (1.5)'),
        ({'enum': ['auto', 'kvm']}, 'kwm', '"kwm" is none of "auto", "kvm" '
         '(did you mean "kvm"?)'),
        ({'const': 1}, 2, 'must be 1, not 2'),
        ({'minimum': 1}, 0, '0 is less than 1'),
        ({'maximum': 1}, 2, '2 is more than 1'),
        ({'exclusiveMinimum': 1}, 1, '1 must be more than 1'),
        ({'exclusiveMaximum': 1}, 1, '1 must be less than 1'),
        ({'multipleOf': 4}, 3, '3 is no multiple of 4'),
        ({'minLength': 1}, '', 'must not be empty'),
        ({'minLength': 3}, 'a', 'must have 3 characters at least'),
        ({'maxLength': 1}, 'ab', 'must have 1 character at most'),
        ({'pattern': '^a', 'description': 'begins with a'}, 'b',
         '"b" does not match the pattern ^a (begins with a)'),
        ({'minItems': 1}, [], 'must not be empty'),
        ({'minItems': 2}, [], 'must have 2 items at least'),
        ({'maxItems': 1}, [1, 2], 'must have 1 item at most'),
        ({'uniqueItems': True}, [1, 1], 'has the same item twice'),
        ({'minProperties': 1}, {}, 'must not be empty'),
        ({'minProperties': 2}, {}, 'must have 2 keys at least'),
        ({'maxProperties': 0}, {'a': 1}, 'must have 0 keys at most'),
        ({'not': {'type': 'string'}}, 'a',
         "'a' should not be valid under {'type': 'string'}"),
        (
            {'anyOf': [{'type': 'string'}, {'type': 'array'}]},
            3,
            'must be text or a list, not a whole number (3)',
        ),
        (
            {'anyOf': [{'type': 'string'}, {'type': 'integer', 'minimum': 5}]},
            3,
            '3 is less than 5',
        ),
        (
            {'oneOf': [{'minimum': 5}, {'maximum': 1}]},
            3,
            '3 is less than 5',
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_plain_words(schema, value, expected):
    assert told(schema, value) == [f'f:1:7: v: {expected}']


def test_keys_are_pointed_at_themselves():
    schema = {
        'type': 'object',
        'additionalProperties': False,
        'required': ['name', 'size'],
        'properties': {
            'name': {'description': 'What it is called.'},
            'size': {},
        },
        'patternProperties': {'^x-': {}},
    }
    assert told(schema, {'nme': 1, 'x-y': 2, 'quux': 3}) == [
        'f:1:2: v: "name" is missing (What it is called)',
        'f:1:2: v: "size" is missing',
        'f:1:8: v: unknown key "nme" (did you mean "name"?)',
        'f:1:28: v: unknown key "quux" (known: name, size)',
    ]


def test_names_of_keys_are_judged():
    schema = {'propertyNames': {'enum': ['a']}}
    assert told(schema, {'b': 1}) == ['f:1:8: v: the key "b" is none of "a"']


def test_long_values_are_shortened():
    (problem,) = told({'type': 'integer'}, 'x' * 1000)
    assert len(problem) < 120
