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

"""OS-FW-01: a firewall in the image lets SSH in."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import firewall


class OsFw01(rule.Rule):
    """The cloud's security groups are the firewall."""

    id = 'OS-FW-01'
    severity = rule.Severity.WARNING
    statement = 'a firewall in the image is off, or lets SSH in'
    rationale = (
        'Security groups are the firewall; a second one hides faults, and one '
        'that drops SSH makes the instance unreachable.'
    )
    source = (
        'OpenStack image guide, "Disable firewall"; docs.egi.eu, Images: '
        '"minimally open, also for IPv6"; EGI fedcloud-vmi-templates '
        '(firewall --service=ssh)'
    )
    satisfied_by = ('element:egi-cloud-image',)
    remedy = (
        'disable the firewall (systemctl disable nftables, firewalld or ufw), '
        'or accept TCP port 22'
    )
    fix = rule.Fix.NO
    probe = 'OS-FW-01'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'firewall': {
                'enum': ['none', 'ssh-only'],
                'default': 'ssh-only',
                'description': 'Whether a firewall may be enabled at all: '
                'the OpenStack image guide says none, EGI minimally open.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give firewalls that keep SSH out, or are there at all."""
        units = known.units(subject)
        unclear = []
        for name, unit in firewall.UNITS.items():
            if not units.is_enabled(unit):
                continue
            for verdict in firewall.judge(subject.files, name):
                if verdict.open is None:
                    unclear.append(name)
                elif not verdict.open and verdict.line is not None:
                    yield found.at(
                        verdict.line,
                        f'{name} keeps SSH out',
                        severity=rule.Severity.ERROR,
                    )
                elif not verdict.open:
                    yield found.in_file(
                        verdict.path,
                        f'{name} keeps SSH out',
                        severity=rule.Severity.ERROR,
                    )
                elif options['firewall'] == 'none':
                    yield found.in_file(
                        verdict.path, f'{name} is enabled, with rules'
                    )
        if unclear:
            raise rule.CannotTell(
                f'the rules of {", ".join(unclear)} could not be read'
            )
