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

"""Probes of what runs: units, logins on consoles, agents, services."""

import dataclasses
import re
from collections.abc import Callable, Mapping

from image_pipeline import artifact
from image_pipeline.probes import base, protocol

# One call of systemctl for all of it: each costs an emulated guest 200 ms.
_UNITS = """\
[ -d /run/systemd/system ] || { echo '== none'; exit 0; }
echo '== state'
systemctl is-system-running
echo '== units'
systemctl list-units --plain --no-legend --no-pager |
    awk '$3 == "failed" {print "failed " $1}
        $3 == "active" && $1 ~ /[.](service|socket|timer)$/ {print $1}'
echo '== jobs'
systemctl list-jobs --plain --no-legend --no-pager
echo '== devices'
[ ! -e /dev/tty1 ] || echo screen=1
[ ! -e /dev/virtio-ports/org.qemu.guest_agent.0 ] || echo agent=1
for file in /sys/block/[shvn]*/queue/discard_max_bytes; do
    read -r most <"$file"
    file=${file#/sys/block/}
    echo "discard.${file%%/*}=$most"
done
"""
_UPDATES = """\
if command -v apt-config >/dev/null 2>&1; then
    echo manager=apt
    apt-config dump --format '%f=%v%n' APT::Periodic::Unattended-Upgrade
    [ ! -x /usr/bin/unattended-upgrade ] || echo tool=1
    exit 0
fi
command -v dnf >/dev/null 2>&1 || command -v zypper >/dev/null 2>&1 || exit 0
echo manager=rpm
for name in dnf-automatic dnf-automatic-install dnf5-automatic \\
    transactional-update os-update; do
    echo "timer.$name=$(systemctl is-enabled "$name.timer" 2>/dev/null)"
done
"""
_CLOCKS = {
    'systemd-timesyncd.service': 'systemd-timesyncd',
    'chrony.service': 'chrony',
    'chronyd.service': 'chrony',
    'ntpsec.service': 'ntpsec',
    'ntp.service': 'ntp',
    'ntpd.service': 'ntp',
}
_DESKTOP = re.compile(
    r'(display-manager|gdm3?|lightdm|sddm|xdm|plasmalogin)\.service'
)
_FOREIGN = re.compile(
    r'(open-vm-tools|vmtoolsd|vgauth|vboxadd.*|vboxservice|virtualbox-guest.*'
    r'|hv-(fcopy|kvp|vss)-daemon|hypervkvpd|walinuxagent|waagent'
    r'|google-(guest-agent|osconfig-agent)|amazon-ssm-agent|xe-daemon'
    r'|xe-linux-distribution|prltoolsd)\.service'
)
_CONTEXT = re.compile(
    r'(one-context[\w@-]*|vmcontext|one-contextd|opennebula)\.service'
)
_LOGIN = re.compile(r'(?:getty|autovt)@tty([0-9]+)\.service')


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Seen:
    """What systemd says of a booted guest.

    :param state: of the whole system.
    :param active: services, sockets and timers.
    :param failed: units of any kind.
    :param jobs: units that are still being started.
    :param devices: by name, what the machine has.
    """

    state: str
    active: frozenset[str]
    failed: tuple[str, ...]
    jobs: tuple[str, ...]
    devices: Mapping[str, str]


def _of_units(
    judge: Callable[[_Seen], base.Verdict],
) -> Callable[[protocol.Answer, base.Expected], base.Verdict]:
    """Return a judge of the answer to :data:`_UNITS`."""

    def of_answer(
        answer: protocol.Answer, expected: base.Expected
    ) -> base.Verdict:
        parts = base.sections(answer.text)
        if 'none' in parts:
            return base.not_applicable('the guest has no systemd')
        lines = parts['units'].splitlines()
        if not lines:
            raise ValueError('systemctl named no unit')
        failed = tuple(
            line.split()[1] for line in lines if line.startswith('failed ')
        )
        return judge(
            _Seen(
                state=parts['state'],
                active=frozenset(line for line in lines if ' ' not in line),
                failed=failed,
                jobs=tuple(
                    line.split()[1] for line in parts['jobs'].splitlines()
                ),
                devices=base.values(parts['devices']),
            )
        )

    return of_answer


def _settled(seen: _Seen) -> base.Verdict:
    wrong = [f'{one} failed' for one in seen.failed]
    wrong += [f'{one} was still being started' for one in seen.jobs]
    return base.judged(wrong, f'the system is {seen.state}, no unit failed')


def _logins(seen: _Seen) -> base.Verdict:
    found = sorted(
        int(match[1]) for match in map(_LOGIN.fullmatch, seen.active) if match
    )
    return base.judged(
        [f'a login waits on tty{one}' for one in found if one > 1],
        'no login waits on tty2 or above',
    )


def _screen(seen: _Seen) -> base.Verdict:
    if 'screen' not in seen.devices:
        return base.not_applicable('the machine has no screen')
    there = 'getty@tty1.service' in seen.active
    wrong = [] if there else ['no login waits on tty1']
    return base.judged(wrong, 'a login waits on tty1')


def _context(seen: _Seen) -> base.Verdict:
    others = [one for one in sorted(seen.active) if _CONTEXT.fullmatch(one)]
    own = any(one.startswith('cloud-') for one in seen.active)
    wrong = [f'{one} runs beside cloud-init' for one in others if own]
    if not own and not others:
        wrong.append('nothing contextualises the instance')
    return base.judged(wrong, 'one program contextualises the instance')


def _clock(seen: _Seen) -> base.Verdict:
    names = sorted(
        {name for unit, name in _CLOCKS.items() if unit in seen.active}
    )
    wrong = []
    if not names:
        wrong.append('nothing keeps the clock')
    elif len(names) > 1:
        wrong.append(f'several programs set the clock: {", ".join(names)}')
    return base.judged(wrong, f'{"".join(names)} keeps the clock')


def _foreign(seen: _Seen) -> base.Verdict:
    return base.judged(
        [
            f'{one} is for another hypervisor or cloud'
            for one in sorted(seen.active)
            if _FOREIGN.fullmatch(one)
        ],
        'no agent of another hypervisor or cloud runs',
    )


def _desktop(seen: _Seen) -> base.Verdict:
    return base.judged(
        [
            f'{one} runs'
            for one in sorted(seen.active)
            if _DESKTOP.fullmatch(one)
        ],
        'the boot ended without a desktop',
    )


def _button(seen: _Seen) -> base.Verdict:
    listens = seen.active & {'systemd-logind.service', 'acpid.service'}
    wrong = [] if listens else ['nothing listens to the power button']
    return base.judged(
        wrong, f'{", ".join(sorted(listens))} listens to the power button'
    )


def _discard(seen: _Seen) -> base.Verdict:
    able = [
        name.partition('.')[2]
        for name, most in seen.devices.items()
        if name.startswith('discard.') and int(most) > 0
    ]
    if not able:
        return base.not_applicable('no disk of the machine takes discards')
    there = 'fstrim.timer' in seen.active
    wrong = [] if there else ['fstrim.timer does not run']
    return base.judged(
        wrong, f'fstrim.timer runs, {", ".join(able)} takes discards'
    )


def _guest_agent(seen: _Seen) -> base.Verdict:
    if 'agent' not in seen.devices:
        return base.not_applicable('the machine has no port for the agent')
    there = 'qemu-guest-agent.service' in seen.active
    wrong = [] if there else ['the machine has a port for it, and none runs']
    return base.judged(wrong, 'the guest agent runs')


def _updates(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = base.values(answer.text)
    if 'manager' not in read:
        return base.not_applicable('neither apt, dnf nor zypper is there')
    if read['manager'] == 'apt':
        value = read.get('APT::Periodic::Unattended-Upgrade', '')
        if not value:
            return base.failed('apt is not told whether to install updates')
        if value not in {'0', 'never'} and 'tool' not in read:
            return base.failed(
                'apt is told to install updates, and unattended-upgrade is '
                'not there'
            )
        return base.passed(f'apt is told: Unattended-Upgrade {value}')
    told = [
        f'{name.partition(".")[2]} is {value}'
        for name, value in read.items()
        if value in {'enabled', 'masked'}
    ]
    if not told:
        return base.failed('no timer installs updates, and none is masked')
    return base.passed(*told)


UNITS = base.Probe(
    id='LIVE-UNITS',
    title='no unit failed, none is still being started',
    snippet=_UNITS,
    judge=_of_units(_settled),
)
PROBES = (
    UNITS,
    base.Probe(
        id='EGI-CON-01',
        title='no login waits on tty2 or above',
        snippet=_UNITS,
        judge=_of_units(_logins),
        severity=artifact.Severity.INFO,
        # logind starts them once somebody changes terminals.
        refutes=False,
    ),
    base.Probe(
        id='EGI-CON-02',
        title='a login waits on the screen',
        snippet=_UNITS,
        judge=_of_units(_screen),
        severity=artifact.Severity.WARNING,
        # It looks at how that login asks, too.
        refutes=False,
    ),
    base.Probe(
        id='EGI-ONE-02',
        title='one program contextualises the instance',
        snippet=_UNITS,
        judge=_of_units(_context),
        # The other one may have ended by now.
        refutes=False,
    ),
    base.Probe(
        id='EGI-SEC-04',
        title='one program keeps the clock',
        snippet=_UNITS,
        judge=_of_units(_clock),
        severity=artifact.Severity.WARNING,
        # It looks at whom the program answers, too.
        refutes=False,
    ),
    base.Probe(
        id='EGI-PKG-01',
        title='the boot ended without a desktop',
        snippet=_UNITS,
        judge=_of_units(_desktop),
        severity=artifact.Severity.WARNING,
        # It looks at packages, too.
        refutes=False,
    ),
    base.Probe(
        id='BOOT-06',
        title='no agent of another hypervisor or cloud runs',
        snippet=_UNITS,
        judge=_of_units(_foreign),
        severity=artifact.Severity.WARNING,
        # Most of them do not start on a machine that is not theirs.
        refutes=False,
    ),
    base.Probe(
        id='VIRT-01',
        title='unused blocks are given back each week',
        snippet=_UNITS,
        judge=_of_units(_discard),
        severity=artifact.Severity.INFO,
        # It looks at options of mounts, too.
        refutes=False,
    ),
    base.Probe(
        id='VIRT-02',
        title='the guest agent runs, where the machine has its port',
        snippet=_UNITS,
        judge=_of_units(_guest_agent),
        # It looks at what the agent is allowed, too.
        refutes=False,
    ),
    base.Probe(
        id='VIRT-03',
        title='something listens to the power button',
        snippet=_UNITS,
        judge=_of_units(_button),
        severity=artifact.Severity.WARNING,
        # What logind does then shows when the button is pressed.
        refutes=False,
    ),
    base.Probe(
        id='EGI-SEC-06',
        title='it is settled whether updates install themselves',
        snippet=_UPDATES,
        judge=_updates,
        severity=artifact.Severity.INFO,
    ),
)
