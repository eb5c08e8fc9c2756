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

"""What Nova is told of a server, and what it tells the server."""

import base64
import gzip
import re
from collections.abc import Mapping

from image_pipeline import exceptions
from image_pipeline.hypervisors import base

#: The image property that says under what an image is booted.
FIRMWARE = 'hw_firmware_type'
# Architectures whose machines start by UEFI in Nova's libvirt driver, where
# nothing is said.
_UEFI_MACHINES = frozenset({'aarch64', 'armv8l'})
# Nova takes 65535 bytes of user data, after base64
# (nova/api/openstack/compute/schemas/servers.py).
_USER_DATA = 65535
_HOSTNAME_LENGTH = 63


def firmware(properties: Mapping[str, str]) -> base.Firmware:
    """Return the firmware that Nova boots an image under.

    :param properties: of the image.
    """
    said = properties.get(FIRMWARE)
    if said is None and properties.get('architecture') in _UEFI_MACHINES:
        said = 'uefi'
    return base.Firmware.UEFI if said == 'uefi' else base.Firmware.BIOS


def hostname(name: str) -> str:
    """Return the hostname that Nova makes of a server's name.

    As ``nova.utils.sanitize_hostname``.

    :param name: the server's.
    """
    text = re.sub(r'[ _.]', '-', name)
    text = re.sub(r'[^\w.-]+', '', text, flags=re.ASCII).lower()
    return text.strip('.-')[:_HOSTNAME_LENGTH]


def user_data(data: bytes) -> str:
    """Return user data as Nova takes it, compressed if it is too long.

    cloud-init takes it either way.

    :param data: the script.
    :raises StageFailed: it is too long all the same.
    """
    text = base64.b64encode(data).decode()
    if len(text) > _USER_DATA:
        packed = gzip.compress(data, mtime=0)
        text = base64.b64encode(packed).decode()
    if len(text) > _USER_DATA:
        raise exceptions.StageFailed(
            f'the user data has {len(text)} bytes, Nova takes {_USER_DATA}',
            hint='ask for fewer probes',
        )
    return text
