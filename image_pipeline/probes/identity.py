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

from collections.abc import Sequence

from image_pipeline import artifact
from image_pipeline.probes import base, protocol

#: The probe that reports; it is always asked.
ID = 'LIVE-IDENTITY'

# Digests, not the values: a report may be published, and a seed is a secret.
_IDENTITY = """\
digest() { sha256sum | cut -c 1-32; }
echo "machine-id=$(tr -d '\\n' </etc/machine-id | digest)"
for file in /etc/ssh/ssh_host_*_key.pub; do
    [ -e "$file" ] || continue
    echo "host-key.${file##*/}=$(cut -d ' ' -f 2 "$file" | digest)"
done
for file in /var/lib/systemd/random-seed /var/lib/urandom/random-seed; do
    [ -s "$file" ] || continue
    echo "random-seed.$file=$(digest <"$file")"
done
echo "boot-id=$(digest </proc/sys/kernel/random/boot_id)"
"""
#: Group of identities → the rule that it confirms, and what must hold.
_GROUPS = {
    'machine-id': ('HYG-03', 'two boots have different machine ids'),
    'host-key': ('HYG-01', 'two boots have different SSH host keys'),
    'random-seed': ('HYG-04', 'two boots have different random seeds'),
}
# sha256 of nothing: an empty or missing file is no identity.
_EMPTY = 'e3b0c44298fc1c149afbf4c8996fb924'


def _identity(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    found = base.values(answer.text)
    if found['machine-id'] == _EMPTY:
        return base.failed('/etc/machine-id is empty after the boot')
    return base.passed(f'{len(found)} identities', **found)


PROBE = base.Probe(
    id=ID,
    title='the machine has an identity',
    snippet=_IDENTITY,
    judge=_identity,
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
    elif len(boots) < 2 or not all(values):
        # A guest without a seed file (no systemd, a read-only /var) has
        # none to share, but that is not what a pass means.
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
    )
