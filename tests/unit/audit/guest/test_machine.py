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
import struct

import pytest

from image_pipeline.audit.guest import machine
from image_pipeline.disk import files
from image_pipeline.testing import disks


def elf(number, bits=2, order='<'):
    """Return the beginning of a program."""
    head = b'\x7fELF' + bytes([bits, 1 if order == '<' else 2, 1])
    return head.ljust(16, b'\0') + struct.pack(f'{order}HH', 2, number)


def architecture(content):
    return machine.architecture(files.FileTree(disks.MemoryFiles(content)))


@pytest.mark.parametrize(
    ('program', 'expected'),
    [
        (elf(62), 'x86_64'),
        (elf(183), 'aarch64'),
        (elf(3, bits=1), 'i686'),
        (elf(21), 'ppc64le'),
        (elf(22, order='>'), 's390x'),
        (elf(4242), None),
        (b'\x7fELF', None),
        (b'#!/bin/sh\n' * 4, None),
    ],
)
def test_the_machine_is_that_of_the_programs(program, expected):
    assert architecture({'/usr/lib/systemd/systemd': program}) == expected


def test_a_program_that_is_a_script_is_passed_over():
    found = architecture(
        {
            '/usr/bin/bash': '#!/bin/sh\n',
            '/bin/busybox': elf(183),
            '/bin/sh': disks.Link('busybox'),
        }
    )
    assert found == 'aarch64'


def test_nothing_there_is_no_machine():
    assert architecture({'/bin/sh': disks.Link('nowhere')}) is None
