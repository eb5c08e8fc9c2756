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


"""Whether this host can run another architecture's programs."""

import platform
from collections.abc import Iterable
from pathlib import Path

from image_pipeline import exceptions

#: The kernel's name of an architecture, by DIB's.
_MACHINES = {'amd64': 'x86_64', 'arm64': 'aarch64'}


def problems(
    architecture: str,
    *,
    machine: str | None = None,
    emulators: Path = Path('/proc/sys/fs/binfmt_misc'),
) -> Iterable[exceptions.Problem]:
    """Return why an image of an architecture cannot be composed here.

    :param architecture: DIB's name of it.
    :param machine: the host's, as the kernel says it; None: ask it.
    :param emulators: where binfmt_misc lists what the kernel starts.
    """
    host = machine or platform.machine()
    wanted = _MACHINES.get(architecture, architecture)
    if wanted != host and not (emulators / f'qemu-{wanted}').exists():
        yield exceptions.Problem(
            path='architecture',
            message=f'this host is {host} and cannot run {wanted} programs',
            hint='install `qemu-user-static`, or build on another host',
        )
