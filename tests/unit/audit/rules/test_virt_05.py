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

import struct

import pytest

from image_pipeline.audit import esp, registry, subjects
from image_pipeline.disk.files import FileTree
from image_pipeline.testing import disks

RULE = registry.get('VIRT-05')
SECURE = {
    'os_secure_boot': 'required',
    'hw_firmware_type': 'uefi',
    'hw_machine_type': 'q35',
}
ENCRYPTED = {
    'hw_mem_encryption': 'True',
    'hw_firmware_type': 'uefi',
    'hw_machine_type': 'pc-q35-8.2',
}


def program(length: int = 64) -> bytes:
    head = bytearray(512)
    head[:2] = b'MZ'
    struct.pack_into('<I', head, 60, 64)
    head[64:68] = b'PE\0\0'
    struct.pack_into('<H', head, 64 + 24, 0x20B)
    struct.pack_into('<I', head, 64 + 24 + 108, 16)
    struct.pack_into('<II', head, 64 + 24 + 144, 512 if length else 0, length)
    return bytes(head) + bytes(length)


LOADER, KERNEL = '/EFI/BOOT/BOOTX64.EFI', '/boot/vmlinuz-6.1.0'
SIGNED = {LOADER: program(), KERNEL: program()}


def check(files, properties):
    """Judge an image; what is below /EFI is on its EFI system partition."""
    image = disks.MemoryView(disks.MemoryDisk(), files)
    on_esp = {
        name: data
        for name, data in files.items()
        if name.lower().startswith('/efi/')
    }
    system = esp.Esp(
        device=image.whole,
        tree=FileTree(disks.MemoryFiles(on_esp)),
        point='/boot/efi',
    )
    image.remember('esps', lambda: (system,))
    return RULE.check(
        subjects.RegisteredImageView(
            name='x', properties=properties, image=image
        )
    )


@pytest.mark.parametrize(
    ('files', 'outcome'),
    [
        (SIGNED, 'pass'),
        (SIGNED | {LOADER: program(0)}, 'fail'),
        (SIGNED | {KERNEL: program(0)}, 'fail'),
        (SIGNED | {KERNEL: b'ELF'}, 'fail'),
        ({KERNEL: program()}, 'fail'),
        ({'/efi/boot/bootx64.efi': program(), KERNEL: program()}, 'pass'),
        ({LOADER: program()}, 'unknown'),
    ],
)
def test_secure_boot_needs_signatures(files, outcome):
    assert check(files, SECURE).outcome == outcome


def test_boot_loader_is_named_as_the_guest_has_it():
    verdict = check(SIGNED | {LOADER: program(0)}, SECURE)
    assert verdict.evidence[0].path == '/boot/efi/EFI/BOOT/BOOTX64.EFI'


def test_newest_kernel_counts():
    files = SIGNED | {'/boot/vmlinuz-5.10.0': program(0)}
    assert check(files, SECURE).outcome == 'pass'


@pytest.mark.parametrize('name', ['hw_firmware_type', 'hw_machine_type'])
def test_claims_need_the_other_properties(name):
    without = {key: value for key, value in SECURE.items() if key != name}
    assert check(SIGNED, without).outcome == 'fail'
    assert check(SIGNED, SECURE | {name: 'bios'}).outcome == 'fail'


def test_arm_has_no_q35():
    files = {
        '/EFI/BOOT/BOOTAA64.EFI': program(),
        '/usr/bin/bash': b'\x7fELF\2\1' + bytes(12) + b'\xb7\0',
        KERNEL: program(),
    }
    assert check(files, SECURE | {'hw_machine_type': 'virt'}).outcome == 'pass'


@pytest.mark.parametrize(
    ('config', 'outcome'),
    [
        ('CONFIG_AMD_MEM_ENCRYPT=y\n', 'pass'),
        ('# CONFIG_AMD_MEM_ENCRYPT is not set\nCONFIG_X86=y\n', 'fail'),
        ('', 'unknown'),
    ],
)
def test_encrypted_memory_needs_the_kernel(config, outcome):
    files = SIGNED | {'/boot/config-6.1.0': config}
    assert check(files, ENCRYPTED).outcome == outcome


@pytest.mark.parametrize('properties', [{}, {'os_secure_boot': 'optional'}])
def test_without_a_claim_it_does_not_apply(properties):
    assert check(SIGNED, properties).outcome == 'not-applicable'
