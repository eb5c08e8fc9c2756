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

from image_pipeline.audit.guest import firewall
from image_pipeline.disk import files
from image_pipeline.testing.disks import MemoryFiles

ZONE = '<zone target="{}">\n  <service name="{}"/>\n</zone>\n'
DROP = (
    'chain input {{\n type filter hook input priority 0; policy drop;\n {}\n}}'
)


def opens(name, content):
    tree = files.FileTree(MemoryFiles(content))
    return [verdict.open for verdict in firewall.judge(tree, name)]


@pytest.mark.parametrize(
    ('rule', 'is_open'),
    [
        ('tcp dport 22 accept', True),
        ('tcp dport ssh accept', True),
        ('tcp dport { 80, 22 } ct state new accept', True),
        ('tcp dport { http, ssh } counter accept', True),
        ('accept', True),
        ('tcp dport 2222 accept', False),
        ('tcp dport { 220, 80 } accept', False),
        ('tcp dport 22 drop', False),
        ('# tcp dport 22 accept', False),
    ],
)
def test_nftables(rule, is_open):
    content = {'/etc/nftables.conf': DROP.format(rule)}
    assert opens('nftables', content) == [is_open]


def test_nftables_follows_includes_and_ends_in_circles():
    content = {
        '/etc/nftables.conf': 'include "/etc/nftables.d/*.nft"\n',
        '/etc/nftables.d/a.nft': 'include "/etc/nftables.conf"\n'
        + DROP.format('tcp dport 22 accept'),
    }
    assert opens('nftables', content) == [True]


@pytest.mark.parametrize(
    'text',
    [
        'flush ruleset\n',
        'chain input { type filter hook input priority 0; policy accept; }',
        'chain forward { type filter hook forward priority 0; policy drop; }',
    ],
)
def test_nftables_that_drops_nothing_has_no_say(text):
    assert opens('nftables', {'/etc/nftables.conf': text}) == []


@pytest.mark.parametrize(
    ('content', 'is_open'),
    [
        (
            {'/usr/lib/firewalld/zones/public.xml': ZONE.format('', 'ssh')},
            True,
        ),
        (
            {'/usr/lib/firewalld/zones/public.xml': ZONE.format('', 'http')},
            False,
        ),
        (
            {
                '/usr/lib/firewalld/zones/public.xml': ZONE.format('', 'ssh'),
                '/etc/firewalld/zones/public.xml': ZONE.format('', 'http'),
            },
            False,
        ),
        (
            {
                '/etc/firewalld/firewalld.conf': 'DefaultZone=trusted\n',
                '/usr/lib/firewalld/zones/trusted.xml': ZONE.format(
                    'ACCEPT', 'x'
                ),
            },
            True,
        ),
        ({'/etc/firewalld/firewalld.conf': 'DefaultZone=../../x\n'}, None),
        ({}, None),
    ],
)
def test_firewalld_has_a_default_zone(content, is_open):
    assert opens('firewalld', content) == [is_open]


@pytest.mark.parametrize(
    ('rules', 'found'),
    [
        (':INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 80 -j ACCEPT\n', []),
        (
            '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j DROP\n',
            [True],
        ),
        (
            '-A INPUT -m state --state NEW -m tcp -p tcp --dport 22 -j '
            'ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited\n',
            [True],
        ),
        (
            ':INPUT DROP [0:0]\n-A INPUT -p tcp -m multiport --dports 22,80 '
            '-j ACCEPT\n',
            [True],
        ),
        (':INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n', [False]),
        (
            '-A INPUT -j REJECT\n-A INPUT -p tcp --dport 22 -j ACCEPT\n',
            [False],
        ),
        (
            '-A INPUT -p tcp --dport 2222 -j ACCEPT\n-A INPUT -j DROP\n',
            [False],
        ),
    ],
)
def test_iptables_rules_count_in_their_order(rules, found):
    assert opens('iptables', {'/etc/sysconfig/iptables': rules}) == found


@pytest.mark.parametrize(
    ('content', 'found'),
    [
        ({'/etc/ufw/ufw.conf': 'ENABLED=no\n'}, []),
        ({'/etc/ufw/ufw.conf': 'ENABLED=yes\n'}, [False]),
        (
            {
                '/etc/ufw/ufw.conf': 'ENABLED=yes\n',
                '/etc/default/ufw': 'DEFAULT_INPUT_POLICY="ACCEPT"\n',
            },
            [],
        ),
        (
            {
                '/etc/ufw/ufw.conf': 'ENABLED=yes\n',
                '/etc/ufw/user.rules': '-A ufw-user-input -p tcp --dport 22 '
                '-j ACCEPT\n',
            },
            [True],
        ),
        (
            {
                '/etc/ufw/ufw.conf': 'ENABLED=yes\n',
                '/etc/ufw/user.rules': '-A ufw-user-input -p tcp --dport 80 '
                '-j ACCEPT\n',
            },
            [False],
        ),
    ],
)
def test_ufw(content, found):
    assert opens('ufw', content) == found
