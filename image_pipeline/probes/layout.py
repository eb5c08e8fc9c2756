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

"""Probes of disks: partitions, file systems, growth, and what is none."""

import re

from image_pipeline import artifact
from image_pipeline.probes import base, protocol

#: A root file system has grown if it has this share of its disk: the rest is
#: ESP, inode tables and journal (rule EGI-LAYOUT-06).
GROWN = 0.9
#: What partition table and alignment may leave free (rule EGI-GROW-01).
_UNUSED = 64 << 20

# The device is looked for by number first: `/dev/root` is no device.  btrfs
# has anonymous numbers, so the mount source is second.
_ROOT_PARTITION = """\
line=$(awk '$5 == "/" {
    for (i = 1; i < NF; i++) if ($i == "-") last = $3 " " $(i + 2)
} END {print last}' /proc/self/mountinfo)
folder=/sys/dev/block/${line%% *}
[ -e "$folder" ] ||
    folder=/sys/class/block/$(basename "$(readlink -f "${line#* }")")
folder=$(readlink -f "$folder")
echo "device=${folder##*/}"
[ -e "$folder/partition" ] || { echo whole=1; exit 0; }
read -r size <"$folder/size"
echo "partition=$((size * 512))"
read -r size <"${folder%/*}/size"
echo "disk=$((size * 512))"
read -r start <"$folder/start"
echo "start=$start"
for other in "${folder%/*}"/*/start; do
    [ -e "$other" ] && read -r start <"$other" && echo "other.$other=$start"
done
"""
_ROOT_SIZE = """\
df -kP / | awk 'NR == 2 {print "size=" $2; print "free=" $4}'
"""
_MAPPED = """\
for uuid in /sys/block/dm-*/dm/uuid; do
    [ -e "$uuid" ] || continue
    echo "$(cat "${uuid%uuid}name")=$(cat "$uuid")"
done
"""


_MOUNTS = """\
echo '== mounts'
grep '^/dev/' /proc/self/mounts | cut -d ' ' -f 1-3
echo '== arrays'
[ ! -e /proc/mdstat ] || grep ' : active' /proc/mdstat
echo '== verified'
findmnt --verify 2>&1 | tail -n 12
echo '== named'
read -r line </proc/cmdline
for word in $line; do
    case $word in root=*) echo "$word" ;; esac
done
echo '== end'
"""
_TABLE = """\
for disk in /sys/block/[shvn]*; do
    [ -e "$disk/device" ] || continue
    name=${disk##*/}
    case $name in sr*) continue ;; esac
    echo "== $name"
    sfdisk --verify "/dev/$name" 2>&1
done
"""
_FIGURES = re.compile(
    r'/dev/\w+:$|No errors|Header version|Using \d+|A total of|Remaining \d+'
)
#: Where a file system of its own may be, beside the root.
_POINTS = frozenset({'/', '/boot', '/boot/efi', '/efi'})


def _partitioned(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    read = base.values(answer.text)
    wrong = []
    if 'whole' in read and not read['device'].startswith('dm-'):
        wrong.append(f'the root {read["device"]} is no partition')
    elif 'whole' in read:
        return base.not_applicable(f'the root is {read["device"]}')
    return base.judged(wrong, f'the root {read["device"]} is a partition')


def _last(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = base.values(answer.text)
    if 'whole' in read:
        return base.not_applicable(
            f'the root {read["device"]} is no partition'
        )
    start = int(read['start'])
    wrong = [
        f'{name.split("/")[-2]} lies behind the root {read["device"]}'
        for name, value in read.items()
        if name.startswith('other.') and int(value) > start
    ]
    return base.judged(wrong, f'nothing lies behind {read["device"]}')


def _parts(answer: protocol.Answer) -> dict[str, str]:
    parts = base.sections(answer.text)
    if 'end' not in parts:
        raise ValueError('the mounts were not read to their end')
    return parts


def _one_file_system(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    mounted = [line.split() for line in _parts(answer)['mounts'].splitlines()]
    roots = {device for device, point, _ in mounted if point == '/'}
    wrong = [
        f'{point} is a file system of its own, on {device}'
        for device, point, kind in mounted
        # Subvolumes are of the root; a config drive is no part of the image.
        if point not in _POINTS and device not in roots and kind != 'iso9660'
    ]
    points = ', '.join(point for _, point, _ in mounted)
    return base.judged(wrong, f'mounted are {points or "no disks"}')


def _arrays(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    wrong = [
        f'{line.split()[0]} is an array'
        for line in _parts(answer)['arrays'].splitlines()
    ]
    return base.judged(wrong, 'there is no software RAID')


def _named(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    parts = _parts(answer)
    wrong = [
        f'the kernel is told {word}'
        for word in parts['named'].splitlines()
        if re.match(r'root=/dev/(?:sd|vd|xvd|hd|nvme|loop|nbd)', word)
    ]
    lines = parts['verified'].splitlines()
    summary = lines[-1] if lines else ''
    match = re.search(r'(\d+) parse errors?, (\d+) errors?', summary)
    if match and (int(match[1]) or int(match[2])):
        wrong.append(f'findmnt --verify says: {summary}')
    elif not match and 'Success' not in summary:
        return base.unknown('findmnt cannot verify /etc/fstab')
    return base.judged(wrong, f'/etc/fstab is sound; {parts["named"]}')


def _table(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    parts = base.sections(answer.text)
    said = {name: text for name, text in parts.items() if text}
    known = {
        name: text
        for name, text in said.items()
        if 'unallocated' in text or 'No errors' in text or 'rror' in text
    }
    if not known:
        return base.not_applicable('no partition table could be verified')
    # Anything but success and figures is a complaint.
    wrong = [
        f'{name}: {line}'
        for name, text in known.items()
        for line in text.splitlines()
        if not _FIGURES.match(line)
    ]
    return base.judged(wrong, f'the table of {", ".join(known)} is sound')


def _root_partition(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    read = base.values(answer.text)
    if 'partition' not in read:
        return base.not_applicable(
            f'the root {read["device"]} is no partition'
        )
    partition, disk = int(read['partition']), int(read['disk'])
    seen = f'{read["device"]} has {_mib(partition)} of {_mib(disk)}'
    # Everything before the root partition is in use: the ESP, for example.
    # It takes less than a tenth of any disk that an image is booted on.
    if partition < disk - _UNUSED and partition < GROWN * disk:
        return base.failed(seen, partition=partition, disk=disk)
    return base.passed(seen, partition=partition, disk=disk)


def _root_size(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    read = base.values(answer.text)
    # In KiB: mawk cannot print numbers above 2^31 exactly.
    size, free = int(read['size']) * 1024, int(read['free']) * 1024
    seen = f'the root has {_mib(size)} on a disk of ' + _mib(
        expected.disk_bytes
    )
    if size < GROWN * expected.disk_bytes:
        return base.failed(seen, size=size, free=free)
    return base.passed(seen, size=size, free=free)


def _swap(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    lines = answer.text.splitlines()
    if not lines:
        return base.not_applicable('the kernel has no swap')
    # zram is memory, not a disk (rule EGI-LAYOUT-03).
    wrong = [
        f'{line.split()[0]} is swapped to'
        for line in lines[1:]
        if not line.startswith('/dev/zram')
    ]
    return base.judged(wrong, 'no swap is active')


def _lvm(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    return _none_of('LVM-', 'a logical volume', answer)


def _crypt(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    return _none_of('CRYPT-', 'encrypted', answer)


def _none_of(prefix: str, what: str, answer: protocol.Answer) -> base.Verdict:
    wrong = [
        f'{name} is {what}'
        for name, uuid in base.values(answer.text).items()
        if uuid.startswith(prefix)
    ]
    return base.judged(wrong, f'nothing is {what}')


def _mib(size: int) -> str:
    return f'{size / (1 << 20):.0f} MiB'


PROBES = (
    base.Probe(
        id='EGI-LAYOUT-01',
        title='the root is a partition of a disk',
        snippet=_ROOT_PARTITION,
        judge=_partitioned,
    ),
    base.Probe(
        id='EGI-LAYOUT-05',
        title='there is one file system, but for /boot and the ESP',
        snippet=_MOUNTS,
        judge=_one_file_system,
        severity=artifact.Severity.WARNING,
        # Whether /boot may be of its own is for a profile to say.
        refutes=False,
    ),
    base.Probe(
        id='EGI-LAYOUT-06',
        title='nothing lies behind the root partition',
        snippet=_ROOT_PARTITION,
        judge=_last,
    ),
    base.Probe(
        id='EGI-LAYOUT-07',
        title='there is no software RAID',
        snippet=_MOUNTS,
        judge=_arrays,
        # Configurations without an array are its matter, too.
        refutes=False,
    ),
    base.Probe(
        id='EGI-LAYOUT-08',
        title='partition tables are sound after they grew',
        snippet=_TABLE,
        judge=_table,
        # Growing mends what was wrong with the backup.
        refutes=False,
    ),
    base.Probe(
        id='EGI-LAYOUT-09',
        title='disks are named by what does not change',
        snippet=_MOUNTS,
        judge=_named,
        # It looks at entries that were not booted, too.
        refutes=False,
    ),
    base.Probe(
        id='EGI-GROW-01',
        title='the root partition grew to the end of the disk',
        snippet=_ROOT_PARTITION,
        judge=_root_partition,
    ),
    base.Probe(
        id='EGI-GROW-02',
        title='the root file system grew to the disk',
        snippet=_ROOT_SIZE,
        judge=_root_size,
    ),
    base.Probe(
        id='EGI-LAYOUT-02',
        title='there is no LVM',
        snippet=_MAPPED,
        judge=_lvm,
    ),
    base.Probe(
        id='EGI-LAYOUT-03',
        title='no swap is active',
        snippet='[ ! -e /proc/swaps ] || cat /proc/swaps\n',
        judge=_swap,
    ),
    base.Probe(
        id='EGI-LAYOUT-04',
        title='no disk is encrypted',
        snippet=_MAPPED,
        judge=_crypt,
    ),
)
