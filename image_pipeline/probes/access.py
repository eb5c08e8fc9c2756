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

"""Probes of who gets into a guest: keys, accounts, passwords, ports."""

import ipaddress

from image_pipeline import artifact
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
_ACCOUNTS = """\
getent passwd | while IFS=: read -r user _ uid _ _ home _; do
    if [ "$uid" -eq 0 ] && [ "$user" != root ]; then
        echo "root=$user"
    elif [ "$uid" -ge 1000 ] && [ "$uid" -lt 60000 ]; then
        echo "account.$user=$home"
        sudo -n -l -U "$user" 2>/dev/null | grep -q 'NOPASSWD: *ALL' &&
            echo "sudo.$user=1"
    fi
done
for home in /home/*; do
    [ ! -d "$home" ] || echo "home.$home=1"
done
echo end=1
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


def _stray_keys(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    blob = expected.public_key.split()[1]
    wrong = []
    for line in answer.text.splitlines():
        _, user, mode, entry = line.split(' ', 3)
        int(mode, 8)
        if blob not in entry.split():
            wrong.append(f'{user} has a key of the image: …{entry[-40:]}')
    return base.judged(wrong, "no key but the instance's lets anybody in")


def _one_user(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    read = _accounts(answer)
    people = _named(read, 'account')
    wrong = [f'{value} is root by another name' for value in _roots(answer)]
    if not people:
        wrong.append('there is no account for a person')
    elif len(people) > 1:
        wrong.append(f'there are several accounts: {", ".join(people)}')
    elif f'sudo.{people[0]}' not in read:
        wrong.append(f'sudo asks {people[0]} for a password, or refuses')
    named = expected.properties.get('os_admin_user')
    if named and people and named not in people:
        wrong.append(f'os_admin_user is {named}, the user {people[0]}')
    return base.judged(
        wrong, f'{"".join(people)} is the one user, and may use sudo'
    )


def _no_remains(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    read = _accounts(answer)
    people = _named(read, 'account')
    owned = {read[f'account.{name}'] for name in people}
    wrong = [
        f'{home} is of nobody'
        for home in _named(read, 'home')
        if home not in owned
    ]
    # The first one is the cloud user, which cloud-init made.
    wrong += [f'{name} is an account of the image' for name in people[1:]]
    return base.judged(wrong, 'there are no accounts and homes of the build')


def _accounts(answer: protocol.Answer) -> dict[str, str]:
    read = base.values(answer.text)
    if 'end' not in read:
        raise ValueError('the accounts were not read to their end')
    return read


def _named(read: dict[str, str], kind: str) -> list[str]:
    return [
        name.partition('.')[2]
        for name in read
        if name.partition('.')[0] == kind
    ]


def _roots(answer: protocol.Answer) -> list[str]:
    return [
        line.partition('=')[2]
        for line in answer.text.splitlines()
        if line.startswith('root=')
    ]


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
        # Not all that user data may ask for is tried.
        refutes=False,
    ),
    base.Probe(
        id='EGI-SEC-02',
        title="no key but the instance's is there",
        snippet=_KEYS,
        judge=_stray_keys,
        # Credentials are of many kinds, and keys of SSH one of them.
        refutes=False,
    ),
    base.Probe(
        id='OS-USER-01',
        title='there is one user, which may use sudo',
        snippet=_ACCOUNTS,
        judge=_one_user,
        severity=artifact.Severity.WARNING,
        # Accounts of the image may have the same names.
        refutes=False,
    ),
    base.Probe(
        id='HYG-16',
        title='there are no accounts of the build',
        snippet=_ACCOUNTS,
        judge=_no_remains,
        severity=artifact.Severity.WARNING,
        # Mail and jobs of users that are gone show in the file only.
        refutes=False,
    ),
    base.Probe(
        id='EGI-SSH-01',
        title='the SSH server listens',
        snippet=_TABLES + _OWNERS,
        judge=_ssh_listens,
    ),
    base.Probe(
        id='EGI-SEC-01',
        title='no account has a password',
        snippet=_PASSWORDS,
        judge=_passwords,
        # Copies of /etc/shadow are its matter, too.
        refutes=False,
    ),
    base.Probe(
        id='EGI-SEC-03',
        title='only SSH and DHCP listen',
        snippet=_TABLES + _OWNERS,
        judge=_ports,
        # What listens may depend on what a user configures.
        refutes=False,
    ),
    base.Probe(
        id='HYG-05',
        title="the hostname is the instance's",
        snippet='uname -n\n',
        judge=_hostname,
        # The boot wrote over what the image had.
        refutes=False,
    ),
    base.Probe(
        id='HYG-09',
        title='cloud-init ran for this instance',
        snippet='cat /var/lib/cloud/data/instance-id\n',
        judge=_instance_id,
        # The boot wrote over what the image had.
        refutes=False,
    ),
)
