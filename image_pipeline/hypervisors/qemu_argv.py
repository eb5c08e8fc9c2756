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

"""The command line of QEMU for one instance: a machine as Nova makes it."""

import shutil
import uuid
from pathlib import Path

from image_pipeline import artifact
from image_pipeline.hypervisors import (
    acceleration,
    base,
    config_drive,
    firmware,
)


def build(
    qemu: Path,
    accelerator: acceleration.Acceleration,
    *,
    image: artifact.ImageRecord,
    seed: base.Seed,
    shape: base.Shape,
    work_dir: Path,
    console: Path,
) -> list[str]:
    """Return QEMU's command line; it is run in ``work_dir``.

    :param qemu: the program.
    :param accelerator: how guests run on this host.
    :param image: its properties choose machine and buses.
    :param seed: what the instance is told.
    :param shape: the machine.
    :param work_dir: has overlay and config drive; gets the UEFI variables.
    :param console: the file for what the serial port prints.
    """
    machine = machine_of(image, shape)
    words = [
        str(qemu),
        '-no-user-config',
        '-nodefaults',
        '-name',
        f'image-pipeline-{seed.hostname}',
        '-uuid',
        str(uuid.UUID(seed.instance_id)),
        '-display',
        'none',
        # graphics=off: SeaBIOS then speaks on the serial port, so that a
        # missing boot loader can be told from a silent kernel.
        '-machine',
        f'{machine},accel={accelerator.name},graphics=off,vmport=off',
        '-cpu',
        accelerator.cpu,
        '-smp',
        str(shape.vcpus),
        '-m',
        f'{shape.memory_bytes >> 20}',
        # As Nova's instances say who they are; ds-identify looks at it.
        '-smbios',
        'type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,'
        f'serial={seed.instance_id},uuid={seed.instance_id}',
        '-chardev',
        f'file,id=console,path={_quoted(console)}',
        '-serial',
        'chardev:console',
        '-object',
        'rng-random,id=entropy,filename=/dev/urandom',
        '-device',
        'virtio-rng-pci,rng=entropy',
        # The overlay is thrown away, so nothing needs to reach the disk.
        '-drive',
        'if=none,id=root,file=overlay.qcow2,format=qcow2,cache=unsafe,'
        'discard=unmap',
        '-device',
        f'{_disk_device(image)},drive=root,bootindex=1',
        # restrict: DHCP answers, nothing else does.
        '-netdev',
        'user,id=network,restrict=on',
        # No option ROM: without one, BIOS does not try to boot from it.
        '-device',
        'virtio-net-pci,netdev=network,romfile=,'
        f'mac={config_drive.mac_address(seed.instance_id)}',
    ]
    if shape.config_drive:
        words += [
            '-drive',
            'if=none,id=seed,file=seed.iso,format=raw,media=cdrom,readonly=on',
            '-device',
            f'{_cdrom_device(image)},drive=seed',
        ]
    if 'scsi' in (_bus(image, 'disk'), _bus(image, 'cdrom')):
        # Before the devices that sit on it.
        at = words.index('-drive')
        words[at:at] = ['-device', 'virtio-scsi-pci,id=scsi']
    if shape.firmware is base.Firmware.UEFI:
        found = firmware.find(machine=machine)
        shutil.copyfile(found.variables, work_dir / 'variables.fd')
        words += [
            '-drive',
            f'if=pflash,unit=0,format={found.code_format},readonly=on,'
            f'file={_quoted(found.code)}',
            '-drive',
            f'if=pflash,unit=1,format={found.variables_format},'
            'file=variables.fd',
            # Network boot takes minutes to give up; edk2 since 2022-05.
            '-fw_cfg',
            'name=opt/org.tianocore/IPv4PXESupport,string=n',
            '-fw_cfg',
            'name=opt/org.tianocore/IPv6PXESupport,string=n',
        ]
    return words


def machine_of(image: artifact.ImageRecord, shape: base.Shape) -> str:
    """Return the machine type for an image.

    Without a property, Nova and libvirt take ``pc``.  Under UEFI that leaves
    a CD-ROM on IDE invisible to Linux (edk2 does not enable the ports that
    it does not boot from), so clouds that offer UEFI choose ``q35`` for it.

    :param image: its property ``hw_machine_type`` wins.
    :param shape: says which firmware.
    """
    default = 'q35' if shape.firmware is base.Firmware.UEFI else 'pc'
    return image.properties.get('hw_machine_type', default)


def _bus(image: artifact.ImageRecord, device: str) -> str:
    """Return the bus of the disk or the CD-ROM, as Nova chooses it."""
    # nova/virt/libvirt/blockinfo.py: get_disk_bus_for_device_type
    default = 'virtio' if device == 'disk' else 'ide'
    return image.properties.get(f'hw_{device}_bus', default)


def _disk_device(image: artifact.ImageRecord) -> str:
    bus = _bus(image, 'disk')
    return {
        'scsi': 'scsi-hd,bus=scsi.0',
        'ide': 'ide-hd',
        'sata': 'ide-hd',
    }.get(bus, 'virtio-blk-pci')


def _cdrom_device(image: artifact.ImageRecord) -> str:
    # On q35 the same device is on the machine's SATA controller.
    return 'scsi-cd,bus=scsi.0' if _bus(image, 'cdrom') == 'scsi' else 'ide-cd'


def _quoted(path: Path) -> str:
    """Return a path as a value of a QEMU option: a comma is doubled."""
    return str(path).replace(',', ',,')
