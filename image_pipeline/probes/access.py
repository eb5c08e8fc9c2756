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

"""Probes of how a guest is reached: keys, SSH, hostname, ports, passwords."""

import ipaddress

from image_pipeline.probes import base, protocol

#: Ports that may listen on every address of a fresh instance (rule
#: EGI-SEC-03): SSH and the DHCP clients.
ALLOWED_PORTS = ('22/tcp', '68/udp', '546/udp')
_SSH_PORT = 22
# States in /proc/net: TCP_LISTEN, and TCP_CLOSE, which is an unconnected
# UDP socket (include/net/tcp_states.h).
_LISTENS = {'tcp': '0A', 'udp': '07'}

_KEYS = """\
getent passwd | while IFS=: read -r user _ uid _ _ home _; do
    file=$home/.ssh/authorized_keys
    [ -f "$file" ] || continue
    while read -r line || [ -n "$line" ]; do
        case $line in '' | '#'*) continue ;; esac
        echo "$uid $user $(stat -c %a "$file") $line"
    done <"$file"
done
"""
_HOST_KEYS = """\
for file in /etc/ssh/ssh_host_*_key; do
    [ -e "$file" ] || continue
    echo "${file##*/}=$(stat -c '%a %s' "$file")"
done
"""
# -T reads the host keys, so it works in a booted guest only; root is asked
# for because of Match blocks.
_SSHD = """\
mkdir -p /run/sshd
sshd -T -C user=root,host=localhost,addr=127.0.0.1 |
    grep -E '^(passwordauthentication|kbdinteractiveauthentication|permit)'
"""
_PASSWORDS = """\
[ -r /etc/shadow ] || exit 1
echo shadow=read
awk -F: '$2 !~ /^[!*]/ {print "account=" $1}' /etc/shadow
"""
_TABLES = """\
for name in tcp tcp6 udp udp6; do
    [ -r "/proc/net/$name" ] || continue
    awk -v name="$name" 'NR > 1 && ($4 == "0A" || $4 == "07") {
        print name, $2, $4}' "/proc/net/$name"
done
"""
_OWNERS = """\
command -v ss >/dev/null 2>&1 || exit 0
echo '== owners'
ss -Hlntup | awk '{print $1, $5, $7}' | cut -c 1-120 | head -n 30
"""


def _keys(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    blob = expected.public_key.split()[1]
    holders, others = [], []
    for line in answer.text.splitlines():
        uid, user, mode, entry = line.split(' ', 3)
        if blob not in entry.split():
            others.append(f'{user} has another key: …{entry[-40:]}')
        elif int(mode, 8) & 0o022:
            others.append(f'the keys of {user} may be written by others')
        elif int(uid) != 0:
            holders.append(user)
    if not holders:
        return base.failed('no user but root has the key', *others)
    # An image with keys of its own is open to whoever built it.
    if others:
        return base.failed(*others, user=holders[0])
    return base.passed(f'{holders[0]} has the key', user=holders[0])


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


def _sshd(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    facts = dict(
        line.split(None, 1) for line in answer.text.lower().splitlines()
    )
    if not facts:
        return base.not_applicable('the guest has no sshd that can be asked')
    wrong = [
        f'{name} is {facts[name]}'
        for name in (
            'passwordauthentication',
            'kbdinteractiveauthentication',
            'permitemptypasswords',
        )
        if facts.get(name, 'no') != 'no'
    ]
    if facts.get('permitrootlogin') == 'yes':
        wrong.append('permitrootlogin is yes')
    return base.judged(wrong, 'sshd takes keys only')


def _passwords(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    lines = answer.text.splitlines()
    if 'shadow=read' not in lines:
        return base.unknown('/etc/shadow could not be read')
    wrong = [
        f'{line.partition("=")[2]} has a password, or an empty one'
        for line in lines
        if line.startswith('account=')
    ]
    return base.judged(wrong, 'no account has one')


def _hostname(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    name = answer.text.strip()
    return base.compared(
        f'the hostname is {name or "empty"}',
        name.split('.')[0] == expected.hostname.split('.')[0],
        expected.hostname,
    )


def _instance_id(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    name = answer.text.strip()
    return base.compared(
        f"cloud-init's instance id is {name or 'missing'}",
        name == expected.instance_id,
        expected.instance_id,
    )


def _listening(answer: protocol.Answer) -> dict[str, set[str]]:
    """Return the ports that listen beyond loopback, with their addresses."""
    found: dict[str, set[str]] = {}
    table, _, _ = answer.text.partition('== owners')
    for line in table.splitlines():
        name, local, state = line.split()
        if state != _LISTENS[name[:3]]:
            continue
        host, _, port = local.rpartition(':')
        # Words of four bytes in the guest's order, little-endian on every
        # architecture that clouds offer but s390x.
        raw = b''.join(
            bytes.fromhex(host[at : at + 8])[::-1]
            for at in range(0, len(host), 8)
        )
        address = ipaddress.ip_address(raw)
        if not address.is_loopback:
            key = f'{int(port, 16)}/{name[:3]}'
            found.setdefault(key, set()).add(str(address))
    return found


def _ports(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    found = _listening(answer)
    owners = answer.text.partition('== owners')[2].splitlines()
    wrong = []
    for port in sorted(found.keys() - expected.allowed_ports):
        number = port.partition('/')[0]
        owner = next((o for o in owners if f':{number} ' in o), '').split()
        by = f' ({owner[2]})' if len(owner) > 2 else ''
        wrong.append(f'{port} listens on {", ".join(sorted(found[port]))}{by}')
    ports = sorted(found)
    seen = ', '.join(ports) or 'nothing'
    return base.judged(wrong, f'{seen} listens beyond loopback', ports=ports)


def _ssh_listens(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    listens = f'{_SSH_PORT}/tcp' in _listening(answer)
    wrong = [] if listens else ['nothing listens on TCP port 22']
    return base.judged(wrong, 'TCP port 22 listens')


PROBES = (
    base.Probe(
        id='OS-CI-07',
        title="the default user has the instance's key, and no other",
        snippet=_KEYS,
        judge=_keys,
    ),
    base.Probe(
        id='EGI-SSH-01',
        title='the SSH server listens',
        snippet=_TABLES,
        judge=_ssh_listens,
    ),
    base.Probe(
        id='EGI-SSH-02',
        title='the SSH server takes no passwords',
        snippet=_SSHD,
        judge=_sshd,
    ),
    base.Probe(
        id='EGI-SSH-04',
        title='SSH host keys were made',
        snippet=_HOST_KEYS,
        judge=_host_keys,
    ),
    base.Probe(
        id='EGI-SEC-01',
        title='no account has a password',
        snippet=_PASSWORDS,
        judge=_passwords,
    ),
    base.Probe(
        id='EGI-SEC-03',
        title='only SSH and DHCP listen',
        snippet=_TABLES + _OWNERS,
        judge=_ports,
    ),
    base.Probe(
        id='HYG-05',
        title="the hostname is the instance's",
        snippet='uname -n\n',
        judge=_hostname,
    ),
    base.Probe(
        id='HYG-09',
        title='cloud-init ran for this instance',
        snippet='cat /var/lib/cloud/data/instance-id\n',
        judge=_instance_id,
    ),
)
