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

"""OS-NET-01: no network card's address is in the image."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.remedies import draft
from image_pipeline.disk import edits, files

_GENERATOR = 'rules.d/75-persistent-net-generator.rules'
_PERSISTENT = '/etc/udev/rules.d/70-persistent-net.rules'

#: Where an address is said beside the name of an interface: in netplan and
#: networkd it often is all that chooses one, and a person must say what does.
_BY_NAME = (
    '/etc/network/',
    '/etc/NetworkManager/',
    '/etc/sysconfig/network',
)


class OsNet01(rule.Rule):
    """Any network card will do."""

    id = 'OS-NET-01'
    severity = rule.Severity.ERROR
    statement = 'no file ties the network to the address of a network card'
    rationale = (
        'Each instance gets a card with an address of its own; one that is '
        'tied to another card has no network.'
    )
    source = (
        'OpenStack image guide, "No hard-coded MAC address information"; '
        'virt-sysprep, net-hwaddr and udev-persistent-net'
    )
    satisfied_by = ('element:network-dhcp', 'element:image-hygiene')
    remedy = (
        'remove 70-persistent-net.rules, and macaddress, MACAddress=, HWADDR= '
        'and hwaddress from the network configuration'
    )
    fix = rule.Fix.YES
    probe = 'OS-NET-01'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give each address, and what would write one at boot."""
        for setting in known.network_settings(subject):
            if setting.kind == 'mac':
                yield found.at(
                    setting.line, "a network card's address is written down"
                )
            elif setting.kind == 'rename' and setting.line.path == _PERSISTENT:
                yield found.at(
                    setting.line,
                    'a network card has a name of its own',
                    severity=rule.Severity.WARNING,
                )
        path = _generator(subject.files)
        if path is not None:
            yield found.in_file(
                path,
                'udev writes the address of the first card down at boot; a '
                'snapshot of the instance keeps it',
                severity=rule.Severity.WARNING,
            )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give files without addresses, where the rest still says enough."""
        plan = draft.Draft(subject.files)
        for setting in known.network_settings(subject):
            line = setting.line
            if setting.kind == 'mac' and line.path.startswith(_BY_NAME):
                plan.drop(line)
        path = _generator(subject.files)
        if path is not None:
            plan.link(f'/etc/udev/{_GENERATOR}', '/dev/null')
        yield from plan.edits()


def _generator(tree: files.FileTree) -> str | None:
    """Return the rule of udev that writes addresses down, or None."""
    if tree.exists(f'/etc/udev/{_GENERATOR}') or _is_link(
        tree, f'/etc/udev/{_GENERATOR}'
    ):
        path = f'/etc/udev/{_GENERATOR}'
        # A link to /dev/null, or an empty file, masks the vendor's.
        there = tree.is_file(path) and tree.stat(path).size > 0
        return path if there else None
    for folder in ('/usr/lib/udev', '/lib/udev'):
        if tree.is_file(f'{folder}/{_GENERATOR}'):
            return f'{folder}/{_GENERATOR}'
    return None


def _is_link(tree: files.FileTree, path: str) -> bool:
    try:
        return tree.lstat(path).link is not None
    except OSError:
        return False
