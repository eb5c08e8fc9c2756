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

"""A kernel upgrade inside the guest, and the reboot into the new kernel.

There is no network and so no package, so the image's own kernel gets another
version's name, and the scripts of its package do what they do for a new one:
modules, links, GRUB's menu.
"""

import json
import os
import re
import time
import uuid
from pathlib import Path

import pytest

from image_pipeline.artifact import ImageRecord, ImageState
from image_pipeline.disk import reader
from image_pipeline.host import cancellation, process
from image_pipeline.hypervisors import base, qemu
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes

pytestmark = pytest.mark.slow

#: Seconds; a busy host without KVM takes its time.
LIMIT = 1500
#: It runs at each boot, as early as cloud-init does.  To make an initramfs
#: takes minutes where a guest is emulated, so the new kernel gets a copy: it
#: still calls itself by its old name, and looks for its modules under that.
UPGRADE = r"""
exec >/dev/ttyS0 2>&1
# The kernel would write into the midst of our lines.
dmesg -n 1
if [ -e /root/postinst ]; then
    echo "second boot: $(cat /proc/cmdline)"
    echo "second boot: links to $(readlink /vmlinuz)"
    echo "second boot: root is $(findmnt -n -o FSTYPE,OPTIONS / | xargs)"
    echo 'second boot: done'
    exit
fi
trap 'echo "upgrade: exit status $?"' EXIT
set -eu
echo "upgrade: begins at $(cat /proc/uptime)"
old=$(uname -r)
new=$(echo "$old" | sed 's/^\([0-9.]*\)-[0-9]*/\1-999/')
[ "$new" != "$old" ]
cp /boot/vmlinuz-$old /boot/vmlinuz-$new
cp /boot/config-$old /boot/config-$new
cp /boot/initrd.img-$old /boot/initrd.img-$new
cp -al /lib/modules/$old /lib/modules/$new
touch /lib/modules/$new/.fresh-install
sed "s/$old/$new/g" /var/lib/dpkg/info/linux-image-$old.postinst \
    >/root/postinst
INITRD=No sh -e /root/postinst configure
sync
trap - EXIT
echo "upgrade: done at $(cat /proc/uptime)"
reboot -f
"""


def record(path: Path) -> ImageRecord:
    with reader.open_disk(path) as disk:
        size = disk.size
    return ImageRecord(
        id='1',
        name='debian-12.candidate',
        final_name='debian-12',
        state=ImageState.CANDIDATE,
        sha256='',
        sha512='',
        size=path.stat().st_size,
        virtual_size=size,
        format='qcow2',
        visibility='private',
        hidden=True,
        created_at='2026-01-01T00:00:00Z',
        path=path,
        # As the recipe has it: under UEFI a SATA drive would not be seen.
        properties={'hw_cdrom_bus': 'scsi', 'hw_scsi_model': 'virtio-scsi'},
    )


def hear(instance: base.Instance, words: str) -> str:
    """Return the console once it has these words."""
    deadline = time.monotonic() + LIMIT
    while True:
        alive = instance.running()
        said = instance.console().decode(errors='replace')
        if words in said:
            return said
        assert alive, said[-2000:]
        assert 'upgrade: exit status' not in said, said[-2000:]
        assert 'Kernel panic' not in said, said[-2000:]
        assert time.monotonic() < deadline, said[-2000:]
        time.sleep(0.5)


# UEFI takes the same menu from the same file, and longer to get there.
@pytest.mark.parametrize(
    'firmware', os.environ.get('IMAGE_PIPELINE_FIRMWARE', 'bios').split()
)
def test_guest_boots_the_kernel_that_it_was_upgraded_to(
    debian_12, tmp_path, firmware
):
    image = record(debian_12.path)
    config = {'bootcmd': [['sh', '-c', UPGRADE]]}
    hypervisor = qemu.QemuHypervisor(
        fakes.target(),
        # It knows how guests run on this host.
        cache=store_cache.Cache(debian_12.pipeline.state_dir / 'cache'),
    )
    work_dir = tmp_path / 'work'
    work_dir.mkdir()
    with hypervisor.boot(
        image,
        seed=base.Seed(
            instance_id=str(uuid.uuid4()),
            hostname='upgrade',
            public_key='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI test',
            user_data=b'#cloud-config\n' + json.dumps(config).encode(),
        ),
        shape=base.Shape(
            firmware=base.Firmware(firmware),
            vcpus=2,
            memory_bytes=1 << 30,
            disk_bytes=image.virtual_size + (1 << 30),
        ),
        work_dir=work_dir,
        host=process.Host(run_id=str(uuid.uuid4())),
        cancelled=cancellation.CancellationToken(),
        undo=lambda record: None,
    ) as instance:
        said = hear(instance, 'upgrade: done')
        # Seen by update-grub, which makes the menu.
        found = re.findall(r'Found linux image: (\S+)', said)
        assert found and found[0].startswith('/boot/vmlinuz-')
        assert '-999-' in found[0]
        said = hear(instance, 'second boot: done')
    kernel = r'boot/vmlinuz-[0-9.]+-999-'
    assert re.search(rf'second boot: BOOT_IMAGE=/{kernel}', said)
    assert re.search(rf'second boot: links to {kernel}', said)
    assert re.search(r'second boot: root is ext4 rw', said)
