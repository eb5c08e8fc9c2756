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

RULE = registry.get('EGI-SEC-10')


def check(files=None, **options):
    return RULE.check(images.in_memory(files), options)


def test_sound_image_passes():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    ('path', 'line', 'severity'),
    [
        ('/etc/sysctl.d/99-z.conf', 'kernel.kptr_restrict=0', None),
        ('/etc/sysctl.d/99-z.conf', 'kernel/dmesg_restrict = 0', None),
        ('/etc/modprobe.d/a.conf', 'blacklist iso9660', 'warning'),
        ('/etc/modprobe.d/a.conf', 'install vfat /bin/true', 'warning'),
        ('/etc/modprobe.d/a.conf', 'blacklist virtio-net', 'warning'),
        ('/etc/kernel/cmdline', 'root=/x mitigations=off', 'warning'),
    ],
)
def test_weak_setting_fails_where_it_is(path, line, severity):
    found = check({path: f'{line}\n'})
    assert (found.outcome, found.severity) == ('fail', severity)
    assert [(one.path, one.line) for one in found.evidence] == [(path, 1)]


@pytest.mark.parametrize(
    ('path', 'line'),
    [
        ('/etc/sysctl.d/00-a.conf', 'kernel.kptr_restrict=0'),
        ('/etc/sysctl.d/99-z.conf', '-kernel.kptr_restrict = 2'),
        ('/etc/modprobe.d/a.conf', 'blacklist cramfs'),
        ('/etc/modprobe.d/a.conf', '# blacklist vfat'),
        ('/etc/kernel/cmdline', 'mitigations=auto'),
    ],
)
def test_what_weakens_nothing_passes(path, line):
    assert check({path: f'{line}\n'}).outcome == 'pass'


def test_router_may_ignore_a_setting():
    files = {'/etc/sysctl.d/99-z.conf': 'kernel.kptr_restrict=0\n'}
    assert check(files, ignored=['kernel.kptr_restrict']).outcome == 'pass'
