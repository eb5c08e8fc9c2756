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

RULE = registry.get('HYG-12')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/tmp/x', 'x', 'warning'),
        ('/var/tmp/.x', 'x', 'warning'),
        ('/var/crash/x', 'x', 'warning'),
        ('/var/mail/root', 'x', 'warning'),
        ('/var/spool/postfix/deferred/A/x', 'x', 'warning'),
        ('/usr/local/bin/dib-run-parts', 'x', 'warning'),
        ('/usr/bin/qemu-aarch64-static', 'x', 'warning'),
        ('/root/VBoxGuestAdditions.iso', 'x', 'warning'),
        ('/.dockerenv', '', 'warning'),
        ('/etc/dib-manifests/dib_environment', 'x', 'warning'),
        ('/run/x', 'x', 'info'),
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
        {'/tmp/.X11-unix': None},
        {'/var/mail/root': ''},
        {'/var/spool/postfix/deferred/A': None},
        {
            '/usr/bin/qemu-aarch64-static': 'x',
            '/var/lib/dpkg/info/qemu-user-static.list': 'x',
        },
        {'/run/lock': None},
        {'/usr/local/bin/tool': 'x'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'
