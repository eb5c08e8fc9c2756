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

"""Find the stages that are installed, and make one of its options."""

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.host import plugins
from image_pipeline.stages import base

#: The entry points that are stages.
NAMESPACE = 'image_pipeline.stages'
_PLUGINS = plugins.Plugins[base.Stage[Any]](NAMESPACE, 'stage')


def names() -> tuple[str, ...]:
    """Return the names of the stages that are installed, sorted."""
    return _PLUGINS.names()


def load(name: str) -> type[base.Stage[Any]]:
    """Return a stage's class.

    :param name: as a recipe spells it.
    :raises NotFound: no stage of that name is installed.
    :raises StateConflict: two are, or it cannot be loaded.
    """
    return _PLUGINS.load(name)


def make(name: str, options: Mapping[str, Any]) -> base.Stage[Any]:
    """Return a stage with its options.

    :param name: as a recipe spells it.
    :param options: JSON values that the stage's schema allows.
    :raises NotFound: no stage of that name is installed.
    :raises InvalidInput: the stage does not take these options.
    """
    stage_class = load(name)
    try:
        made = fill(stage_class.options_class, options)
    except (TypeError, ValueError) as exc:
        raise exceptions.InvalidInput(
            f'the stage "{name}" does not take these options: {exc}'
        ) from exc
    return stage_class(made)


def options_json(stage: base.Stage[Any]) -> dict[str, Any]:
    """Return a stage's options as JSON values, defaults filled in.

    :param stage: the stage.
    """
    return typing.cast(dict[str, Any], to_json(stage.options))


def fill(options_class: type[Any], values: Mapping[str, Any]) -> Any:
    """Return a frozen options object made of JSON values.

    Lists become tuples, objects become the nested dataclass, text becomes
    the member of an enumeration or a path, as the
    dataclass's annotations say.

    :param options_class: a dataclass.
    :param values: by field.
    :raises TypeError: a field is missing or unknown.
    :raises ValueError: a value does not fit.
    """
    hints = typing.get_type_hints(options_class)
    return options_class(
        **{
            name: _convert(value, hints.get(name, Any))
            for name, value in values.items()
        }
    )


def _convert(value: Any, hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        inner = [one for one in arguments if one is not types.NoneType]
        if value is None or len(inner) != 1:
            return _freeze(value)
        return _convert(value, inner[0])
    if isinstance(value, list):
        item = arguments[0] if arguments else Any
        made = (_convert(one, item) for one in value)
        return frozenset(made) if origin is frozenset else tuple(made)
    if isinstance(value, Mapping):
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            return fill(hint, value)
        item = arguments[1] if len(arguments) == 2 else Any
        return {key: _convert(one, item) for key, one in value.items()}
    if isinstance(hint, type) and issubclass(hint, enum.Enum | Path):
        return hint(value)
    return value


def _freeze(value: Any) -> Any:
    return _convert(value, Any)


def to_json(value: Any) -> Any:
    """Return what :func:`fill` made as JSON values again.

    :param value: a dataclass, or what one holds.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_json(getattr(value, field.name))
            for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): to_json(one) for key, one in value.items()}
    if isinstance(value, frozenset | set):
        return sorted((to_json(one) for one in value), key=str)
    if isinstance(value, tuple | list):
        return [to_json(one) for one in value]
    if isinstance(value, enum.Enum):
        return to_json(value.value)
    if isinstance(value, Path):
        return str(value)
    return value
