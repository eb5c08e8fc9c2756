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

from image_pipeline.audit import registry
from image_pipeline.testing import images, sound_boot
from image_pipeline.testing.kernels import bz_image, cpio

RULE = registry.get('BOOT-03')
K = images.KERNEL
KERNEL, INITRAMFS = f'/boot/vmlinuz-{K}', f'/boot/initrd.img-{K}'
GRUB = '/boot/grub/grub.cfg'
ENTRY = '/boot/loader/entries/a-6.1.conf'


def check(files, without=()):
    return RULE.check(images.in_memory(files, without))


def test_kernel_with_its_modules_and_initramfs_passes():
    assert check({}).outcome == 'pass'


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        (GRUB, f'linux /boot/gone\ninitrd {INITRAMFS}\n', 'error'),
        (GRUB, f'linux {KERNEL}\ninitrd /boot/gone\n', 'error'),
        (
            GRUB,
            f'linux {KERNEL}\ninitrd {INITRAMFS}\nlinux /boot/old\n',
            'warning',
        ),
        (ENTRY, f'linux /boot/gone\ninitrd {INITRAMFS}\n', 'error'),
        (KERNEL, 'not a kernel', 'error'),
        (KERNEL, bz_image('5.10.0-1-amd64'), 'error'),
        (INITRAMFS, 'not an archive', 'error'),
        (INITRAMFS, sound_boot.initramfs()[:700], 'error'),
        (INITRAMFS, sound_boot.initramfs(version='5.10'), 'error'),
        (f'{sound_boot.MODULES}/modules.dep', '', 'error'),
    ],
    ids=str,
)
def test_what_keeps_it_from_booting_is_found(path, content, severity):
    verdict = check({path: content})
    assert verdict.outcome == 'fail'
    assert (verdict.severity or RULE.severity) == severity
    assert path in {one.path for one in verdict.evidence}


@pytest.mark.parametrize(
    'files',
    [
        {GRUB: f'linux ($root)/vmlinuz-{K}\ninitrd /initrd.img-{K}\n'},
        {GRUB: f'linux {KERNEL}\ninitrd /boot/$gone\n'},
        {GRUB: '', ENTRY: f'linux /vmlinuz-{K}\ninitrd /initrd.img-{K}\n'},
        {INITRAMFS: cpio({'kernel/x86/microcode/a': 'x'}) + cpio({'a': 'x'})},
        {'/boot/vmlinuz-0-rescue-x': 'old'},
        {'/boot/vmlinuz-5.10.old': 'old'},
    ],
    ids=str,
)
def test_what_boots_passes(files):
    assert check(files).outcome == 'pass'


def test_image_without_kernel_or_entry_fails():
    assert 'there is no kernel' in str(check({}, (KERNEL, '/boot/vmlinuz')))
    assert 'no boot loader' in str(check({}, (GRUB,)))


def test_kernel_without_modules_fails():
    without = [
        path for path in images.FILES if path.startswith(sound_boot.MODULES)
    ]
    assert 'there are no modules' in str(check({}, without))


def test_initramfs_of_a_format_that_is_not_read_is_no_pass():
    verdict = check({INITRAMFS: b'\x89LZO\0\r\n\x1a\n'})
    assert verdict.outcome == 'unknown'


def test_default_that_is_no_entry_is_warned_of():
    entry = {ENTRY: f'linux {KERNEL}\ninitrd {INITRAMFS}\n'}
    saved = '/boot/grub2/grubenv'
    verdict = check(entry | {saved: 'saved_entry=gone\n'})
    assert (verdict.outcome, verdict.severity) == ('fail', 'warning')
    assert check(entry | {saved: 'saved_entry=a-6.1\n'}).outcome == 'pass'
    assert check(entry | {saved: 'saved_entry=0\n'}).outcome == 'pass'


def test_unified_kernel_image_is_enough():
    uki = {'/boot/efi/EFI/Linux/a.efi': sound_boot.efi_program()}
    without = (KERNEL, '/boot/vmlinuz', INITRAMFS, GRUB)
    assert check(uki, without).outcome == 'pass'
