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

"""Read whether a guest's firewall lets SSH in.

Only what a cloud image may ship is understood: firewalld's default zone,
ufw's user rules, nftables' file and saved iptables rules.  Where a rule set
is too much for that, the answer is None and not a guess.
"""

import dataclasses
import re
from collections.abc import Iterator

from image_pipeline.audit.guest import text
from image_pipeline.disk import files

#: The service that applies each, by the name of its unit.
UNITS = {
    'firewalld': 'firewalld.service',
    'ufw': 'ufw.service',
    'nftables': 'nftables.service',
    'iptables': 'iptables.service',
    'ip6tables': 'ip6tables.service',
    'netfilter-persistent': 'netfilter-persistent.service',
    'SuSEfirewall2': 'SuSEfirewall2.service',
}

_NFT = ('/etc/nftables.conf', '/etc/sysconfig/nftables.conf')
_IPTABLES = {
    'iptables': ('/etc/sysconfig/iptables',),
    'ip6tables': ('/etc/sysconfig/ip6tables',),
    'netfilter-persistent': (
        '/etc/iptables/rules.v4',
        '/etc/iptables/rules.v6',
    ),
}
_PORT = r'(?:22|ssh)'
_NFT_SSH = re.compile(
    rf'\bdport\s+(?:{_PORT}\b|\{{[^}}]*\b{_PORT}\b[^}}]*\}})[^\n;]*\baccept\b'
)
_NFT_INPUT = re.compile(r'\bhook\s+input\b')
_NFT_DROP = re.compile(
    r'\bpolicy\s+drop\b|^\s*(?:counter\s+)?(?:drop|reject)\b'
)
_NFT_ALL = re.compile(r'^\s*(?:counter\s+)?accept\s*;?\s*$')
_NFT_INCLUDE = re.compile(r'^\s*include\s+"([^"]+)"')
_IPT_SSH = re.compile(
    rf'^-[AI] \S+ .*--dports? (?:\S*,)?{_PORT}(?:[, ].*)? ?-j ACCEPT'
)
_IPT_DROP = re.compile(
    r'^:INPUT DROP\b|^-A INPUT(?: -m comment --comment "[^"]*")?'
    r' -j (?:DROP|REJECT)\b'
)
_UFW_SSH = re.compile(
    rf'--dports? (?:\S*,)?{_PORT}(?:[, ].*)?-j (?:ACCEPT|ufw)'
)
_ZONE = re.compile(r'<service\s+name="ssh"|<port\s[^>]*port="22"')
_ACCEPT = re.compile(r'<zone[^>]*\btarget="ACCEPT"')
_MOST_FILES = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a firewall does with SSH.

    :param name: of the firewall.
    :param path: where it says so.
    :param line: the line, if there is one.
    :param open: whether SSH gets in; None: it could not be read.
    """

    name: str
    path: str
    line: text.Line | None = None
    open: bool | None = True


def judge(tree: files.FileTree, name: str) -> Iterator[Verdict]:
    """Give what a firewall that is enabled does with SSH.

    Nothing is given of one that has no rules.

    :param tree: the image's files.
    :param name: of :data:`UNITS`.
    """
    if name == 'firewalld':
        yield _firewalld(tree)
    elif name == 'ufw':
        yield from _ufw(tree)
    elif name == 'nftables':
        yield from _nftables(tree)
    elif name in _IPTABLES:
        for path in _IPTABLES[name]:
            yield from _iptables(tree, name, path)
    else:
        yield Verdict(name=name, path='/etc/sysconfig', open=None)


def _firewalld(tree: files.FileTree) -> Verdict:
    zone = 'public'
    for line in text.said(tree, '/etc/firewalld/firewalld.conf'):
        key, _, value = line.text.partition('=')
        if key.strip() == 'DefaultZone' and value.strip():
            zone = value.strip()
    for folder in ('/etc/firewalld', '/usr/lib/firewalld'):
        path = f'{folder}/zones/{zone}.xml'
        if '/' in zone or not tree.is_file(path):
            continue
        lines = text.lines(tree, path)
        said = '\n'.join(line.text for line in lines)
        return Verdict(
            name='firewalld',
            path=path,
            line=lines[0] if lines else None,
            open=bool(_ZONE.search(said) or _ACCEPT.search(said)),
        )
    return Verdict(
        name='firewalld', path='/etc/firewalld/firewalld.conf', open=None
    )


def _ufw(tree: files.FileTree) -> Iterator[Verdict]:
    def value(path: str, key: str, default: str) -> str:
        for line in text.said(tree, path):
            name, _, said = line.text.partition('=')
            if name.strip() == key:
                return text.unquote(said).lower()
        return default

    if value('/etc/ufw/ufw.conf', 'ENABLED', 'no') != 'yes':
        return
    if value('/etc/default/ufw', 'DEFAULT_INPUT_POLICY', 'drop') == 'accept':
        return
    for path in ('/etc/ufw/user.rules', '/lib/ufw/user.rules'):
        if not tree.is_file(path):
            continue
        lines = text.said(tree, path)
        yield Verdict(
            name='ufw',
            path=path,
            line=lines[0] if lines else None,
            open=any(
                _UFW_SSH.search(line.text) or ' dport=22 ' in line.text
                for line in lines
            ),
        )
        return
    yield Verdict(name='ufw', path='/etc/ufw/user.rules', open=False)


def _nftables(tree: files.FileTree) -> Iterator[Verdict]:
    for main in _NFT:
        lines = list(_included(tree, main, [_MOST_FILES]))
        body = '\n'.join(line.text for line in lines)
        if not _NFT_INPUT.search(body):
            continue
        dropped = [line for line in lines if _NFT_DROP.search(line.text)]
        if dropped:
            yield Verdict(
                name='nftables',
                path=main,
                line=dropped[0],
                open=bool(_NFT_SSH.search(body))
                or any(_NFT_ALL.match(line.text) for line in lines),
            )


def _included(
    tree: files.FileTree, path: str, left: list[int]
) -> Iterator[text.Line]:
    if left[0] <= 0:
        return
    left[0] -= 1
    for line in text.said(tree, path):
        match = _NFT_INCLUDE.match(line.text)
        if not match:
            yield line
            continue
        pattern = match[1]
        if not pattern.startswith('/'):
            pattern = f'/etc/{pattern}'
        for found in tree.glob(pattern):
            yield from _included(tree, found, left)


def _iptables(tree: files.FileTree, name: str, path: str) -> Iterator[Verdict]:
    for line in text.said(tree, path):
        if _IPT_SSH.match(line.text):
            yield Verdict(name=name, path=path, line=line, open=True)
            return
        if _IPT_DROP.match(line.text) and not line.text.startswith(':'):
            yield Verdict(name=name, path=path, line=line, open=False)
            return
    for line in text.said(tree, path):
        # A policy counts after all rules.
        if _IPT_DROP.match(line.text):
            yield Verdict(name=name, path=path, line=line, open=False)
            return
