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

"""OS-NET-03: names of interfaces are those that the kernel gives."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import boot, release

_OLD = re.compile(r'eth\d+')
_NEW = re.compile(r'en(?:o\d|s\d|p\d|x[0-9a-f]{12})\w*')


class OsNet03(rule.Rule):
    """No configuration waits for an interface that never appears."""

    id = 'OS-NET-03'
    severity = rule.Severity.INFO
    statement = (
        "the network configuration uses the names that the kernel's command "
        'line brings about'
    )
    rationale = (
        'A configuration for eth0 does nothing where the card is called ens3.'
    )
    source = (
        'OpenStack image guide; cloud-image-val, test_net_ifnames_usage (EL '
        '10 must not have net.ifnames=0)'
    )
    satisfied_by = ('element:network-dhcp',)
    remedy = (
        'remove configurations of single interfaces; let cloud-init or a '
        'pattern such as "Name=en* eth*" configure them'
    )
    fix = rule.Fix.NO
    probe = 'OS-NET-03'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give each name of the other kind."""
        lines = [
            line
            for line, command in boot.command_lines(subject.files)
            if '0' in boot.arguments(command, 'net.ifnames')
        ]
        said = known.os_release(subject)
        settings = known.network_settings(subject)
        renamed = {
            setting.value for setting in settings if setting.kind == 'rename'
        }
        wrong = _NEW if lines else _OLD
        for setting in settings:
            if (
                setting.kind == 'name'
                and wrong.fullmatch(setting.value)
                and setting.value not in renamed
            ):
                yield found.at(
                    setting.line,
                    f'no interface is called {setting.value}, with'
                    f'{"" if lines else "out"} net.ifnames=0',
                )
        if lines and _has_no_old_names(said):
            yield found.at(
                lines[0],
                'EL 10 has no old names of interfaces any more',
                data='net.ifnames=0',
            )


def _has_no_old_names(said: Mapping[str, str]) -> bool:
    major = said.get('VERSION_ID', '').partition('.')[0]
    return (
        release.family(said) == 'redhat'
        and said.get('ID') != 'fedora'
        and major.isdecimal()
        and int(major) >= 10
    )
