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

"""JSON Schema's findings, said so that a person can act on them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from image_pipeline import exceptions
from image_pipeline.documents import nodes

# jsonschema.ValidationError, whose attributes are typed as perhaps unset.
_Error: TypeAlias = Any

_TYPES = {
    'string': 'text',
    'integer': 'a whole number',
    'number': 'a number',
    'boolean': 'true or false',
    'array': 'a list',
    'object': 'a mapping',
    'null': 'nothing',
}


def problems(
    schema: Mapping[str, Any],
    node: nodes.Node,
    *,
    path: nodes.Path = (),
    lenient: bool = False,
) -> list[exceptions.Problem]:
    """Return everything in which a value does not fit a schema.

    :param schema: JSON Schema 2020-12.
    :param node: the value.
    :param path: the value's own path, put before the paths of problems.
    :param lenient: let things be missing or null: a recipe that extends
        another one need not have them, and null takes them away.
    """
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema)
    found: list[exceptions.Problem] = []
    for error in validator.iter_errors(node.data()):
        found.extend(
            problem
            for problem in _explain(error, node, tuple(path))
            if not (lenient and _is_a_layers(error))
        )
    return nodes.in_order(found)


def _is_a_layers(error: _Error) -> bool:
    """Whether it is wrong in a whole recipe only, not in a layer of one."""
    if list(error.absolute_path) == ['extends']:
        return False
    return error.instance is None or error.validator in {
        'required',
        'minItems',
    }


def _explain(
    error: _Error, root: nodes.Node, base: nodes.Path
) -> Iterator[exceptions.Problem]:
    inside = list(error.absolute_path)
    node = root.at(inside)
    path = [*base, *inside]
    if 'propertyNames' in error.absolute_schema_path:
        key = error.instance
        child = node.child(key) or node
        shown = nodes.show(key)
        what = _MESSAGES.get(str(error.validator), _other)(error)
        yield child.problem(
            f'the key {shown} {what.removeprefix(shown).lstrip()}',
            path=path,
            at_key=True,
        )
    elif error.validator in {'additionalProperties', 'unevaluatedProperties'}:
        yield from _unknown_keys(error, node, path)
    elif error.validator == 'required':
        missing = _missing(error)
        yield node.problem(
            f'"{missing}" is missing',
            path=path,
            hint=_description(error.schema, missing),
            at_key=True,
        )
    elif error.validator in {'anyOf', 'oneOf'} and error.context:
        yield from _alternatives(error, root, base)
    else:
        what = _MESSAGES.get(str(error.validator), _other)(error)
        yield node.problem(what, path=path, hint=_hint(error))


def _unknown_keys(
    error: _Error, node: nodes.Node, path: nodes.Path
) -> Iterator[exceptions.Problem]:
    import re

    schema = error.schema if isinstance(error.schema, Mapping) else {}
    known = list(schema.get('properties', ()))
    patterns = list(schema.get('patternProperties', ()))
    for key in error.instance:
        if key in known or any(re.search(one, key) for one in patterns):
            continue
        hint = exceptions.did_you_mean(key, known)
        if hint is None:
            hint = (
                f'known: {", ".join(sorted(known))}'
                if known
                else 'there are no options here'
            )
        child = node.child(key) or node
        yield child.problem(
            f'unknown key {nodes.show(key)}', path=path, hint=hint, at_key=True
        )


def _missing(error: _Error) -> str:
    # jsonschema makes one error for each missing key, and names it only in
    # its message.
    names = [str(name) for name in error.validator_value]
    for name in names:
        if error.message.startswith(repr(name)):
            return name
    return ', '.join(names)


def _alternatives(
    error: _Error, root: nodes.Node, base: nodes.Path
) -> Iterator[exceptions.Problem]:
    """Say which types fit, or what is wrong by the nearest alternative."""
    from jsonschema import exceptions as jsonschema_exceptions

    inside = list(error.absolute_path)
    wrong = [
        one
        for one in error.context or ()
        if one.validator == 'type' and list(one.absolute_path) == inside
    ]
    if len(wrong) == len(error.validator_value):
        words = [_types(one.validator_value) for one in wrong]
        yield root.at(inside).problem(
            f'must be {" or ".join(words)}, not {_what(error.instance)}',
            path=[*base, *inside],
        )
        return
    # Alternatives of another type are not what the user meant.
    meant = {
        one.schema_path[0] for one in error.context or () if one not in wrong
    }
    nearest = [
        one for one in error.context or () if one.schema_path[0] in meant
    ]
    if len(meant) == 1:
        for one in nearest:
            yield from _explain(one, root, base)
        return
    best = jsonschema_exceptions.best_match(nearest)
    if best is None:
        yield root.at(inside).problem(_other(error), path=[*base, *inside])
    else:
        yield from _explain(best, root, base)


def _types(names: Any) -> str:
    several = [names] if isinstance(names, str) else list(names)
    return ' or '.join(_TYPES.get(name, name) for name in several)


def _what(value: Any) -> str:
    kinds: list[tuple[Any, str]] = [
        (bool, 'boolean'),
        (str, 'string'),
        (int, 'integer'),
        (float, 'number'),
        (list, 'array'),
        (dict, 'object'),
    ]
    if value is None:
        return 'nothing'
    if isinstance(value, bool):
        return nodes.show(value)
    for kind, name in kinds:
        if isinstance(value, kind):
            return f'{_TYPES[name]} ({nodes.show(value)})'
    return nodes.show(value)


def _hint(error: _Error) -> str | None:
    expected, value = error.validator_value, error.instance
    if error.validator == 'type':
        several = [expected] if isinstance(expected, str) else expected
        if 'string' in several and isinstance(value, bool | int | float):
            return 'write it in quotes'
        if 'array' in several and isinstance(value, str):
            return f'write [{value}]'
    if error.validator == 'enum' and isinstance(value, str):
        return exceptions.did_you_mean(
            value, [one for one in expected if isinstance(one, str)]
        )
    if error.validator in {
        'pattern',
        'format',
        'maxProperties',
    } and isinstance(error.schema, Mapping):
        found = error.schema.get('description')
        return str(found).rstrip('.') if found else None
    return None


def _description(schema: Any, name: str) -> str | None:
    if not isinstance(schema, Mapping):
        return None
    inner = schema.get('properties', {}).get(name, {})
    found = inner.get('description') if isinstance(inner, Mapping) else None
    return str(found).rstrip('.') if found else None


def _other(error: _Error) -> str:
    return str(error.message)


def _many(count: int, noun: str) -> str:
    return f'{count} {noun}{"" if count == 1 else "s"}'


_MESSAGES: Mapping[str, Callable[[_Error], str]] = {
    'type': lambda error: (
        f'must be {_types(error.validator_value)}, not {_what(error.instance)}'
    ),
    'enum': lambda error: (
        f'{nodes.show(error.instance)} is none of '
        f'{", ".join(nodes.show(one) for one in error.validator_value)}'
    ),
    'const': lambda error: (
        f'must be {nodes.show(error.validator_value)}, '
        f'not {nodes.show(error.instance)}'
    ),
    'minimum': lambda error: (
        f'{nodes.show(error.instance)} is less than {error.validator_value}'
    ),
    'maximum': lambda error: (
        f'{nodes.show(error.instance)} is more than {error.validator_value}'
    ),
    'exclusiveMinimum': lambda error: (
        f'{nodes.show(error.instance)} must be more than '
        f'{error.validator_value}'
    ),
    'exclusiveMaximum': lambda error: (
        f'{nodes.show(error.instance)} must be less than '
        f'{error.validator_value}'
    ),
    'multipleOf': lambda error: (
        f'{nodes.show(error.instance)} is no multiple of '
        f'{error.validator_value}'
    ),
    'minLength': lambda error: (
        'must not be empty'
        if error.validator_value == 1
        else f'must have {_many(error.validator_value, "character")} at least'
    ),
    'maxLength': lambda error: (
        f'must have {_many(error.validator_value, "character")} at most'
    ),
    'pattern': lambda error: (
        f'{nodes.show(error.instance)} does not match the pattern '
        f'{error.validator_value}'
    ),
    'minItems': lambda error: (
        'must not be empty'
        if error.validator_value == 1
        else f'must have {_many(error.validator_value, "item")} at least'
    ),
    'maxItems': lambda error: (
        f'must have {_many(error.validator_value, "item")} at most'
    ),
    'uniqueItems': lambda error: 'has the same item twice',
    'minProperties': lambda error: (
        'must not be empty'
        if error.validator_value == 1
        else f'must have {_many(error.validator_value, "key")} at least'
    ),
    'maxProperties': lambda error: (
        f'must have {_many(error.validator_value, "key")} at most'
    ),
}
