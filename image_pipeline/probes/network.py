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

"""Probes of the network: addresses, names of links, firewall, resolver."""

import re

from image_pipeline import artifact
from image_pipeline.probes import base, protocol

_LINKS = """\
for link in /sys/class/net/*; do
    [ -e "$link/device" ] || continue
    name=${link##*/}
    read -r address <"$link/address"
    echo "link.$name=$address"
done
for family in 4 6; do
    ip -o -$family addr | while read -r _ name kind address rest; do
        case $rest in
            *'scope link'* | *'scope host'*) continue ;;
        esac
        echo "address.$name.$family=$address"
    done
done
off=$(cat /proc/sys/net/ipv6/conf/all/disable_ipv6)
echo "without_ipv6=${off:-1}"
grep -hsE '^ *(auto|iface|allow-hotplug|Name=|interface-name=|DEVICE=)' \\
    /etc/network/interfaces /etc/network/interfaces.d/* \\
    /etc/systemd/network/*.network /run/systemd/network/*.network \\
    /etc/NetworkManager/system-connections/* \\
    /run/NetworkManager/system-connections/* \\
    /etc/sysconfig/network-scripts/ifcfg-* |
    while read -r line; do echo "said.$line=1"; done
"""
# nft would load the module of the kernel, which takes a second.
_FIREWALL = """\
if [ -d /sys/module/nf_tables ] && command -v nft >/dev/null 2>&1; then
    echo '== nft'
    nft list ruleset
elif [ -s /proc/net/ip_tables_names ]; then
    echo '== iptables'
    iptables-save
    ip6tables-save
else
    echo '== none'
fi
"""
_RESOLVER = """\
read -r up _ </proc/uptime
echo "== resolver"
if [ -L /etc/resolv.conf ]; then
    echo "link=$(readlink -f /etc/resolv.conf)"
elif [ -f /etc/resolv.conf ]; then
    find /etc/resolv.conf -mmin "+$((${up%.*} / 60 + 2))" | sed 's/^/old=/'
    echo "servers=$(grep -c '^ *nameserver' /etc/resolv.conf)"
fi
echo '== proxies'
grep -isE '^[^#]*(https?|ftp|all)_proxy *=|^ *Acquire::[a-z]*::Proxy' \\
    /etc/environment /etc/profile.d/* /etc/apt/apt.conf.d/* | cut -c 1-120
grep -sE '^ *proxy *=' /etc/dnf/dnf.conf /etc/yum.conf
"""
_SSH = re.compile(
    r'dport (?:22|ssh)\b|dport \{[^}]*\b(?:22|ssh)\b|--dport 22\b'
)
_NAME = re.compile(
    r'(?:auto|iface|allow-hotplug)\s+(.+)'
    r'|(?:Name|interface-name|DEVICE)="?([^"]+)"?'
)
# `iface NAME inet dhcp`: what is no name.
_WORDS = frozenset({'inet', 'inet6', 'dhcp', 'auto', 'manual', 'static', 'lo'})


def _read(answer: protocol.Answer) -> dict[str, str]:
    read = base.values(answer.text)
    if 'without_ipv6' not in read:
        raise ValueError('the links were not read to their end')
    return read


def _links(read: dict[str, str]) -> dict[str, str]:
    return {
        name.partition('.')[2]: value
        for name, value in read.items()
        if name.startswith('link.')
    }


def _addresses(read: dict[str, str]) -> list[str]:
    links = _links(read)
    return [
        f'{name.split(".")[1]} has {value}'
        for name, value in read.items()
        if name.startswith('address.') and name.split('.')[1] in links
    ]


def _any_card(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    read = _read(answer)
    links = _links(read)
    if not links:
        return base.not_applicable('the machine has no network card')
    mac = ', '.join(links.values())
    wrong = [] if _addresses(read) else [f'the card {mac} was not configured']
    return base.judged(wrong, f'the card {mac}, new to the image, works')


def _dhcp(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = _read(answer)
    if not _links(read):
        return base.not_applicable('the machine has no network card')
    found = _addresses(read)
    if not found:
        return base.failed('no network card has an address')
    if read['without_ipv6'] != '0':
        # Reachable it is, all the same.
        found.append('IPv6 is turned off')
    return base.passed(*found)


def _names(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = _read(answer)
    links = _links(read)
    said = set()
    for name in read:
        match = _NAME.match(name.partition('.')[2])
        if name.startswith('said.') and match:
            said |= set((match[1] or match[2]).split()) - _WORDS
    # What has a pattern, or is made later, is no name of a card.
    missing = sorted(
        name
        for name in said - links.keys()
        if re.fullmatch(r'(?:eth|en[a-z])\w*', name)
    )
    return base.judged(
        [
            f'{name} is configured, and there is no such card'
            for name in missing
        ],
        f'there are {", ".join(links) or "no cards"}, as configured',
    )


def _firewall(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    parts = base.sections(answer.text)
    if 'none' in parts:
        return base.passed('no firewall is loaded')
    rules = parts['nft'] if 'nft' in parts else parts['iptables']
    hooked = (
        'hook input' in rules
        or '-A INPUT' in rules
        or (':INPUT DROP' in rules)
    )
    refuses = re.search(r'\b(?:drop|reject)\b', rules, re.IGNORECASE)
    wrong = []
    if hooked and refuses and not _SSH.search(rules):
        wrong.append('the firewall refuses, and does not name port 22')
    return base.judged(wrong, 'the firewall lets SSH in')


def _resolver(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    parts = base.sections(answer.text)
    read = base.values(parts['resolver'])
    wrong = [
        f'a proxy is set: {line}' for line in parts['proxies'].splitlines()
    ]
    if 'old' in read and read.get('servers', '0') != '0':
        wrong.append('/etc/resolv.conf is older than this boot')
    where = read.get('link', 'a file of this boot, or none')
    return base.judged(wrong, f'/etc/resolv.conf is {where}; no proxy is set')


PROBES = (
    base.Probe(
        id='OS-NET-01',
        title='a card that is new to the image works',
        snippet=_LINKS,
        judge=_any_card,
        # An address that is written down may be of another card.
        refutes=False,
    ),
    base.Probe(
        id='OS-NET-02',
        title='the network card has an address',
        snippet=_LINKS,
        judge=_dhcp,
        # Two services that undo each other may get along in one boot.
        refutes=False,
    ),
    base.Probe(
        id='OS-NET-03',
        title='cards have the names by which they are configured',
        snippet=_LINKS,
        judge=_names,
        severity=artifact.Severity.INFO,
        # cloud-init writes names at boot, over those of the image.
        refutes=False,
    ),
    base.Probe(
        id='OS-FW-01',
        title='a firewall is off, or lets SSH in',
        snippet=_FIREWALL,
        judge=_firewall,
        severity=artifact.Severity.WARNING,
        # Whether it may be there at all is for a profile to say.
        refutes=False,
    ),
    base.Probe(
        id='HYG-07',
        title='no resolver and no proxy of the build is left',
        snippet=_RESOLVER,
        judge=_resolver,
        # What a boot writes over was there all the same.
        refutes=False,
    ),
)
