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

from typing import ClassVar

from image_pipeline import artifact
from image_pipeline.probes import base, network, protocol, registry
from image_pipeline.testing import guest_answers
from image_pipeline.testing.conformance import probe as conformance

EXPECTED = conformance.EXPECTED
GOOD = guest_answers.recorded()
changed = guest_answers.changed


def judge(name: str, text: str) -> base.ProbeResult:
    answer = protocol.Answer(text=text)
    return base.judge(registry.load(name), answer, EXPECTED)


class TestProbes(conformance.ProbeConformance):
    probes = network.PROBES
    good = GOOD
    defects: ClassVar = [
        (
            'OS-NET-01',
            'link.ens4=fa:16:3e:ea:52:83\nwithout_ipv6=0\n',
            'fail',
            'not configured',
        ),
        ('OS-NET-01', 'without_ipv6=0\n', 'not-applicable', 'no network card'),
        (
            'OS-NET-02',
            'link.ens4=fa:16:3e:ea:52:83\naddress.docker0.4=172.17.0.1/16\n'
            'without_ipv6=0\n',
            'fail',
            'no network card has an address',
        ),
        (
            'OS-NET-02',
            'link.ens4=fa:16:3e:ea:52:83\n',
            'unknown',
            'understood',
        ),
        ('OS-NET-02', 'without_ipv6=0\n', 'not-applicable', 'no network card'),
        (
            'OS-NET-03',
            GOOD['OS-NET-03'] + 'said.iface eth0 inet dhcp=1\n',
            'fail',
            'eth0 is configured',
        ),
        (
            'OS-FW-01',
            '== nft\ntable inet filter {\n chain input {\n  type filter hook '
            'input priority 0; policy drop;\n  tcp dport 80 accept\n }\n}\n',
            'fail',
            'port 22',
        ),
        ('OS-FW-01', '== iptables\n:INPUT DROP [0:0]\n', 'fail', 'port 22'),
        (
            'HYG-07',
            '== resolver\nold=/etc/resolv.conf\nservers=2\n== proxies\n',
            'fail',
            'older than this boot',
        ),
        (
            'HYG-07',
            GOOD['HYG-07'] + '/etc/environment:http_proxy=http://a:3128\n',
            'fail',
            'http_proxy',
        ),
    ]


def test_firewall_that_lets_ssh_in_is_none_of_our_business() -> None:
    for rules in (
        '== nft\nhook input priority 0; policy drop;\n tcp dport 22 accept\n',
        '== nft\nhook input ; policy drop;\n tcp dport { ssh, 80 } accept\n',
        '== iptables\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT',
        '== nft\ntable inet nat {\n}\n',
    ):
        assert judge('OS-FW-01', rules).outcome is artifact.Outcome.PASS


def test_guest_without_ipv6_has_an_address_all_the_same() -> None:
    text = changed('OS-NET-02', 'without_ipv6=0', 'without_ipv6=1')
    result = judge('OS-NET-02', text)
    assert result.outcome is artifact.Outcome.PASS
    assert 'IPv6 is turned off' in [one.message for one in result.evidence]
