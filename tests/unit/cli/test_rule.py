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

from image_pipeline import exceptions
from image_pipeline.audit import registry


def test_list_has_every_rule_with_its_severity(run):
    rows = run('rule', 'list', '-f', 'json').json
    assert {
        'rule': 'EGI-LAYOUT-01',
        'severity': 'error',
        'subject': 'image',
        'fix': 'no',
        'statement': 'the image is a whole disk with a partition table',
    } in rows
    assert [row['rule'] for row in rows] == list(registry.rules())


def test_list_of_a_profile_has_its_rules_and_severities(run):
    rows = run('rule', 'list', '--profile', 'vendor', '-f', 'json').json
    severities = {row['rule']: row['severity'] for row in rows}
    assert severities['EGI-LAYOUT-05'] == 'info'
    minimal = run('rule', 'list', '--profile', 'minimal', '-f', 'json').json
    assert 'EGI-LAYOUT-05' not in {row['rule'] for row in minimal}


def test_show_says_why_and_what_to_do(run):
    shown = run('rule', 'show', 'EGI-LAYOUT-11', '-f', 'json').json
    assert shown['rationale'] and shown['source'] and shown['remedy']
    assert shown['profiles'] == [
        'egi', 'minimal', 'openstack', 'scs', 'vendor',
    ]  # fmt: skip
    (option,) = shown['options']
    assert (option['name'], option['default']) == ('max_mount_count', 5)


def test_show_of_an_unknown_rule_guesses(run):
    done = run('rule', 'show', 'EGI-LAYUOT-11')
    assert done.status == exceptions.NotFound.exit_status
    assert 'did you mean "EGI-LAYOUT-11"' in done.err
