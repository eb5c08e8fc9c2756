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

"""Whether firmware can start an image: BIOS, and UEFI.

Rules judge by it, and properties of an image are derived from it.  Nothing
found means that it can.
"""

from collections.abc import Iterator

from image_pipeline import artifact
from image_pipeline.audit import booting, esp, found, rule, view
from image_pipeline.audit.guest import kernel_image, machine
from image_pipeline.disk import partitions

#: Bytes of a boot record that are code; then come a disk's id and its table.
_CODE = 440
#: GRUB's boot.img: its name among its messages, and where it says in which
#: sector of 512 bytes the next part is (GRUB_BOOT_MACHINE_KERNEL_SECTOR).
_GRUB = b'GRUB'
_NEXT = 0x5C
#: What marks a partition that other boot records start: of an MBR, and of a
#: GPT (UEFI specification, "Legacy BIOS Bootable").
_ACTIVE, _LEGACY = 0x80, 1 << 2
_NO_BIOS = frozenset({'aarch64', 'riscv64', 'loongarch64', 'ppc64le', 's390x'})
#: UEFI specification, section 3.5.1.1: what a removable disk is started by.
REMOVABLE = {
    'x86_64': 'BOOTX64.EFI',
    'aarch64': 'BOOTAA64.EFI',
    'i386': 'BOOTIA32.EFI',
}


def architecture(image: view.ImageView) -> str | None:
    """Return what the image runs on, or None if that is not clear.

    :param image: the image.
    """
    try:
        tree = image.files
        return machine.architecture(tree) or booting.architecture(image)
    except rule.CannotTell:
        return None


def bios(image: view.ImageView) -> Iterator[rule.Finding]:
    """Give what keeps a BIOS from starting the image.

    :param image: the image.
    :raises NotApplicable: its machines have no BIOS, or it is no disk.
    :raises CannotTell: it cannot be read.
    """
    if architecture(image) in _NO_BIOS:
        raise rule.NotApplicable('machines of its architecture have no BIOS')
    table = image.need_table()
    code = image.disk.read(0, _CODE)
    if not code.strip(b'\0'):
        yield _at(0, 'the boot record has no boot loader')
        return
    if _GRUB in code:
        yield from _grub(image, code)
    elif not any(_starts(table, part) for part in table.partitions):
        yield _at(446, 'no partition is marked as the one to be started')


def _grub(image: view.ImageView, code: bytes) -> Iterator[rule.Finding]:
    sector = int.from_bytes(code[_NEXT : _NEXT + 8], 'little')
    place = sector * 512
    if not sector or place >= image.disk.size:
        yield _at(_NEXT, 'GRUB names no sector of this disk to go on with')
        return
    if not image.disk.read(place, 512).strip(b'\0'):
        yield _at(place, "GRUB's core is not where its boot record says")
        return
    tree = image.files
    if not tree.glob('/boot/grub*/i386-pc/normal.mod'):
        yield found.in_file(
            '/boot/grub/i386-pc', "GRUB's modules for a BIOS are not there"
        )


def _starts(
    table: partitions.PartitionTable, part: partitions.Partition
) -> bool:
    flag = _LEGACY if table.scheme == 'gpt' else _ACTIVE
    return bool(part.flags & flag)


def uefi(image: view.ImageView) -> Iterator[rule.Finding]:
    """Give what keeps UEFI from starting the image on a new machine.

    A new virtual machine has no boot entries: only the path that a removable
    disk is started by counts.

    :param image: the image.
    :raises NotApplicable: it is no disk.
    :raises CannotTell: it cannot be read.
    """
    image.need_table()
    wanted = architecture(image)
    places = esp.esps(image)
    if not places:
        yield found.said('there is no EFI system partition with files')
        return
    names = (
        [REMOVABLE[wanted]] if wanted in REMOVABLE else [*REMOVABLE.values()]
    )
    for place in places:
        for name in names:
            path = place.find(f'/EFI/BOOT/{name}')
            if path is None:
                continue
            data = kernel_image.read(place.tree, path)
            if data.format is None or data.architecture is None:
                yield found.in_file(place.shown(path), 'it is no EFI program')
            elif wanted and data.architecture != wanted:
                yield found.in_file(
                    place.shown(path),
                    f'it is for {data.architecture}, the image for {wanted}',
                )
            return
    yield found.in_file(
        places[0].shown(f'/EFI/BOOT/{names[0]}'),
        'there is none: a new machine has no other boot entry',
    )


def _at(offset: int, message: str) -> rule.Finding:
    return rule.Finding(
        evidence=artifact.Evidence(message=message, offset=offset)
    )
