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

import pytest

from image_pipeline.audit import esp, registry
from image_pipeline.disk import files
from image_pipeline.testing import disks, images, sound_boot

RULE = registry.get('BOOT-02')
X64 = '/EFI/BOOT/BOOTX64.EFI'


def check(content, guest=images.FILES, **options):
    """Judge an image whose EFI system partition has some files."""
    view = disks.MemoryView(disks.MemoryDisk(disks.gpt_disk([])), guest)
    view.remember(
        'esps',
        lambda: (
            (
                esp.Esp(
                    device=view.whole,
                    tree=files.FileTree(disks.MemoryFiles(content)),
                    point='/boot/efi',
                ),
            )
            if content is not None
            else ()
        ),
    )
    return RULE.check(view, options)


def test_program_at_the_removable_path_passes():
    assert check({X64: sound_boot.efi_program()}).outcome == 'pass'


def test_names_are_found_in_any_case():
    content = {'/efi/boot/bootx64.efi': sound_boot.efi_program()}
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    'content',
    [
        None,
        {},
        {'/EFI/debian/grubx64.efi': sound_boot.efi_program()},
        {'/EFI/BOOT/BOOTAA64.EFI': sound_boot.efi_program(0xAA64)},
        {X64: sound_boot.efi_program(0xAA64)},
        {X64: 'no program'},
        {X64: b'MZ'},
    ],
    ids=str,
)
def test_image_that_uefi_does_not_start_is_warned_of(content):
    verdict = check(content)
    assert verdict.outcome == 'fail'
    assert (verdict.severity or RULE.severity) == 'warning'
    assert check(content, firmware='uefi').severity == 'error'
    assert check(content, firmware='bios').outcome == 'not-applicable'


def test_machine_that_has_nothing_but_uefi_makes_it_an_error():
    elf = bytearray(b'\x7fELF\2\1\1'.ljust(20, b'\0'))
    elf[18] = 183
    guest = {'/usr/lib/systemd/systemd': bytes(elf)}
    assert check({}, guest).severity == 'error'
    content = {'/EFI/BOOT/BOOTAA64.EFI': sound_boot.efi_program(0xAA64)}
    assert check(content, guest).outcome == 'pass'
