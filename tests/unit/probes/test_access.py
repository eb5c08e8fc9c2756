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

import dataclasses
from typing import ClassVar

from image_pipeline import artifact
from image_pipeline.probes import access, base, protocol, registry
from image_pipeline.testing import guest_answers
from image_pipeline.testing.conformance import probe as conformance

EXPECTED = dataclasses.replace(
    conformance.EXPECTED,
    properties={
        'architecture': 'x86_64',
        'os_distro': 'debian',
        'os_version': '12',
        'os_admin_user': 'debian',
    },
)
KEY = conformance.EXPECTED.public_key
GOOD = guest_answers.recorded()
changed = guest_answers.changed


def judge(name: str, text: str) -> base.ProbeResult:
    answer = protocol.Answer(text=text)
    return base.judge(registry.load(name), answer, EXPECTED)


class TestProbes(conformance.ProbeConformance):
    probes = access.PROBES
    good = GOOD
    expected = EXPECTED
    defects: ClassVar = [
        ('OS-CI-07', '', 'fail', 'no user'),
        ('OS-CI-07', f'0 root 600 {KEY}\n', 'fail', 'no user but root'),
        ('OS-CI-07', f'1000 debian 666 {KEY}\n', 'fail', 'written by others'),
        (
            'OS-CI-07',
            f'1000 debian 600 {KEY}\n1000 debian 600 ssh-rsa AAAA builder\n',
            'fail',
            'builder',
        ),
        ('EGI-SSH-01', 'tcp 0100007F:0016 0A\n', 'fail', '22'),
        ('EGI-SEC-01', 'shadow=read\naccount=debian\n', 'fail', 'debian'),
        ('EGI-SEC-01', '', 'unknown', 'shadow'),
        ('EGI-SEC-03', 'tcp 00000000:006F 0A\n', 'fail', '111/tcp'),
        (
            'EGI-SEC-03',
            'tcp6 00000000000000000000000000000000:0050 0A\n== owners\n'
            'tcp *:80 users:(("nginx",pid=1,fd=6))\n',
            'fail',
            'nginx',
        ),
        ('HYG-05', 'builder\n', 'fail', 'builder'),
        ('HYG-09', 'i-deadbeef\n', 'fail', 'i-deadbeef'),
        (
            'EGI-SEC-02',
            '0 root 600 ssh-rsa AAAA builder\n',
            'fail',
            'a key of the image: …ssh-rsa AAAA builder',
        ),
        (
            'OS-USER-01',
            GOOD['OS-USER-01'] + 'account.packer=/home/packer\n',
            'fail',
            'debian, packer',
        ),
        ('OS-USER-01', 'end=1\n', 'fail', 'no account'),
        ('OS-USER-01', GOOD['OS-USER-01'] + 'root=toor\n', 'fail', 'toor'),
        (
            'OS-USER-01',
            changed('OS-USER-01', 'sudo.debian=1\n', ''),
            'fail',
            'sudo asks debian',
        ),
        (
            'OS-USER-01',
            'account.debian=/home/debian\n',
            'unknown',
            'understood',
        ),
        (
            'HYG-16',
            GOOD['HYG-16'] + 'home./home/packer=1\n',
            'fail',
            '/home/packer is of nobody',
        ),
    ]


def test_loopback_may_listen_on_any_port() -> None:
    text = (
        'tcp 0100007F:0019 0A\n'
        'tcp6 00000000000000000000000001000000:0019 0A\n'
        'tcp 00000000:0016 0A\n'
    )
    assert judge('EGI-SEC-03', text).outcome is artifact.Outcome.PASS


def test_admin_user_of_the_properties_must_be_there() -> None:
    claims = dataclasses.replace(
        EXPECTED, properties={'os_admin_user': 'cloud-user'}
    )
    answer = protocol.Answer(text=GOOD['OS-USER-01'])
    result = base.judge(registry.load('OS-USER-01'), answer, claims)
    assert result.outcome is artifact.Outcome.FAIL
    assert 'os_admin_user is cloud-user' in result.evidence[0].message
