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

"""What Nova is told, and what it makes of it."""

import base64
import gzip
import random

import pytest

from image_pipeline import exceptions
from image_pipeline.hypervisors import base, nova_told


@pytest.mark.parametrize(
    ('properties', 'firmware'),
    [
        ({}, base.Firmware.BIOS),
        ({'hw_firmware_type': 'bios'}, base.Firmware.BIOS),
        ({'hw_firmware_type': 'uefi'}, base.Firmware.UEFI),
        ({'architecture': 'aarch64'}, base.Firmware.UEFI),
        ({'architecture': 'x86_64'}, base.Firmware.BIOS),
    ],
)
def test_property_of_the_image_decides_the_firmware(
    properties: dict[str, str], firmware: base.Firmware
) -> None:
    assert nova_told.firmware(properties) is firmware


@pytest.mark.parametrize(
    ('name', 'hostname'),
    [
        (
            'image-pipeline-20261121-101112-Debian_12-ab12-0123abcd',
            'image-pipeline-20261121-101112-debian-12-ab12-0123abcd',
        ),
        ('a.b c', 'a-b-c'),
        ('-x' * 50, ('x' + '-x' * 49)[:63]),
    ],
)
def test_hostname_is_made_of_the_name_as_nova_does(
    name: str, hostname: str
) -> None:
    assert nova_told.hostname(name) == hostname


def test_short_user_data_are_sent_as_they_are() -> None:
    assert base64.b64decode(nova_told.user_data(b'#!/bin/sh\n')) == (
        b'#!/bin/sh\n'
    )


def test_long_user_data_are_compressed() -> None:
    data = b'#!/bin/sh\n' + b'echo a line\n' * 10_000
    told = nova_told.user_data(data)
    assert len(told) <= 65535
    assert gzip.decompress(base64.b64decode(told)) == data


def test_user_data_that_stay_too_long_are_refused() -> None:
    data = random.Random(1).randbytes(100_000)
    with pytest.raises(exceptions.StageFailed, match='takes 65535'):
        nova_told.user_data(data)
