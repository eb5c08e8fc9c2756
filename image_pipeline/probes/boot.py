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

"""Probes of how a boot went: its time, its console, its memory."""

import re

from image_pipeline.probes import base, protocol

_BOOT_TIME = """\
systemctl show --property=InitRDTimestampMonotonic \\
    --property=UserspaceTimestampMonotonic --property=FinishTimestampMonotonic
echo '== units'
systemctl show cloud-init-local.service cloud-final.service --property=Id \\
    --property=InactiveExitTimestampMonotonic \\
    --property=ActiveEnterTimestampMonotonic
echo '== kernel'
uname -r
echo '== idle'
read -r idle </proc/uptime
echo "$idle $(nproc)"
"""
_CONSOLE = """\
read -r active </sys/class/tty/console/active
echo "active=$active"
for name in $active; do
    case $name in tty[0-9]*) continue ;; esac
    echo "getty.$name=$(systemctl is-active "serial-getty@$name.service")"
done
"""
_MEMORY = """\
grep -E '^(MemTotal|MemAvailable):' /proc/meminfo
"""
_SERIAL = re.compile(r'(ttyS|ttyAMA|hvc|ttysclp|ttyUL|ttySC)\d+')


def _seconds(facts: dict[str, str], name: str) -> float:
    return round(int(facts[name]) / 1e6, 1)


def _boot_time(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    parts = base.sections(f'== manager\n{answer.text}')
    read = base.values(parts['manager'])
    userspace = _seconds(read, 'UserspaceTimestampMonotonic')
    initrd = _seconds(read, 'InitRDTimestampMonotonic')
    finish = _seconds(read, 'FinishTimestampMonotonic')
    units = {
        unit['Id']: unit
        for unit in map(base.values, parts['units'].split('\n\n'))
    }
    start = _seconds(
        units['cloud-init-local.service'], 'InactiveExitTimestampMonotonic'
    )
    end = _seconds(
        units['cloud-final.service'], 'ActiveEnterTimestampMonotonic'
    )
    # The second number is the sum of all processors.
    _, all_idle, processors = parts['idle'].split()
    idle = round(float(all_idle) / int(processors), 1)
    facts = {
        'kernel': initrd or userspace,
        'initrd': round(userspace - initrd, 1) if initrd else 0.0,
        # 0: the boot was not finished when the guest was asked.
        'userspace': round(finish - userspace, 1) if finish else None,
        'cloud_init': round(end - start, 1) if end else None,
        'to_cloud_init_end': end or None,
        'idle': idle,
        'kernel_version': parts['kernel'],
    }
    if not end:
        return base.failed('cloud-final.service did not end', **facts)
    seen = (
        f'cloud-init ended {end:g} s after the kernel started (kernel and '
        f'initramfs {userspace:g} s, cloud-init {end - start:.1f} s; '
        f'{idle:g} s were idle)'
    )
    # An emulated guest is slow by itself, and slower on a busy host; what it
    # waits for, without anything to do, is the image's own fault even there.
    counted = idle if expected.emulated else end
    if counted > expected.boot_seconds:
        return base.failed(
            f'{seen}, {expected.boot_seconds:g} s are allowed', **facts
        )
    return base.passed(seen, **facts)


def _console(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = base.values(answer.text)
    active = read['active'].split()
    serial = [name for name in active if _SERIAL.fullmatch(name)]
    if not serial:
        return base.failed(
            f'the kernel has no serial console, only {read["active"]}'
        )
    logins = [name for name in serial if read.get(f'getty.{name}') == 'active']
    if not logins:
        return base.failed(f'there is no login on {serial[-1]}')
    return base.passed(f'kernel and login are on {logins[-1]}')


def _memory(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    kib = {
        line.partition(':')[0]: int(line.split()[1])
        for line in answer.text.splitlines()
    }
    used = (kib['MemTotal'] - kib['MemAvailable']) * 1024
    total = kib['MemTotal'] * 1024
    return base.passed(
        f'{used >> 20} MiB of {total >> 20} MiB are in use after the boot',
        total=total,
        used=used,
    )


BOOT_TIME = base.Probe(
    id='BOOT-07',
    title='the boot is quick and waits for nobody',
    snippet=_BOOT_TIME,
    judge=_boot_time,
    # Menus wait for people on other machines.
    refutes=False,
)
CONSOLE = base.Probe(
    id='EGI-CON-03',
    title='kernel and login are on the serial console',
    snippet=_CONSOLE,
    judge=_console,
    # It looks at entries that were not booted, too.
    refutes=False,
)
MEMORY = base.Probe(
    id='LIVE-MEMORY',
    title='the memory in use after the boot is known',
    snippet=_MEMORY,
    judge=_memory,
)
PROBES = (BOOT_TIME, CONSOLE, MEMORY)
