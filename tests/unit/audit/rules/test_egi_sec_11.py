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


import hashlib

import pytest

from image_pipeline.audit import registry
from image_pipeline.testing import images

RULE = registry.get('EGI-SEC-11')
SUMS = '/var/lib/dpkg/info/openssh-server.md5sums'
SSHD = hashlib.md5(b'ELF\n', usedforsecurity=False).hexdigest()


def check(files=None):
    return RULE.check(images.in_memory(files))


@pytest.mark.parametrize(
    ('path', 'text', 'severity'),
    [
        ('/etc/ld.so.preload', '/usr/lib/x.so\n', 'error'),
        ('/var/spool/cron/root', '@reboot true\n', None),
        ('/var/spool/cron/crontabs/root', '@reboot true\n', None),
        ('/var/spool/at/a00001', '#!/bin/sh\n', None),
        ('/etc/rc.local', '#!/bin/sh\n/opt/x\nexit 0\n', None),
        (SUMS, f'{"0" * 32}  usr/sbin/sshd\n', 'error'),
    ],
)
def test_hook_fails(path, text, severity):
    found = check({path: text})
    assert (found.outcome, found.severity) == ('fail', severity)


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        ('/etc/ld.so.preload', ''),
        ('/etc/ld.so.preload', '# nothing\n'),
        ('/var/spool/cron/atjobs/.SEQ', '00000'),
        ('/etc/rc.local', '#!/bin/sh\ntouch /var/lock/subsys/local\n'),
        (SUMS, f'{SSHD}  usr/sbin/sshd\n'),
        (SUMS, f'{"0" * 32}  usr/share/sshd\n'),
        (SUMS, f'{"0" * 32}  usr/sbin/gone\n'),
        (SUMS, 'broken\n'),
    ],
)
def test_what_hooks_nothing_passes(path, text):
    assert check({path: text}).outcome == 'pass'
