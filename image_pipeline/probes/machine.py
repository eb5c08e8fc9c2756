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

"""Probes of kernel and machine: firmware, drivers, clock, properties."""

import re

from image_pipeline import artifact
from image_pipeline.probes import base, protocol

# Built-in commands of the shell but for uname, od and date: it costs little.
_FACTS = """\
firmware=bios
[ ! -d /sys/firmware/efi ] || firmware=uefi
echo "firmware=$firmware"
for file in /sys/firmware/efi/efivars/SecureBoot-*; do
    [ ! -e "$file" ] || echo "secure_boot=$(od -An -tu1 "$file")"
done
echo "kernel=$(uname -r)"
echo "machine=$(uname -m)"
for file in /lib/modules/*/modules.dep; do
    [ -s "$file" ] && file=${file%/*} && echo "modules.${file##*/}=1"
done
read -r line </proc/cmdline
echo "cmdline=$line"
read -r line </sys/devices/system/clocksource/clocksource0/current_clocksource
echo "clocksource=$line"
for file in /sys/class/misc/hw_random/rng_current; do
    [ -e "$file" ] && read -r line <"$file" && echo "rng=$line"
done
while IFS== read -r name line; do
    case $name in
        ID | VERSION_ID | IMAGE_ID | IMAGE_VERSION)
            line=${line#[\\"\\']}
            echo "os.$name=${line%[\\"\\']}"
            ;;
    esac
done </etc/os-release
if [ -f /etc/image-build ]; then
    while read -r line; do echo "stamp.$line"; done </etc/image-build
fi
for file in /etc/egi-image-release /etc/cloud/build.info; do
    [ ! -s "$file" ] || echo "other.$file=1"
done
echo "zone=$(date +%z)"
"""
_DISTURBED = """\
dmesg | awk '
    /: (recovery complete|orphan cleanup|recovering journal)/ ||
    /: (Start|End)ing recovery/ {print substr($0, 1, 160)}
    END {print NR}'
"""
#: On a processor's own clock, a hypervisor's, or an architecture's.
_CLOCKS = re.compile(
    r'tsc|kvm-clock|xen|hyperv_\w+|arch_sys_counter|timebase|tod'
)
_CLOCK_FLAGS = frozenset({'no-kvmclock', 'no-kvmclock-vsyscall', 'notsc'})
# As Nova spells architectures; the kernel's own names are the same but these.
_ARCHITECTURES = {'i386': 'i686', 'i586': 'i686', 'armv8l': 'aarch64'}
# Glance's list has one name where distributions have several.
_DISTRIBUTIONS = {
    'opensuse-leap': 'opensuse',
    'opensuse-tumbleweed': 'opensuse',
    'sles': 'sles',
}


def _bios(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    return _firmware('bios', answer, expected)


def _uefi(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    return _firmware('uefi', answer, expected)


def _firmware(
    wanted: str, answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    name = base.values(answer.text)['firmware']
    if expected.firmware != wanted:
        return base.not_applicable(f'this boot was under {expected.firmware}')
    return base.compared(f'it booted under {name}', name == wanted, wanted)


def _kernel(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = base.values(answer.text)
    running = read['kernel']
    there = [
        name.partition('.')[2] for name in read if name.startswith('modules.')
    ]
    wrong = []
    if running not in there:
        wrong.append(f'there are no modules for the kernel {running}')
    newest = max(there, key=_version, default=running)
    if _version(newest) > _version(running):
        wrong.append(f'{running} was booted, and there is {newest}')
    return base.judged(wrong, f'kernel {running} was booted, the newest')


def _version(text: str) -> list[tuple[int, str]]:
    """Return a version that can be compared: numbers as numbers."""
    return [
        (int(part), '') if part.isdecimal() else (-1, part)
        for part in re.findall(r'\d+|[a-z]+', text)
    ]


def _clock(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = base.values(answer.text)
    wrong = [
        f'the kernel is told {word}'
        for word in read['cmdline'].split()
        if word in _CLOCK_FLAGS or word.startswith('clocksource=')
    ]
    source = read['clocksource']
    # An emulated processor's own clock is not believed by the kernel.
    if not expected.emulated and not _CLOCKS.fullmatch(source):
        wrong.append(f'the clock is {source}')
    return base.judged(wrong, f'the clock is {source}', clocksource=source)


def _secure_boot(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    if expected.properties.get('os_secure_boot') != 'required':
        return base.not_applicable('the image does not require secure boot')
    # Four bytes of attributes, and one that says it (UEFI, SecureBoot).
    said = base.values(answer.text).get('secure_boot', '').split()
    return base.compared(
        f'secure boot is {"on" if said[-1:] == ["1"] else "off"}',
        said[-1:] == ['1'],
        'on, as the image says',
    )


def _properties(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    read = base.values(answer.text)
    machine = _ARCHITECTURES.get(read['machine'], read['machine'])
    name = read.get('os.ID', '')
    seen = {
        'architecture': {machine},
        'os_distro': {name, _DISTRIBUTIONS.get(name, name)},
        'os_version': {read.get('os.VERSION_ID', '')},
    }
    claimed = {
        key: expected.properties[key]
        for key in seen
        if key in expected.properties
    }
    if not claimed:
        return base.not_applicable('the image does not say what it is')
    wrong = [
        f'{key} is {" or ".join(sorted(seen[key])) or "not said"}, not {value}'
        for key, value in claimed.items()
        # A rolling release has no version that could be compared.
        if value not in seen[key] and seen[key] != {''}
    ]
    pairs = ', '.join(f'{key} {value}' for key, value in claimed.items())
    return base.judged(wrong, f'the guest is {pairs}')


def _stamp(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = base.values(answer.text)
    stamp = [name for name in read if name.startswith('stamp.')]
    if stamp:
        missing = [
            field
            for field in ('recipe', 'run', 'date')
            if not read.get(f'stamp.{field}')
        ]
        return base.judged(
            [f'/etc/image-build does not say {field}' for field in missing],
            f'it says that it is of {read.get("stamp.recipe")}, '
            f'run {read.get("stamp.run")}',
        )
    named = read.get('os.IMAGE_ID') and read.get('os.IMAGE_VERSION')
    others = [name for name in read if name.startswith('other.')]
    if named or others:
        return base.passed('os-release or a file says what was made')
    if 'os.ID' not in read:
        return base.unknown('/etc/os-release could not be read')
    return base.failed('nothing says from what and when it was made')


def _zone(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    zone = base.values(answer.text)['zone']
    return base.compared(f'the clock is at {zone}', zone == '+0000', '+0000')


def _clean(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    *lines, count = answer.text.strip().splitlines()
    if int(count) == 0:
        return base.unknown('the messages of the kernel could not be read')
    return base.judged(
        [f'not unmounted in the image: {line}' for line in lines],
        'no file system had to be recovered',
    )


PROBES = (
    base.Probe(
        id='BOOT-01',
        title='it boots under BIOS',
        snippet=_FACTS,
        judge=_bios,
    ),
    base.Probe(
        id='BOOT-02',
        title='it boots under UEFI, of which nothing was remembered',
        snippet=_FACTS,
        judge=_uefi,
    ),
    base.Probe(
        id='BOOT-03',
        title='the newest kernel was booted, and has its modules',
        snippet=_FACTS,
        judge=_kernel,
        # Of the entries in the menu one boot takes one.
        refutes=False,
    ),
    base.Probe(
        id='EGI-LAYOUT-11',
        title='no file system had to be recovered',
        snippet=_DISTURBED,
        judge=_clean,
        # Counts of mounts and of leaked clusters are in the file only.
        refutes=False,
    ),
    base.Probe(
        id='VIRT-04',
        title="the clock is the hypervisor's",
        snippet=_FACTS,
        judge=_clock,
        severity=artifact.Severity.INFO,
        # How chrony steps the clock shows after a suspension only.
        refutes=False,
    ),
    base.Probe(
        id='VIRT-05',
        title='secure boot is on, if the image requires it',
        snippet=_FACTS,
        judge=_secure_boot,
        refutes=False,
    ),
    base.Probe(
        id='META-01',
        title="the image's properties say what booted",
        snippet=_FACTS,
        judge=_properties,
        # Of some properties nothing shows in a guest.
        refutes=False,
    ),
    base.Probe(
        id='META-02',
        title='the guest says from what and when it was made',
        snippet=_FACTS,
        judge=_stamp,
        severity=artifact.Severity.WARNING,
        # It looks for leftovers of the build as well.
        refutes=False,
    ),
    base.Probe(
        id='HYG-17',
        title='the clock shows UTC',
        snippet=_FACTS,
        judge=_zone,
        severity=artifact.Severity.WARNING,
        # It looks at times of files as well.
        refutes=False,
    ),
)
