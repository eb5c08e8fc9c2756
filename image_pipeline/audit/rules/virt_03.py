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

"""VIRT-03: the power button works."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import booting, found, known, rule, view
from image_pipeline.audit.guest import systemd_conf

_LOGIND, _ACPID = 'systemd-logind.service', 'acpid.service'


class Virt03(rule.Rule):
    """A shutdown that the cloud asks for is done, and there is entropy."""

    id = 'VIRT-03'
    severity = rule.Severity.WARNING
    statement = 'the ACPI power button shuts the guest down'
    rationale = (
        'Stopping an instance presses its power button; if nothing listens, '
        'it is cut off after a minute, with its file systems mounted.'
    )
    source = (
        'Glance, Useful image properties (os_shutdown_timeout, hw_rng_model);'
        ' logind.conf(5), HandlePowerKey'
    )
    remedy = (
        'leave HandlePowerKey of logind.conf as it is (poweroff), and '
        'systemd-logind unmasked, or install acpid'
    )
    fix = rule.Fix.BUILD_ONLY
    probe = 'VIRT-03'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what keeps a guest from hearing its power button."""
        units = known.units(subject)
        acpid = units.is_enabled(_ACPID)
        key = systemd_conf.read(subject.files, 'logind.conf').get(
            'Login', 'HandlePowerKey'
        )
        if not acpid and units.is_masked(_LOGIND):
            yield found.in_file(
                units.path(_LOGIND) or _LOGIND,
                'systemd-logind is masked, and there is no acpid',
            )
        elif not acpid and not units.exists(_LOGIND):
            yield found.said('there is neither systemd-logind nor acpid')
        elif not acpid and key is not None and key.value != 'poweroff':
            yield found.at(
                key.line, f'the power button does not shut down: {key.value}'
            )
        for one in booting.kernels_of(subject):
            drivers = booting.drivers_of(subject, one.version)
            if one.rescue or drivers is None or drivers.has('virtio_rng'):
                continue
            yield found.in_file(
                drivers.folder,
                f'kernel {one.version} has no driver virtio_rng',
                severity=rule.Severity.INFO,
            )
