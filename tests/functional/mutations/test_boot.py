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

"""The image does not boot everywhere; one rule says so."""

from collections.abc import Callable
from pathlib import Path

import pytest

from image_pipeline.host import process
from image_pipeline.testing import images, mutations, sound_boot
from image_pipeline.testing.disks import Content
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
B = 'BOOT-'
KERNEL = f'/boot/vmlinuz-{images.KERNEL}'
INITRAMFS = f'/boot/initrd.img-{images.KERNEL}'
DEP = f'{sound_boot.MODULES}/modules.dep'
NORMAL = '/boot/grub/i386-pc/normal.mod'


def patch(offset: int, data: bytes) -> Callable[[Path], object]:
    return lambda path: images.patch(path, offset, data)


def esp(*arguments: str) -> Callable[[Path], object]:
    """Run a command of mtools on the EFI system partition."""

    def spoil(path: Path) -> None:
        where = f'{path}@@{images.ESP_START}'
        HOST.run([arguments[0], '-i', where, *arguments[1:]])

    return spoil


def other_machine(path: Path) -> None:
    """Put a program for another machine on the EFI system partition."""
    program = path.with_suffix('.efi')
    program.write_bytes(sound_boot.efi_program(0xAA64))
    where = f'{path}@@{images.ESP_START}'
    HOST.run(['mcopy', '-o', '-i', where, program, '::EFI/BOOT/BOOTX64.EFI'])
    program.unlink()


def packages(more: str) -> dict[str, Content]:
    """Return the database of packages with one more."""
    before = images.FILES['/var/lib/dpkg/status']
    assert isinstance(before, str)
    return {
        '/var/lib/dpkg/status': f'{before}\nPackage: {more}\n'
        'Status: install ok installed\nVersion: 1\nArchitecture: amd64\n'
    }


def grub(line: str) -> dict[str, Content]:
    """Return a grub.cfg with one more line."""
    before = images.FILES['/boot/grub/grub.cfg']
    assert isinstance(before, str)
    return {'/boot/grub/grub.cfg': f'{before}{line}\n'}


MUTATIONS = {
    '01 no boot loader': Mutation(
        rule=f'{B}01', spoil=patch(0, bytes(440)), where=0
    ),
    '01 no core': Mutation(
        rule=f'{B}01',
        spoil=patch(images.BIOS_START, bytes(512)),
        where=images.BIOS_START,
    ),
    '02 no removable path': Mutation(
        rule=f'{B}02',
        spoil=esp('mdel', '::EFI/BOOT/BOOTX64.EFI'),
        severity='warning',
        where='/boot/efi/EFI/BOOT/BOOTX64.EFI',
    ),
    '02 another machine': Mutation(
        rule=f'{B}02',
        spoil=other_machine,
        severity='warning',
        where='/boot/efi/EFI/BOOT/BOOTX64.EFI',
    ),
    '03 no initramfs': Mutation(
        rule=f'{B}03',
        without=frozenset({INITRAMFS}),
        also=frozenset({f'{B}05'}),
        where='/boot/grub/grub.cfg',
    ),
    '03 initramfs of another kernel': Mutation(
        rule=f'{B}03',
        files={INITRAMFS: sound_boot.initramfs(version='5.10.0-1-amd64')},
        where=INITRAMFS,
    ),
    '03 initramfs cut short': Mutation(
        rule=f'{B}03',
        files={INITRAMFS: sound_boot.initramfs()[:1000]},
        unknown=frozenset({f'{B}04', f'{B}05'}),
        where=INITRAMFS,
    ),
    '03 empty list of modules': Mutation(
        rule=f'{B}03',
        files={DEP: ''},
        also=frozenset({'VIRT-03'}),
        where=DEP,
    ),
    '04 for one host': Mutation(
        rule=f'{B}04',
        files={
            INITRAMFS: sound_boot.initramfs(
                more={'conf/conf.d/driver-policy': 'MODULES=dep\n'}
            )
        },
        where=INITRAMFS,
    ),
    '05 no virtio-blk': Mutation(
        rule=f'{B}05',
        files={INITRAMFS: sound_boot.initramfs(without=('virtio_blk',))},
        where=INITRAMFS,
    ),
    '06 agent': Mutation(
        rule=f'{B}06', files=packages('walinuxagent'), severity='warning'
    ),
    '07 waiting': Mutation(
        rule=f'{B}07',
        files=grub('set timeout=5'),
        severity='warning',
        where='/boot/grub/grub.cfg',
    ),
    '08 no hook': Mutation(
        rule=f'{B}08',
        without=frozenset({'/etc/kernel/postinst.d/zz-update-grub'}),
        severity='warning',
        where='/etc/kernel/postinst.d',
    ),
    '08 one kernel for ever': Mutation(
        rule=f'{B}08',
        files=packages('linux-image-6.1.0-1-amd64'),
        severity='warning',
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)
