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

RULE = registry.get('HYG-07')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/etc/resolv.conf', 'nameserver 192.0.2.1\n', 'error'),
        ('/etc/resolv.conf', 'search example.org\n', 'error'),
        ('/etc/resolv.conf', Link('/tmp/gone'), 'error'),
        (
            '/etc/.resolv.conf.systemd-resolved.bak',
            'nameserver 1.1.1.1\n',
            'error',
        ),
        ('/etc/environment', 'http_proxy=http://192.0.2.1:3128\n', 'error'),
        (
            '/etc/apt/apt.conf.d/60img-build-proxy',
            'Acquire::http::Proxy "http://a:1";\n',
            'error',
        ),
        ('/etc/dnf/dnf.conf', '[main]\nproxy=http://a:1\n', 'error'),
        (
            '/etc/profile.d/proxy.sh',
            'export https_proxy=http://a:1\n',
            'error',
        ),
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
        {'/etc/resolv.conf': ''},
        {'/etc/resolv.conf': '# made by a resolver\noptions edns0\n'},
        {'/etc/resolv.conf': 'nameserver 127.0.0.53\n'},
        {'/etc/resolv.conf': Link('/run/NetworkManager/resolv.conf')},
        {'/etc/resolv.conf': Link('/var/run/netconfig/resolv.conf')},
        {'/etc/resolv.conf': Link('/usr/lib/x'), '/usr/lib/x': ''},
        {'/etc/environment': 'PATH=/usr/bin\n'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'


def test_file_that_is_not_there_passes():
    assert check({}, without=('/etc/resolv.conf',)).outcome == 'pass'
