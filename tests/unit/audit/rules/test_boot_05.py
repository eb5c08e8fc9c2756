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

RULE = registry.get('BOOT-05')
INITRAMFS = f'/boot/initrd.img-{images.KERNEL}'
BUILTIN = f'{sound_boot.MODULES}/modules.builtin'
DEP = f'{sound_boot.MODULES}/modules.dep'


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


def lacking(*names):
    return {INITRAMFS: sound_boot.initramfs(without=names)}


@pytest.mark.parametrize(
    'name', ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod']
)
def test_driver_that_is_not_in_the_initramfs_is_an_error(name):
    verdict = check(lacking(name))
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    assert name in verdict.evidence[0].message
    assert verdict.evidence[0].path == INITRAMFS


@pytest.mark.parametrize(
    'name', ['nvme', 'ahci', 'xen-blkfront', 'hv_storvsc', 'vmw_pvscsi']
)
def test_driver_of_another_disk_is_a_hint(name):
    verdict = check(lacking(name))
    assert (verdict.outcome, verdict.severity) == ('fail', 'info')


def test_driver_that_the_kernel_does_not_have_at_all_is_no_hint():
    files = lacking('ahci')
    before = images.FILES[DEP]
    files[DEP] = '\n'.join(
        line for line in before.splitlines() if 'ahci' not in line
    )
    assert check(files).outcome == 'pass'


def test_driver_that_is_built_in_need_not_be_in_the_initramfs():
    files = lacking('virtio_blk')
    files[BUILTIN] = f'{images.FILES[BUILTIN]}kernel/drivers/virtio_blk.ko\n'
    assert check(files).outcome == 'pass'


def test_network_may_wait_for_the_root():
    assert check(lacking('virtio_net')).outcome == 'pass'
    files = lacking('virtio_net')
    files[DEP] = images.FILES[DEP].replace('virtio_net', 'gone')
    assert check(files).outcome == 'fail'


def test_kernel_without_an_initramfs_must_have_all_built_in():
    verdict = check({}, (INITRAMFS,))
    assert verdict.outcome == 'fail'
    names = 'virtio_pci virtio_blk virtio_scsi sd_mod'.split()  # noqa: SIM905
    more = ''.join(f'kernel/{name}.ko\n' for name in names)
    files = {BUILTIN: f'{images.FILES[BUILTIN]}{more}'}
    assert check(files, (INITRAMFS,), others=[]).outcome == 'pass'


def test_configuration_tells_where_no_list_does():
    config = f'/boot/config-{images.KERNEL}'
    files = lacking('virtio_blk') | {config: 'CONFIG_VIRTIO_BLK=y\n'}
    assert check(files, (BUILTIN,)).outcome == 'pass'


def test_kernel_that_does_not_say_what_is_built_in_is_no_pass():
    assert check({}, (BUILTIN,)).outcome == 'unknown'


def test_other_drivers_may_be_asked_for():
    assert check({}, drivers=['mpt3sas']).outcome == 'fail'
