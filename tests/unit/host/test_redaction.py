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

from image_pipeline.host import redaction


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
