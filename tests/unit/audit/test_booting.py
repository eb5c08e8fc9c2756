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

from image_pipeline.audit import booting, rule
from image_pipeline.testing import images, sound_boot

INITRAMFS = f'/boot/initrd.img-{images.KERNEL}'
KERNEL = f'/boot/vmlinuz-{images.KERNEL}'


def test_everything_is_read_but_once():
    view = images.in_memory()
    assert booting.kernels_of(view) is booting.kernels_of(view)
    version = images.KERNEL
    assert booting.drivers_of(view, version) is (
        booting.drivers_of(view, version)
    )
    assert booting.initramfs_of(view, INITRAMFS) is (
        booting.initramfs_of(view, INITRAMFS)
    )


def test_image_without_a_kernel_is_not_judged():
    view = images.in_memory({}, (KERNEL, '/boot/vmlinuz'))
    with pytest.raises(rule.NotApplicable, match='BOOT-03'):
        booting.need_kernels(view)


def test_damage_is_told_apart_from_what_is_not_read():
    whole = images.in_memory()
    assert booting.damage_of(whole, INITRAMFS) is None
    cut = images.in_memory({INITRAMFS: sound_boot.initramfs()[:700]})
    assert 'ends within' in (booting.damage_of(cut, INITRAMFS) or '')
    with pytest.raises(rule.CannotTell, match='BOOT-03'):
        booting.initramfs_of(cut, INITRAMFS)
    other = images.in_memory({INITRAMFS: b'\x89LZO\0\r\n\x1a\n'})
    with pytest.raises(rule.CannotTell, match='lzop'):
        booting.damage_of(other, INITRAMFS)
