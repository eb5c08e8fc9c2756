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

"""The judges of all probes: good answers pass, each defect is a fail."""

import dataclasses

from image_pipeline import artifact
from image_pipeline.hypervisors import base as hypervisor_base
from image_pipeline.probes import base, protocol, registry
from image_pipeline.testing import hypervisor
from image_pipeline.testing.conformance import probe as conformance

EXPECTED = conformance.EXPECTED
KEY = EXPECTED.public_key
SEED = hypervisor_base.Seed(
    instance_id=EXPECTED.instance_id,
    hostname=EXPECTED.hostname,
    public_key=KEY,
    user_data=b'',
)
SHAPE = hypervisor_base.Shape(
    firmware=hypervisor_base.Firmware.BIOS,
    vcpus=1,
    memory_bytes=1 << 30,
    disk_bytes=EXPECTED.disk_bytes,
)
GOOD = hypervisor.good_answers(SEED, SHAPE)
PROBES = registry.select(None)

# Probe, answer, outcome, a word of the evidence.
DEFECTS = [
    ('EGI-CI-01', '== result\n\n== log\n', 'fail', 'did not finish'),
    (
        'EGI-CI-01',
        '== result\n{"v1": {"datasource": "x", "errors": ["boom"]}}\n',
        'fail',
        'boom',
    ),
    ('EGI-CI-01', '== result\n{"v2": 1}\n', 'unknown', 'understood'),
    ('EGI-CI-01', 'noise', 'fail', 'did not finish'),
    ('EGI-CI-03', '== result\n', 'fail', 'no datasource'),
    (
        'EGI-CI-03',
        '== result\n{"v1": {"datasource": "DataSourceNoCloud [x]"}}',
        'fail',
        'NoCloud',
    ),
    (
        'BOOT-07',
        GOOD['BOOT-07'].replace('=9000000', '=61000000'),
        'fail',
        '61',
    ),
    ('BOOT-07', GOOD['BOOT-07'].replace('=9000000', '=0'), 'fail', 'not end'),
    ('BOOT-07', '', 'unknown', 'understood'),
    (
        'LIVE-UNITS',
        '== state\ndegraded\n== failed\na.service loaded failed failed A\n'
        '== jobs\n',
        'fail',
        'a.service failed',
    ),
    (
        'LIVE-UNITS',
        '== state\nstarting\n== failed\n== jobs\n42 b.service start waiting\n',
        'fail',
        'b.service',
    ),
    ('LIVE-UNITS', '== none\n', 'not-applicable', 'systemd'),
    ('EGI-CON-03', 'active=tty0\n', 'fail', 'no serial console'),
    ('EGI-CON-03', 'active=tty0 ttyS0\ngetty.ttyS0=failed', 'fail', 'login'),
    ('LIVE-MEMORY', '', 'unknown', 'understood'),
    (
        'EGI-GROW-01',
        f'device=vda3\npartition={1 << 30}\ndisk={3 << 30}\n',
        'fail',
        'vda3 has 1024 MiB of 3072 MiB',
    ),
    ('EGI-GROW-01', 'device=dm-0\n', 'not-applicable', 'dm-0'),
    ('EGI-GROW-02', f'size={1 << 20}\nfree=1\n', 'fail', '1024 MiB'),
    ('EGI-LAYOUT-02', 'vg-root=LVM-abc\n', 'fail', 'vg-root'),
    ('EGI-LAYOUT-04', 'root=CRYPT-LUKS2-abc\n', 'fail', 'encrypted'),
    ('EGI-LAYOUT-03', 'Filename\n/swapfile file 1 0 -2\n', 'fail', '/swap'),
    ('EGI-LAYOUT-03', '', 'not-applicable', 'no swap'),
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
    ('EGI-SSH-02', 'passwordauthentication yes\n', 'fail', 'yes'),
    ('EGI-SSH-02', 'permitrootlogin yes\n', 'fail', 'permitrootlogin'),
    ('EGI-SSH-02', '', 'not-applicable', 'sshd'),
    ('EGI-SSH-04', '', 'fail', 'no SSH host keys'),
    ('EGI-SSH-04', 'ssh_host_rsa_key=644 10\n', 'fail', 'read by everybody'),
    ('EGI-SSH-04', 'ssh_host_rsa_key=600 0\n', 'fail', 'empty'),
    ('EGI-SSH-04', 'ssh_host_dsa_key=600 9\n', 'fail', 'no ed25519'),
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
    ('LIVE-IDENTITY', 'machine-id=\n', 'fail', 'empty'),
]


def judge(name: str, text: str) -> base.ProbeResult:
    answer = protocol.Answer(text=text)
    return base.judge(registry.load(name), answer, EXPECTED)


class TestOurs(conformance.ProbeConformance):
    probes = PROBES
    good = GOOD
    defects = DEFECTS
    expected = EXPECTED


def test_zram_is_no_swap_on_a_disk() -> None:
    text = 'Filename\n/dev/zram0 partition 1 0 100\n'
    assert judge('EGI-LAYOUT-03', text).outcome is artifact.Outcome.PASS


def test_loopback_may_listen_on_any_port() -> None:
    text = (
        'tcp 0100007F:0019 0A\n'
        'tcp6 00000000000000000000000001000000:0019 0A\n'
        'tcp 00000000:0016 0A\n'
    )
    assert judge('EGI-SEC-03', text).outcome is artifact.Outcome.PASS


def test_emulated_guest_may_be_slow_but_not_wait() -> None:
    emulated = dataclasses.replace(EXPECTED, emulated=True)
    slow = GOOD['BOOT-07'].replace('=9000000', '=400000000')
    waits = slow.replace('12.50 8.00 2', '410.00 140.00 2')
    for text, outcome in ((slow, 'pass'), (waits, 'fail')):
        answer = protocol.Answer(text=text)
        result = base.judge(registry.load('BOOT-07'), answer, emulated)
        assert result.outcome.value == outcome
        assert result.facts['to_cloud_init_end'] == 400


def test_verdict_is_a_fail_with_all_that_is_wrong_or_else_a_pass():
    failed = base.judged(['a is wrong', 'b is'], 'all is well', ports=[1])
    assert failed.outcome == artifact.Outcome.FAIL
    assert [one.message for one in failed.evidence] == ['a is wrong', 'b is']
    passed = base.judged([], 'all is well', ports=[1])
    assert passed.outcome == artifact.Outcome.PASS
    assert [one.message for one in passed.evidence] == ['all is well']
    assert failed.facts == passed.facts == {'ports': [1]}


def test_what_is_not_as_wanted_says_what_was():
    wrong = base.compared('the name is a', False, 'b', name='a')
    assert wrong == base.failed('the name is a, not b', name='a')
    right = base.compared('the name is b', True, 'b', name='b')
    assert right == base.passed('the name is b', name='b')
