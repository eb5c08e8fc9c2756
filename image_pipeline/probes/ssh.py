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

"""Probes of the SSH server: how it lets in whom, and its keys."""

import re

from image_pipeline import artifact
from image_pipeline.probes import base, protocol

_HOST_KEYS = """\
for file in /etc/ssh/ssh_host_*_key; do
    [ -e "$file" ] || continue
    echo "${file##*/}=$(stat -c '%a %s' "$file")"
done
"""
# -T reads the host keys, so it works in a booted guest only; root is asked
# for because of Match blocks.  Its list of all key types is 4 KB: left out.
_SSHD = """\
mkdir -p /run/sshd
sshd -T -C user=root,host=localhost,addr=127.0.0.1 |
    grep -E '^(passwordauth|kbdint|permit[er]|clientaliveint|maxauth|'\\
'logingrace|x11f|ciphers|macs|kexa)' | cut -c 1-900
"""
_NO_SSHD = 'the guest has no sshd that can be asked'
#: Azure's certification, test 8.
_ALIVE = range(30, 236)
_TRIES, _GRACE = 4, 60
#: Broken or nearly so, as the rule EGI-SSH-05 has them.
_WEAK = {
    'ciphers': re.compile(r'-cbc\b|^arcfour|^3des|^blowfish|^cast128'),
    'macs': re.compile(r'md5|^hmac-ripemd'),
    'kexalgorithms': re.compile(r'-sha1(?:-|$)|group1-'),
}


def _host_keys(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    found = base.values(answer.text)
    if not found:
        return base.failed('there are no SSH host keys')
    wrong = []
    for name, facts in found.items():
        mode, size = facts.split()
        # Enterprise Linux up to 9.7 has 640 for a group of its own.
        if int(mode, 8) & 0o007:
            wrong.append(f'{name} may be read by everybody (mode {mode})')
        if int(size) == 0:
            wrong.append(f'{name} is empty')
    if not found.keys() & {'ssh_host_ed25519_key', 'ssh_host_rsa_key'}:
        wrong.append(f'no ed25519 or rsa key, only {", ".join(found)}')
    return base.judged(wrong, f'there are {", ".join(found)}')


def _facts(answer: protocol.Answer) -> dict[str, str]:
    """Return what sshd says of itself, by keyword."""
    return dict(
        line.split(None, 1) for line in answer.text.lower().splitlines()
    )


def _sshd(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    facts = _facts(answer)
    if not facts:
        return base.not_applicable(_NO_SSHD)
    wrong = [
        f'{name} is {facts[name]}'
        for name in (
            'passwordauthentication',
            'kbdinteractiveauthentication',
            'permitemptypasswords',
        )
        if facts.get(name, 'no') != 'no'
    ]
    return base.judged(wrong, 'sshd takes keys only')


def _root(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    facts = _facts(answer)
    if not facts:
        return base.not_applicable(_NO_SSHD)
    value = facts['permitrootlogin']
    return base.compared(
        f'permitrootlogin is {value}', value != 'yes', 'no or keys only'
    )


def _baseline(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    facts = _facts(answer)
    if not facts:
        return base.not_applicable(_NO_SSHD)
    # sshd -T prints times in seconds.
    alive = int(facts['clientaliveinterval'])
    tries = int(facts['maxauthtries'])
    grace = int(facts['logingracetime'])
    wrong = []
    if alive not in _ALIVE:
        wrong.append(f'ClientAliveInterval is {alive}')
    if tries > _TRIES:
        wrong.append(f'MaxAuthTries is {tries}')
    # Zero is no limit at all.
    if not 0 < grace <= _GRACE:
        wrong.append(f'LoginGraceTime is {grace}')
    if facts['x11forwarding'] != 'no':
        wrong.append('X11Forwarding is on')
    for keyword, pattern in _WEAK.items():
        weak = [
            name
            for name in facts.get(keyword, '').split(',')
            if pattern.search(name)
        ]
        if weak:
            wrong.append(f'sshd offers {", ".join(weak)}')
    return base.judged(wrong, 'keepalive, limits and algorithms are in range')


PROBES = (
    base.Probe(
        id='EGI-SSH-02',
        title='the SSH server takes no passwords',
        snippet=_SSHD,
        judge=_sshd,
        # It asks for root from this host; there may be other Match blocks.
        refutes=False,
    ),
    base.Probe(
        id='EGI-SSH-03',
        title='the SSH server lets root in by keys at most',
        snippet=_SSHD,
        judge=_root,
        # cloud-init decides about the keys of root, too.
        refutes=False,
    ),
    base.Probe(
        id='EGI-SSH-04',
        title='SSH host keys were made',
        snippet=_HOST_KEYS,
        judge=_host_keys,
        # It wants one mechanism to make them, and there may be two.
        refutes=False,
    ),
    base.Probe(
        id='EGI-SSH-05',
        title='the SSH server has keepalive, limits and sound algorithms',
        snippet=_SSHD,
        judge=_baseline,
        severity=artifact.Severity.INFO,
        # Of old algorithms the defaults have some as well.
        refutes=False,
    ),
)
