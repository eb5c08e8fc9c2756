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
from image_pipeline.audit import registry as audit_registry
from image_pipeline.probes import identity, registry


def test_every_probe_is_found_by_its_id():
    for name in registry.names():
        assert registry.load(name).id == name


def test_ids_are_of_one_probe_each():
    assert len(set(registry.names())) == len(registry.names())


def test_unknown_probe_is_guessed_at():
    with pytest.raises(exceptions.NotFound) as caught:
        registry.load('egi_grow_01')
    assert str(caught.value) == 'there is no probe "egi_grow_01"'
    assert caught.value.hint == 'did you mean "EGI-GROW-01"?'


def test_probe_that_is_near_to_nothing_names_all():
    with pytest.raises(exceptions.NotFound) as caught:
        registry.load('quux')
    assert caught.value.hint == f'probes are {", ".join(registry.names())}'


def test_identity_is_asked_whatever_is_chosen():
    assert [one.id for one in registry.select([])] == [identity.ID]
    assert len(registry.select(None)) == len(registry.names())


def test_chosen_probes_stand_in_the_order_of_the_report():
    chosen = registry.select(['HYG-05', 'EGI-CI-01'])
    assert [one.id for one in chosen] == ['EGI-CI-01', 'HYG-05', identity.ID]


#: Probes that end a bake where their rule only warns: what a boot has shown
#: is no matter of opinion any more.
STRICTER = {
    'BOOT-02',
    'BOOT-07',
    'EGI-CON-03',
    'EGI-LAYOUT-03',
    'EGI-SEC-03',
    'EGI-SSH-02',
    'EGI-SSH-03',
    'HYG-05',
}


def live() -> set[str]:
    """Return the rules that a boot, or two of them, confirm."""
    asked = {name for name in registry.names() if not name.startswith('LIVE-')}
    return asked | set(identity.COMPARED)


def test_every_probe_is_of_a_rule_and_that_rule_names_it() -> None:
    rules = {one.id: one.probe for one in audit_registry.rules().values()}
    assert live() <= rules.keys()
    assert {name: rules[name] for name in live()} == {
        name: name for name in live()
    }


def test_rule_without_a_probe_names_none() -> None:
    named = {
        one.id: one.probe
        for one in audit_registry.rules().values()
        if one.id not in live()
    }
    assert set(named.values()) == {None}


def test_probe_weighs_what_its_rule_weighs() -> None:
    rules = {one.id: one.severity for one in audit_registry.rules().values()}
    differ = {
        probe.id: (probe.severity, rules[probe.id])
        for probe in registry.select(None)
        if probe.id in rules and probe.severity is not rules[probe.id]
    }
    assert differ.keys() == STRICTER
    for severity, of_rule in differ.values():
        assert severity.rank > of_rule.rank
