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

from image_pipeline.audit import registry
from image_pipeline.testing import images

RULE = registry.get('OS-CI-07')
MAIN = '/etc/cloud/cloud.cfg'
CLOUD = '/etc/cloud/cloud.cfg.d/99-z.cfg'


def check(files=None, without=()):
    return RULE.check(images.in_memory(files, without))


def test_sound_image_passes():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    ('module', 'severity'),
    [
        ('users-groups', None),
        ('ssh', None),
        ('growpart', 'warning'),
        ('set_hostname', 'warning'),
        ('runcmd', 'warning'),
        ('scripts-user', 'warning'),
        ('keys-to-console', 'warning'),
    ],
)
def test_module_that_is_missing_fails(module, severity):
    found = check(images.changed(MAIN, f' - {module}\n', ''))
    assert (found.outcome, found.severity) == ('fail', severity)
    assert module.replace('-', '_') in found.evidence[0].message


def test_either_spelling_of_a_module_passes():
    files = images.changed(MAIN, ' - users-groups\n', ' - users_groups\n')
    assert check(files).outcome == 'pass'


@pytest.mark.parametrize(
    'text',
    [
        'preserve_hostname: true\n',
        'datasource: {ConfigDrive: {apply_network_config: false}}\n',
    ],
)
def test_what_turns_part_of_it_off_warns(text):
    found = check({CLOUD: text})
    assert (found.outcome, found.severity) == ('fail', 'warning')
    assert found.evidence[0].path == CLOUD


def test_later_file_may_take_all_modules_away():
    assert check({CLOUD: 'cloud_init_modules: []\n'}).outcome == 'fail'


def test_image_without_cloud_init_is_another_rule_s_matter():
    without = ['/usr/bin/cloud-init']
    assert check(without=without).outcome == 'not-applicable'
