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

"""Probes of disks: the root has grown, no swap, no LVM, no encryption."""

from image_pipeline.probes import base, protocol

#: A root file system has grown if it has this share of its disk: the rest is
#: ESP, inode tables and journal (rule EGI-LAYOUT-06).
GROWN = 0.9
#: What partition table and alignment may leave free (rule EGI-GROW-01).
_UNUSED = 64 << 20

# The device is looked for by number first: `/dev/root` is no device.  btrfs
# has anonymous numbers, so the mount source is second.
_ROOT_PARTITION = """\
line=$(awk '$5 == "/"' /proc/self/mountinfo | tail -n 1)
number=$(echo "$line" | awk '{print $3}')
source=$(echo "$line" | awk '{for (i = 1; i < NF; i++)
    if ($i == "-") print $(i + 2)}')
folder=/sys/dev/block/$number
[ -e "$folder" ] ||
    folder=/sys/class/block/$(basename "$(readlink -f "$source")")
folder=$(readlink -f "$folder")
echo "device=${folder##*/}"
[ -e "$folder/partition" ] || exit 0
echo "partition=$(($(cat "$folder/size") * 512))"
echo "disk=$(($(cat "$folder/../size") * 512))"
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
