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

RULE = registry.get('EGI-SEC-07')
LIST = '/etc/apt/sources.list'
SOURCES = '/etc/apt/sources.list.d/a.sources'
REPO = '/etc/yum.repos.d/a.repo'


def check(files=None, **options):
    return RULE.check(images.in_memory(files), options)


def stanza(*lines):
    return '\n'.join(
        ('Types: deb', 'Suites: a', 'Components: main', *lines, '')
    )


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        (LIST, 'deb [trusted=yes] https://example.org/ a b\n'),
        (LIST, 'deb [ arch=amd64 allow-insecure=yes ] https://a.org/ a b\n'),
        (LIST, 'deb file:/srv/mirror a b\n'),
        (LIST, 'deb cdrom:[Debian]/ a b\n'),
        (LIST, 'deb http://localhost/debian a b\n'),
        (LIST, 'deb http://10.1.2.3/debian a b\n'),
        (LIST, 'deb http://mirror/debian a b\n'),
        (LIST, 'deb http://apt.example.internal/debian a b\n'),
        (LIST, 'deb http://cache.example.org:3142/debian a b\n'),
        (SOURCES, stanza('URIs: https://a.org', 'Trusted: yes')),
        (SOURCES, stanza('URIs: https://a.org\n http://[fd00::1]/x')),
        ('/etc/apt/apt.conf.d/9', 'APT::Get::AllowUnauthenticated "true";\n'),
        (REPO, '[a]\nbaseurl=https://a.org\ngpgcheck=0\n'),
        (REPO, '[a]\nbaseurl=http://192.168.1.1/a\ngpgcheck=1\n'),
        ('/etc/dnf/dnf.conf', '[main]\ngpgcheck=False\n'),
        ('/etc/pip.conf', '[global]\nindex-url = http://pypi.lan/simple\n'),
        ('/usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n'),
    ],
)
def test_source_that_is_unsigned_or_out_of_reach_fails(path, text):
    found = check({path: text})
    assert found.outcome == 'fail'
    assert {one.path for one in found.evidence} == {path}


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        (LIST, '# deb [trusted=yes] file:/x a b\n'),
        (LIST, 'deb [signed-by=/x.gpg] https://example.org/ a b\n'),
        (LIST, 'deb mirror+file:/etc/apt/mirrors/debian.list a main\n'),
        (LIST, 'deb http://203.0.114.1/debian a b\n'),
        (SOURCES, stanza('URIs: http://10.1.2.3', 'Enabled: no')),
        (REPO, '[a]\nenabled=0\nbaseurl=http://x/\ngpgcheck=0\n'),
        (REPO, '[a]\nbaseurl=https://$host/a/$basearch\ngpgcheck=1\n'),
        (REPO, '[a]\nmetalink=https://mirrors.example.org/?a=b\n'),
        (LIST, 'deb http://[broken a b\n'),
    ],
)
def test_source_that_instances_reach_passes(path, text):
    assert check({path: text}).outcome == 'pass'


def test_mirror_of_the_site_can_be_allowed():
    files = {LIST: 'deb http://mirror.lan/debian a b\n'}
    assert check(files, allowed_hosts=['mirror.lan']).outcome == 'pass'
