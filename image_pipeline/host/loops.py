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

"""Detach loop devices: they outlive processes, namespaces and mounts."""

import contextlib
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.host import process

_DEVICES = Path('/sys/block')


def detach(
    mark: str,
    *,
    devices: Path = _DEVICES,
    host: process.Runner | None = None,
) -> None:
    """Detach the loop devices of files below a folder of a unique name.

    The name, for the kernel shows the path from the root of the file's mount:
    where that was in a namespace that is gone, nothing is left of the path to
    the mount point.

    What device-mapper has made of a device (partitions, logical volumes)
    holds it and goes first.  What cannot be had away is left.

    :param mark: the folder's name; folder and files may be gone already.
    :param devices: where the kernel lists block devices.
    :param host: runs the tools; None: one that runs them after a
        cancellation, too.
    """
    runner = host or process.Host()
    for backing in sorted(devices.glob('loop*/loop/backing_file')):
        try:
            text = backing.read_text()
        except OSError:
            continue
        if mark not in Path(text.rstrip('\n')).parts[:-1]:
            continue
        device = backing.parent.parent
        for holder in _holders(device, devices):
            with contextlib.suppress(OSError, exceptions.CommandFailed):
                name = (holder / 'dm' / 'name').read_text().strip()
                runner.run(['dmsetup', 'remove', '--retry', name])
        with contextlib.suppress(exceptions.CommandFailed):
            runner.run(['losetup', '--detach', f'/dev/{device.name}'])


def _holders(device: Path, devices: Path) -> list[Path]:
    """Return what sits on a device, that which sits on top first."""
    found: list[Path] = []
    for folder in (device, *sorted(device.glob('loop*p*'))):
        for holder in sorted((folder / 'holders').glob('dm-*')):
            upper = devices / holder.name
            found += [*_holders(upper, devices), upper]
    return list(dict.fromkeys(found))
