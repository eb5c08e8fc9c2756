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
from image_pipeline.audit import registry, rule
from image_pipeline.audit.rules import egi_layout_01
from image_pipeline.testing import plugins


@pytest.fixture
def installed(monkeypatch):
    """Have these classes installed, by the names of their entry points."""

    def have(**classes):
        monkeypatch.setattr(
            registry,
            '_PLUGINS',
            plugins.FakePlugins(registry.NAMESPACE, 'rule', classes=classes),
        )
        registry.rules.cache_clear()

    yield have
    registry.rules.cache_clear()


def test_rules_are_in_the_order_of_their_ids():
    found = registry.rules()
    assert list(found) == sorted(found)
    assert all(one.id == name for name, one in found.items())


def test_rule_is_found_by_its_id():
    found = registry.get('EGI-LAYOUT-01')
    assert isinstance(found, egi_layout_01.EgiLayout01)


@pytest.mark.parametrize(
    ('rule_id', 'hint'),
    [
        ('egi-layout-2', 'did you mean "EGI-LAYOUT-'),
        ('quux', '`image-pipeline rule list` shows all'),
    ],
)
def test_unknown_rule_is_guessed_at(rule_id, hint):
    with pytest.raises(exceptions.NotFound) as caught:
        registry.get(rule_id)
    assert str(caught.value) == f'there is no rule "{rule_id}"'
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)


def test_rule_under_another_id_is_refused(installed):
    installed(OTHER=egi_layout_01.EgiLayout01)
    with pytest.raises(exceptions.StateConflict) as caught:
        registry.rules()
    assert str(caught.value) == (
        'the rule "OTHER" says that its id is "EGI-LAYOUT-01"'
    )


def test_rule_that_is_not_whole_is_refused(installed):
    class Half(rule.Rule):
        id = 'HALF'

    installed(HALF=Half)
    with pytest.raises(exceptions.StateConflict) as caught:
        registry.rules()
    assert str(caught.value).startswith('the rule "HALF" cannot be made: ')
    assert 'find' in str(caught.value)


def test_rule_without_an_id_is_refused(installed):
    class Nameless(rule.Rule):
        def find(self, subject, options):
            return iter(())

    installed(NAMELESS=Nameless)
    with pytest.raises(exceptions.StateConflict) as caught:
        registry.rules()
    assert str(caught.value).startswith('the rule "NAMELESS" cannot be made')
