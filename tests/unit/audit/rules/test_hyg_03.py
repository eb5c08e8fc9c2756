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
from image_pipeline.testing.disks import Link

RULE = registry.get('HYG-03')
ID = '0123456789abcdef0123456789abcdef'


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/etc/machine-id', '0123456789abcdef0123456789abcdef\n', 'error'),
        ('/etc/machine-id', 'x\n', 'error'),
        ('/etc/machine-id', 'uninitialized\n', 'warning'),
        (
            '/var/lib/dbus/machine-id',
            '0123456789abcdef0123456789abcdef\n',
            'error',
        ),
        (
            '/boot/loader/entries/0123456789abcdef0123456789abcdef-5.14.0-1.el9.x86_64.conf',
            'title x\n',
            'warning',
        ),
        ('/boot/0123456789abcdef0123456789abcdef', None, 'warning'),
    ],
    ids=str,
)
def test_what_breaks_the_rule_is_found(path, content, severity):
    verdict = check({path: content})
    assert verdict.outcome == 'fail'
    assert (verdict.severity or RULE.severity) == severity
    assert path in {one.path for one in verdict.evidence}


@pytest.mark.parametrize(
    'files',
    [
        {},
        {'/var/lib/dbus/machine-id': Link('/etc/machine-id')},
        {'/var/lib/dbus/machine-id': ''},
        {f'/boot/loader/entries/{ID}-0-rescue.conf': 'title x\n'},
        {
            f'/boot/loader/entries/{ID}-6.1.conf': 'title x\n',
            '/etc/kernel/entry-token': '0123456789abcdef0123456789abcdef\n',
        },
        {'/boot/loader/entries/debian-6.1.conf': 'title x\n'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'


def test_uninitialized_passes_where_presets_are_made_for_it():
    files = {
        '/etc/machine-id': 'uninitialized\n',
        '/usr/lib/os-release': 'ID=rocky\nID_LIKE="rhel centos fedora"\n',
    }
    assert check(files).outcome == 'pass'


def test_file_that_is_not_there_is_a_warning():
    verdict = check({}, without=('/etc/machine-id',))
    assert (verdict.outcome, verdict.severity) == ('fail', 'warning')


def test_system_without_systemd_needs_no_machine_id():
    without = ('/etc/machine-id', '/usr/lib/systemd/systemd')
    assert check({}, without).outcome == 'pass'
