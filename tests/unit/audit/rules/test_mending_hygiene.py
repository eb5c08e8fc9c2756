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

"""What rules on hygiene and booting mend, they do not object to again."""

import pytest

from image_pipeline.disk import edits
from image_pipeline.testing import mends
from image_pipeline.testing.disks import Link

UNIT = '/usr/lib/systemd/system/initial-setup.service'
ROME = Link('/usr/share/zoneinfo/Europe/Rome')


@pytest.mark.parametrize(
    ('rule', 'files'),
    [
        ('HYG-03', {'/etc/machine-id': 'uninitialized\n'}),
        ('HYG-05', {'/etc/hostname': 'builder42\n'}),
        ('HYG-05', {'/etc/mailname': 'b.example.org\n'}),
        ('HYG-05', {'/etc/hosts': '127.0.1.1 b\n192.0.2.1 m debian\n'}),
        ('HYG-05', {'/etc/hosts': '127.0.0.1 localhost b\n'}),
        ('HYG-07', {'/etc/resolv.conf': Link('/gone')}),
        ('HYG-16', {'/home/builder/x': 'x'}),
        ('HYG-16', {'/etc/subuid': 'daemon:1:1\nbuilder:100000:65536\n'}),
        ('HYG-17', {'/etc/localtime': ROME, '/etc/timezone': 'x\n'}),
        ('HYG-17', {'/etc/adjtime': '0 0 0\n0\nLOCAL\n'}),
        ('HYG-18', {'/etc/locale.conf': 'LANG=it_IT.UTF-8\nLC_TIME=de_DE\n'}),
        ('HYG-18', {'/etc/default/keyboard': 'XKBMODEL=x\nXKBLAYOUT="it"\n'}),
        ('BOOT-07', {'/boot/grub/grub.cfg': 'a\n  set timeout="5"\nb\n'}),
        ('BOOT-07', {'/etc/default/grub': 'GRUB_TIMEOUT="5" # x\n'}),
        ('BOOT-07', {'/boot/loader/loader.conf': 'timeout menu-force\n'}),
        ('BOOT-07', {'/.unconfigured': ''}),
        (
            'BOOT-07',
            {
                UNIT: '[Install]\nWantedBy=multi-user.target\n',
                '/etc/systemd/system/multi-user.target.wants/'
                'initial-setup.service': Link(UNIT),
            },
        ),
    ],
    ids=str,
)
def test_what_is_mended_passes(rule, files):
    assert mends.after(rule, files) == 'pass'


def test_machine_id_that_is_not_there_is_made():
    assert mends.after('HYG-03', {}, ('/etc/machine-id',)) == 'pass'


def test_hosts_keep_what_may_stay():
    hosts = '# a comment\n127.0.0.1 localhost\n127.0.1.1 debian b\nff02::1 x\n'
    (one,) = mends.changes('HYG-05', {'/etc/hosts': hosts})
    assert isinstance(one, edits.Write)
    assert one.content.decode().splitlines() == [
        '127.0.0.1 localhost',
        '::1 localhost ip6-localhost ip6-loopback',
        '# a comment',
        '127.0.1.1 debian',
    ]


def test_other_lines_of_a_boot_loader_stay():
    grub = 'if x; then\n  set timeout=30\nelse\n  set timeout=1\nfi\n'
    (one,) = mends.changes('BOOT-07', {'/boot/grub/grub.cfg': grub})
    assert isinstance(one, edits.Write)
    assert one.content.decode() == grub.replace('30', '0')


def test_zone_that_a_site_allows_is_written():
    (one,) = mends.changes(
        'HYG-17', {'/etc/localtime': ROME}, zones=['Europe/Berlin']
    )
    assert one == edits.Link(
        path='/etc/localtime', target='/usr/share/zoneinfo/Europe/Berlin'
    )


def test_nothing_is_changed_in_a_sound_image():
    for rule in ('HYG-03', 'HYG-05', 'HYG-07', 'HYG-16', 'HYG-17', 'HYG-18'):
        assert mends.changes(rule) == []
    assert mends.changes('BOOT-07') == []
