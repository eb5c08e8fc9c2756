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

import pytest

from image_pipeline.engine import identity
from image_pipeline.testing import fakes

REGISTER = """\
version: 1
image: {name: fake, properties: {os_distro: debian}}
stages:
  - fake-make
  - fake-convert
  - fake-check
  - fake-register
"""


def step_id(step, **digests):
    return identity.step_id(identity.record(step, digests))


@pytest.mark.parametrize(
    ('key', 'differ'),
    [('fake-make', False), ('fake-register@local', True)],
)
def test_the_image_name_counts_only_where_it_is_registered(plan, key, differ):
    one = plan(text=REGISTER).step(key)
    other = plan(text=REGISTER.replace('name: fake', 'name: other')).step(key)
    assert (step_id(one) != step_id(other)) is differ


def test_the_format_counts_where_there_is_one_step_a_format(plan):
    made = plan()
    assert step_id(made.step('fake-convert.raw'), disk='d') != step_id(
        made.step('fake-convert.qcow2'), disk='d'
    )


def test_the_input_counts_by_its_digest(plan):
    step = plan().step('fake-convert.raw')
    assert step_id(step, disk='sha256:1') != step_id(step, disk='sha256:2')
    assert step_id(step, disk='sha256:1') == step_id(step, disk='sha256:1')


def test_what_a_result_is_only_compared_with_does_not_count(plan, monkeypatch):
    step = plan().step('fake-convert.raw')
    kinds = frozenset({'audit-report'})
    monkeypatch.setattr(type(step.stage), 'compares', kinds)
    first = {'disk': 'sha256:1', 'audit-report': 'sha256:2'}
    other = {'disk': 'sha256:1', 'audit-report': 'sha256:3'}
    assert step_id(step, **first) == step_id(step, **other)
    assert step_id(step, **first) != step_id(step, disk='sha256:4')


def test_the_file_of_the_recipe_does_not_count(plan, tmp_path):
    step = plan().step('fake-make')
    context = dataclasses.replace(
        step.context, recipe_file=tmp_path / 'elsewhere.yaml'
    )
    assert step_id(step) == step_id(dataclasses.replace(step, context=context))


def test_a_targets_policy_does_not_make_it_another_target():
    one = fakes.target(promote='auto', keep=1)
    other = fakes.target(promote='manual', keep=9)
    assert identity.target(one) == identity.target(other)
    assert identity.target(one) != identity.target(fakes.target(region='r'))


def test_a_secrets_value_does_not_count(plan, monkeypatch):
    step = plan('fake-make.secret=TOKEN').step('fake-make')
    monkeypatch.setenv('TOKEN', 'first value')
    first = step_id(step)
    monkeypatch.setenv('TOKEN', 'second value')
    assert step_id(step) == first
    assert 'value' not in identity.canonical(identity.record(step, {}))


def test_lists_and_tuples_are_the_same():
    assert identity.canonical({'b': (1, 2), 'a': 0}) == identity.canonical(
        {'a': 0, 'b': [1, 2]}
    )


def test_the_difference_names_every_part():
    former = {
        'version': '1',
        'options': {'a': 1, 'gone': 1},
        'inputs': {'disk': 'x'},
        'fingerprint': {'element x': '1'},
    }
    now = {
        'version': '2',
        'options': {'a': 2},
        'inputs': {'disk': 'y'},
        'fingerprint': {'element x': '2', 'mke2fs': '1.47'},
    }
    assert identity.difference(former, now) == (
        'stage version 1 -> 2; options changed: a, gone; other input: disk; '
        'changed: element x, mke2fs'
    )
