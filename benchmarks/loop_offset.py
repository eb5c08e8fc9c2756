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

"""diskimage-builder's ``partitioning`` without device-mapper.

``compose.py`` gives it to the stock side on hosts that have no device-mapper
or no kpartx, where stock diskimage-builder cannot finish; it takes about as
long.  DIB's own code writes the partition table; here it is read back, and
each partition is attached as a loop device of its own on the same file, with
an offset and a size limit.  The configuration is that of ``partitioning``.
"""

import json
import logging
import re
import sys

from diskimage_builder.block_device import exception, utils
from diskimage_builder.block_device.level0 import localloop
from diskimage_builder.block_device.level1 import partitioning

LOG = logging.getLogger(__name__)

# Run as root: make and print the first free /dev/loopN with N >= 10.
# grub-mkconfig_lib takes /dev/loop[0-9] for a file that GRUB itself has to
# mount, does not find it in the chroot, and then leaves `search --fs-uuid`
# out of grub.cfg; numbers of two digits do not match its pattern.
_ADD_LOOP = """
import errno, fcntl, os, time
LOOP_CTL_ADD = 0x4C80
for n in range(10, 4096):
    if os.path.exists('/sys/block/loop%d/loop/backing_file' % n):
        continue
    try:
        with open('/dev/loop-control') as c:
            fcntl.ioctl(c, LOOP_CTL_ADD, n)
    except OSError as e:
        if e.errno != errno.EEXIST:
            raise
    dev = '/dev/loop%d' % n
    for _ in range(100):
        if os.path.exists(dev):
            break
        time.sleep(0.02)
    else:
        os.mknod(dev, 0o60660, os.makedev(7, n))
    print(dev)
    break
"""


class OffsetPartitioning(partitioning.Partitioning):
    """Partitions of an image file, each on a loop device of its own."""

    def create(self):
        self.number_of_partitions += 1
        if self.number_of_partitions > 1:
            return
        base = self.state['blockdev'][self.base]
        self.image_path = base['image']
        self.device_path = base['device']
        self.disk_size = self._size_of_block_dev(self.image_path)
        if self.label == 'mbr':
            self._create_mbr()
        else:
            self._create_gpt()
        for part in self.partitions:
            part.rollbacks = [
                one
                for one in part.rollbacks
                if one[0] is not utils.remove_device
            ]
        # This file's pages only, not the whole machine's.
        utils.exec_sudo(['sync', self.device_path, self.image_path])
        sector = int(
            utils.exec_sudo(['blockdev', '--getss', self.device_path])
        )
        rows = self._read_table()
        for part in self.partitions:
            entry = self.state['blockdev'][part.get_name()]
            number = int(re.search(r'p(\d+)$', entry['device'])[1])
            if number not in rows:
                raise exception.BlockDeviceSetupException(
                    f'partition {part.get_name()} ({number}) is not in the '
                    'table'
                )
            row = rows[number]
            device = self._attach(sector, row)
            part.add_rollback(localloop.loopdev_detach, device)
            entry['device'] = device
            entry['image'] = self.image_path
            entry['offset'] = row['start'] * sector
            entry['size'] = row['size'] * sector
            LOG.info('partition %s is %s', part.get_name(), device)

    def umount(self):
        self.number_of_partitions -= 1
        if self.number_of_partitions == 0:
            for part in self.partitions:
                localloop.loopdev_detach(
                    self.state['blockdev'][part.get_name()]['device']
                )

    def _read_table(self):
        # The loop device, not the file: a GPT is read in the sector size that
        # the device was attached with.
        out = utils.exec_sudo(['sfdisk', '--json', self.device_path])
        table = json.loads(out[out.index('{') :])['partitiontable']
        return {
            int(re.search(r'p?(\d+)$', row['node'])[1]): row
            for row in table['partitions']
        }

    def _attach(self, sector, row):
        failure = None
        for _ in range(8):
            device = utils.exec_sudo([sys.executable, '-c', _ADD_LOOP]).strip()
            try:
                utils.exec_sudo(
                    ['losetup', '--sector-size', str(sector),
                     '-o', str(row['start'] * sector),
                     '--sizelimit', str(row['size'] * sector),
                     device, self.image_path]
                )  # fmt: skip
            except exception.BlockDeviceSetupException as exc:
                # Somebody else took this number.
                failure = exc
            else:
                return device
        raise failure
