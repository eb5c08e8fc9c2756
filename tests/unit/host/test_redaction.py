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

from image_pipeline.host import redaction


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    monkeypatch.setattr(redaction, '_known', frozenset())


def test_every_secret_is_replaced_the_longest_first():
    redact = redaction.Redactor(['word', 'password', ''])
    assert redact('password word x') == '*** *** x'


def test_without_secrets_text_stays():
    assert redaction.Redactor()('text') == 'text'


def test_values_are_redacted_at_any_depth_and_keys_are_not():
    redact = redaction.Redactor(['secret'])
    value = {'secret': ['a secret', {'b': ('secret', 1, None)}]}
    assert redact.values(value) == {
        'secret': ['a ***', {'b': ['***', 1, None]}]
    }


def test_what_is_registered_later_is_kept_out_of_every_text():
    redact = redaction.Redactor(['own-secret'])
    redaction.register('a-token', None, '')
    assert redact('own-secret a-token') == '*** ***'
    assert redaction.redact('own-secret a-token') == 'own-secret ***'


def test_a_registered_value_too_short_to_be_a_secret_is_left():
    redaction.register('demo')
    assert redaction.redact('project demo') == 'project demo'


def test_a_record_keeps_a_word_that_is_somebodys_password():
    redaction.register('devcloud')
    record = {'target': 'devcloud'}
    assert redaction.Redactor().values(record) == record
