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

RULE = registry.get('BOOT-07')
GRUB = '/boot/grub/grub.cfg'
DEFAULT = '/etc/default/grub'
UNIT = '/usr/lib/systemd/system/initial-setup.service'


def check(files, **options):
    return RULE.check(images.in_memory(files), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        (GRUB, 'set timeout=5\n', 'warning'),
        (GRUB, 'if x; then\n  set timeout=30\nfi\n', 'warning'),
        (GRUB, 'set timeout=-1\n', 'warning'),
        (DEFAULT, 'GRUB_TIMEOUT=5\n', 'warning'),
        (DEFAULT, 'GRUB_RECORDFAIL_TIMEOUT=30\n', 'warning'),
        ('/etc/default/grub.d/50-x.cfg', 'GRUB_TIMEOUT="10"\n', 'warning'),
        ('/boot/loader/loader.conf', 'timeout 3\n', 'warning'),
        ('/boot/loader/loader.conf', 'timeout menu-force\n', 'warning'),
        ('/boot/extlinux/extlinux.conf', 'TIMEOUT 50\n', 'warning'),
        ('/.unconfigured', '', 'warning'),
    ],
)
def test_what_waits_or_asks_is_found(path, content, severity):
    verdict = check({path: content})
    assert verdict.outcome == 'fail'
    assert (verdict.severity or RULE.severity) == severity
    assert verdict.evidence[0].path == path


@pytest.mark.parametrize(
    'files',
    [
        {},
        {GRUB: 'set timeout=1\nset timeout_style=hidden\n'},
        {
            DEFAULT: 'GRUB_TIMEOUT=5\n',
            '/etc/default/grub.d/50-x.cfg': 'GRUB_TIMEOUT=0\n',
        },
        {DEFAULT: '#GRUB_TIMEOUT=5\n'},
        {'/boot/extlinux/extlinux.conf': 'TIMEOUT 5\n'},
        {UNIT: '[Unit]\n'},
    ],
    ids=str,
)
def test_what_goes_on_at_once_passes(files):
    assert check(files).outcome == 'pass'


def test_picture_that_hides_the_boot_is_a_hint():
    files = {DEFAULT: 'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"\n'}
    assert check(files).severity == 'info'


def test_setup_that_asks_at_the_console_is_found():
    files = {
        UNIT: '[Unit]\n[Service]\nExecStart=/x\n'
        '[Install]\nWantedBy=multi-user.target\n',
        '/etc/systemd/system/multi-user.target.wants/initial-setup.service': (
            Link(UNIT)
        ),
    }
    assert 'initial-setup' in check(files).evidence[0].message


def test_longer_waiting_may_be_allowed():
    assert check({GRUB: 'set timeout=5\n'}, max_seconds=5).outcome == 'pass'
