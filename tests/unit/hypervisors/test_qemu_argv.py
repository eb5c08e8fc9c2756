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

from pathlib import Path

import pytest

from image_pipeline import artifact
from image_pipeline.hypervisors import acceleration, base, qemu_argv

TCG = acceleration.Acceleration(name='tcg', reason='')
KVM = acceleration.Acceleration(name='kvm', reason='')
SEED = base.Seed(
    instance_id='6f1f2d3c-0000-4000-8000-00000000aaaa',
    hostname='smoke',
    public_key='x',
    user_data=b'',
)


def shape(**changes: object) -> base.Shape:
    values = {
        'firmware': base.Firmware.BIOS,
        'vcpus': 2,
        'memory_bytes': 512 << 20,
        'disk_bytes': 4 << 30,
    }
    return base.Shape(**values | changes)  # type: ignore[arg-type]


def image(**properties: str) -> artifact.ImageRecord:
    return artifact.ImageRecord(
        id='1',
        name='x',
        final_name='x',
        state=artifact.ImageState.CANDIDATE,
        sha256='',
        sha512='',
        size=1,
        virtual_size=1,
        format='raw',
        visibility='private',
        hidden=True,
        created_at='',
        properties=properties,
    )


def build(
    folder: Path = Path('/srv'),
    *,
    record: artifact.ImageRecord | None = None,
    accel: acceleration.Acceleration = TCG,
    machine: base.Shape | None = None,
) -> list[str]:
    return qemu_argv.build(
        Path('/usr/bin/qemu-system-x86_64'),
        accel,
        image=record or image(),
        seed=SEED,
        shape=machine or shape(),
        work_dir=folder,
        console=Path('/srv/a,b/console.log'),
    )


def values(argv: list[str], option: str) -> list[str]:
    return [argv[at + 1] for at, word in enumerate(argv) if word == option]


def test_machine_is_told_from_the_host_s_configuration() -> None:
    argv = build()
    assert {'-nodefaults', '-no-user-config'} <= set(argv)
    assert values(argv, '-display') == ['none']
    assert values(argv, '-m') == ['512']
    assert values(argv, '-smp') == ['2']


def test_network_is_closed_and_offers_dhcp_only() -> None:
    assert values(build(), '-netdev') == ['user,id=network,restrict=on']


def test_instance_says_that_it_is_one_of_nova() -> None:
    (smbios,) = values(build(), '-smbios')
    assert 'product=OpenStack Nova' in smbios
    assert SEED.instance_id in smbios


def test_cpu_has_what_the_accelerator_can_give() -> None:
    assert values(build(accel=KVM), '-cpu') == ['host']
    assert values(build(accel=TCG), '-cpu') == ['max']


def test_path_with_a_comma_stays_one_value() -> None:
    (chardev,) = values(build(), '-chardev')
    assert chardev.endswith('path=/srv/a,,b/console.log')


def test_config_drive_is_a_cdrom_and_read_only() -> None:
    argv = build()
    assert any(
        'media=cdrom' in drive and 'readonly=on' in drive
        for drive in values(argv, '-drive')
    )
    assert 'ide-cd,drive=seed' in values(argv, '-device')


def test_instance_without_config_drive_has_none() -> None:
    argv = build(machine=shape(config_drive=False))
    assert not any('seed.iso' in drive for drive in values(argv, '-drive'))


@pytest.mark.parametrize(
    ('properties', 'firmware', 'machine'),
    [
        ({}, base.Firmware.BIOS, 'pc'),
        ({}, base.Firmware.UEFI, 'q35'),
        ({'hw_machine_type': 'q35'}, base.Firmware.BIOS, 'q35'),
        ({'hw_machine_type': 'pc'}, base.Firmware.UEFI, 'pc'),
    ],
)
def test_machine_type_is_what_nova_would_take(
    properties: dict[str, str], firmware: base.Firmware, machine: str
) -> None:
    assert (
        qemu_argv.machine_of(image(**properties), shape(firmware=firmware))
        == machine
    )


def test_buses_follow_the_image_s_properties() -> None:
    argv = build(record=image(hw_cdrom_bus='scsi', hw_disk_bus='scsi'))
    devices = values(argv, '-device')
    assert 'scsi-cd,bus=scsi.0,drive=seed' in devices
    assert 'scsi-hd,bus=scsi.0,drive=root,bootindex=1' in devices
    assert devices.index('virtio-scsi-pci,id=scsi') < devices.index(
        'scsi-cd,bus=scsi.0,drive=seed'
    )
