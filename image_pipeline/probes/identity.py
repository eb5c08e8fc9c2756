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

"""What must differ between two boots of one image.

The probe ``identity`` only reports; :func:`compare` judges two reports, each
of an instance's first boot.  An identity that both have was baked into the
image, and every instance of it would share it.
"""

import hashlib
from collections.abc import Iterable, Sequence

from image_pipeline import artifact
from image_pipeline.probes import base, protocol

#: The probe that reports; it is always asked.
ID = 'LIVE-IDENTITY'

_IDENTITY = """\
read -r id </etc/machine-id
echo "machine-id=$id"
for file in /etc/ssh/ssh_host_*_key.pub; do
    [ -e "$file" ] || continue
    read -r kind blob _ <"$file"
    echo "host-key.${file##*/}=$blob"
done
for file in /var/lib/systemd/random-seed /var/lib/urandom/random-seed; do
    [ -s "$file" ] || continue
    echo "random-seed.$file=$(sha256sum <"$file")"
done
for file in /etc/ssl/private/ssl-cert-snakeoil.key /etc/munge/munge.key \\
    /etc/pki/tls/private/*.key /etc/iscsi/initiatorname.iscsi \\
    /etc/nvme/hostid /var/lib/rabbitmq/.erlang.cookie /etc/krb5.keytab; do
    [ -s "$file" ] || continue
    echo "service-key.$file=$(sha256sum <"$file")"
done
for file in /var/lib/NetworkManager/secret_key /var/lib/dhcpcd/duid \\
    /etc/dhcpcd.duid /var/lib/dhcp/dhclient6.leases; do
    [ -s "$file" ] || continue
    echo "client-id.$file=$(sha256sum <"$file")"
done
for file in /run/systemd/netif/leases/*; do
    [ -s "$file" ] || continue
    echo "client-id.${file%/*}=$(grep '^CLIENTID=' "$file")"
done
"""
#: Group of identities → the rule that it confirms, and what must hold.
_GROUPS = {
    'machine-id': ('HYG-03', 'two boots have different machine ids'),
    'host-key': ('HYG-01', 'two boots have different SSH host keys'),
    'random-seed': ('HYG-04', 'two boots have different random seeds'),
    'service-key': ('HYG-02', 'two boots have different keys of services'),
    'client-id': ('HYG-06', 'two boots are different clients of DHCP'),
}
#: Of these a guest need not have any.
_OPTIONAL = {
    'random-seed': 'the guest keeps no random seed',
    'service-key': 'the guest has no key of a service',
    'client-id': 'the guest keeps no id for DHCP',
}


def _identity(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    found = base.values(answer.text)
    if not found['machine-id']:
        return base.failed('/etc/machine-id is empty after the boot')
    # Digests, not the values: a report may be published.
    digests = {
        name: hashlib.sha256(value.encode()).hexdigest()[:32]
        for name, value in found.items()
    }
    return base.passed(f'{len(found)} identities', **digests)


PROBE = base.Probe(
    id=ID,
    title='the machine has an identity',
    snippet=_IDENTITY,
    judge=_identity,
)


#: The rules that comparing boots confirms.
COMPARED = tuple(rule for rule, _ in _GROUPS.values())


#: What says whether a reboot keeps an identity.
KEPT = 'LIVE-KEPT'
# What must stay: a host key that changes is an attack, for a client.
_KEPT = ('machine-id', 'host-key')


def of(
    probes: Iterable[base.ProbeResult],
) -> base.ProbeResult | None:
    """Return what the identity probe said, if it was asked.

    :param probes: of one boot.
    """
    return next((one for one in probes if one.probe == ID), None)


def kept(
    before: base.ProbeResult | None, after: base.ProbeResult | None
) -> base.ProbeResult:
    """Return whether an instance is the same after it started again.

    :param before: what the identity probe said.
    :param after: the same, of the later boot.
    """
    facts = [dict(one.facts) if one else {} for one in (before, after)]
    names = sorted(
        name for name in facts[0] if name.partition('.')[0] in _KEPT
    )
    changed = [name for name in names if facts[1].get(name) != facts[0][name]]
    if not names or not facts[1]:
        outcome = artifact.Outcome.UNKNOWN
        seen = ['a boot did not tell its identity']
    elif changed:
        outcome = artifact.Outcome.FAIL
        seen = [
            f'{name.partition(".")[2] or name} is another one than before'
            for name in changed
        ]
    else:
        outcome = artifact.Outcome.PASS
        seen = [f'{", ".join(names)} stayed']
    return base.ProbeResult(
        probe=KEPT,
        title='an instance that starts again keeps its identity',
        outcome=outcome,
        evidence=tuple(artifact.Evidence(message=one) for one in seen),
        refutes=False,
    )


def compare(boots: Sequence[base.ProbeResult]) -> tuple[base.ProbeResult, ...]:
    """Return whether first boots of one image have different identities.

    :param boots: what the identity probe said of each boot.
    """
    return tuple(
        _compare(group, rule, title, boots)
        for group, (rule, title) in _GROUPS.items()
    )


def _compare(
    group: str, rule: str, title: str, boots: Sequence[base.ProbeResult]
) -> base.ProbeResult:
    values = [
        {
            name: str(value)
            for name, value in boot.facts.items()
            if name.partition('.')[0] == group
        }
        for boot in boots
    ]
    told = sum(map(bool, values))
    same = sorted(
        name
        for name in set().union(*values)
        if len({each[name] for each in values if name in each})
        < sum(name in each for each in values)
    )
    if same:
        outcome = artifact.Outcome.FAIL
        seen = [
            f'{name.partition(".")[2] or name} is the same in two boots'
            for name in same
        ]
    elif group in _OPTIONAL and len(boots) > 1 and told < 2:
        outcome = artifact.Outcome.NOT_APPLICABLE
        seen = [f'one boot has {group}' if told else _OPTIONAL[group]]
    elif len(boots) < 2 or not all(values):
        outcome = artifact.Outcome.UNKNOWN
        seen = [f'not every boot of {len(boots)} told its {group}']
    else:
        outcome = artifact.Outcome.PASS
        seen = [f'{len(boots)} boots differ in {", ".join(sorted(values[0]))}']
    return base.ProbeResult(
        probe=rule,
        title=title,
        outcome=outcome,
        evidence=tuple(artifact.Evidence(message=message) for message in seen),
        # A boot may have replaced what the image had.
        refutes=False,
    )
