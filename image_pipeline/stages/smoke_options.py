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

"""What the options of the stage ``smoke-test`` may be: their schema."""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

from image_pipeline.probes import access


class Also(enum.StrEnum):
    """What is tried beside the boots of the firmwares."""

    #: The second instance has its metadata from the other source.
    METADATA = 'metadata'
    #: An instance that answered is rebooted, and answers again.
    REBOOT = 'reboot'
    #: It gets a larger flavor, and answers again.
    RESIZE = 'resize'
    #: It is rescued, and answers from the rescue.
    RESCUE = 'rescue'
    #: One more instance has its root disk on a volume.
    VOLUME = 'volume'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Waiver:
    """A probe that may fail.

    :param probe: its id.
    :param reason: why, for whoever reads the report.
    :param expires: the last day on which that holds, as ``2027-01-31``.
    """

    probe: str
    reason: str
    expires: str


#: JSON Schema of
#: :class:`~image_pipeline.stages.smoke_test.SmokeTestOptions`.
SCHEMA: Mapping[str, Any] = {
    'type': 'object',
    'additionalProperties': False,
    'properties': {
        'firmware': {
            'description': 'What the image is booted under. With a '
            'single one it is booted twice.',
            'type': 'array',
            'items': {'enum': ['bios', 'uefi']},
            'uniqueItems': True,
            'minItems': 1,
            'default': ['bios', 'uefi'],
        },
        'probes': {
            'description': 'Ids of the probes to ask; null means all.',
            'type': ['array', 'null'],
            'items': {'type': 'string'},
            'uniqueItems': True,
            'default': None,
        },
        'waive': {
            'description': 'Probes that may fail until a day.',
            'type': 'array',
            'items': {
                'type': 'object',
                'additionalProperties': False,
                'required': ['probe', 'reason', 'expires'],
                'properties': {
                    'probe': {
                        'description': "The probe's id.",
                        'type': 'string',
                    },
                    'reason': {
                        'description': 'Why it may fail.',
                        'type': 'string',
                        'pattern': r'\S',
                    },
                    'expires': {
                        'description': 'The last day, as 2027-01-31.',
                        'type': 'string',
                        'pattern': r'^\d{4}-\d{2}-\d{2}$',
                    },
                },
            },
            'default': [],
        },
        'vcpus': {
            'description': 'Processors of an instance.',
            'type': 'integer',
            'minimum': 1,
            'default': 1,
        },
        'memory_mib': {
            'description': 'Memory of an instance, in MiB.',
            'type': 'integer',
            'minimum': 128,
            'default': 1024,
        },
        'growth_mib': {
            'description': "By how much an instance's disk is larger "
            'than the image, in MiB.',
            'type': 'integer',
            'minimum': 0,
            'default': 2048,
        },
        'config_drive': {
            'description': 'Whether metadata comes on a config drive; '
            'the metadata service of a cloud is asked otherwise.',
            'type': 'boolean',
            'default': True,
        },
        'time_limit': {
            'description': 'Seconds from power-on to the last answer, '
            'on hardware; multiplied where guests are emulated.',
            'type': 'integer',
            'minimum': 1,
            'default': 180,
        },
        'silence_limit': {
            'description': 'Seconds without a character on the console '
            'after which a boot hangs, on hardware; multiplied where '
            'guests are emulated.',
            'type': 'integer',
            'minimum': 1,
            'default': 30,
        },
        'boot_limit': {
            'description': "Seconds from the kernel's start to the end "
            'of cloud-init; where guests are emulated, only those in '
            'which the guest had nothing to do are counted.',
            'type': 'integer',
            'minimum': 1,
            'default': 60,
        },
        'allowed_ports': {
            'description': 'Ports that may listen beyond loopback, such '
            'as 22/tcp.',
            'type': 'array',
            'items': {'type': 'string', 'pattern': '^[0-9]+/(tcp|udp)$'},
            'default': list(access.ALLOWED_PORTS),
        },
        'also': {
            'description': 'What is tried beside the boots, where the '
            "hypervisor offers it: that the second instance's metadata come "
            'from the other source (config drive or metadata service), that '
            'an instance answers again after a reboot, with a larger flavor, '
            'or in rescue, and a root disk on a volume. What is not offered '
            'is skipped, and the report says why.',
            'type': 'array',
            'items': {
                'enum': ['metadata', 'reboot', 'resize', 'rescue', 'volume']
            },
            'uniqueItems': True,
            'default': [],
        },
    },
}
