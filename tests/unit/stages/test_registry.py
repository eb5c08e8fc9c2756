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

import dataclasses
import enum
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.stages import registry


class Mode(enum.StrEnum):
    FAST = 'fast'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Waiver:
    rule: str
    tags: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    names: tuple[str, ...]
    waivers: tuple[Waiver, ...] = ()
    kinds: frozenset[str] = frozenset()
    table: Mapping[str, tuple[int, ...]] = dataclasses.field(
        default_factory=dict
    )
    mode: Mode = Mode.FAST
    file: Path | None = None
    free: list[str] | str | None = None


VALUES = {
    'names': ['a', 'b'],
    'waivers': [{'rule': 'X-01', 'tags': ['t']}],
    'kinds': ['q', 'p'],
    'table': {'x': [1, 2]},
    'mode': 'fast',
    'file': '/etc/x',
    'free': ['y'],
}


def test_options_are_frozen_all_the_way_down():
    assert registry.fill(Options, VALUES) == Options(
        names=('a', 'b'),
        waivers=(Waiver(rule='X-01', tags=('t',)),),
        kinds=frozenset({'p', 'q'}),
        table={'x': (1, 2)},
        mode=Mode.FAST,
        file=Path('/etc/x'),
        free=('y',),
    )


def test_options_survive_json():
    filled = registry.fill(Options, VALUES)
    values = json.loads(json.dumps(registry.to_json(filled)))
    assert values == {**VALUES, 'kinds': ['p', 'q']}
    assert registry.fill(Options, values) == filled


def test_defaults_are_filled_in():
    assert registry.to_json(registry.fill(Options, {'names': []})) == {
        'names': [],
        'waivers': [],
        'kinds': [],
        'table': {},
        'mode': 'fast',
        'file': None,
        'free': None,
    }


@pytest.mark.parametrize(
    'values', [{}, {'names': [], 'nope': 1}, {'names': [], 'mode': 'slow'}]
)
def test_options_that_do_not_fit_are_refused(monkeypatch, values):
    class Stage:
        options_class = Options

    monkeypatch.setattr(registry, 'load', lambda name: Stage)
    with pytest.raises(exceptions.InvalidInput) as caught:
        registry.make('x', values)
    assert str(caught.value).startswith(
        'the stage "x" does not take these options: '
    )


def test_names_are_those_of_the_entry_points():
    assert 'smoke-test' in registry.names()
    assert list(registry.names()) == sorted(registry.names())


def test_stage_is_loaded_by_name():
    assert registry.load('compose').name == 'compose'


def test_unknown_stage_names_the_one_that_is_near():
    with pytest.raises(exceptions.NotFound) as caught:
        registry.load('smoke_tset')
    assert caught.value.message == 'there is no stage "smoke_tset"'
    assert caught.value.hint == 'did you mean "smoke-test"?'


def test_stage_that_is_near_to_nothing_names_all():
    with pytest.raises(exceptions.NotFound) as caught:
        registry.load('quux')
    assert caught.value.hint == f'stages are {", ".join(registry.names())}'
