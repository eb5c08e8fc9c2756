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

"""HYG-03: the machine id is not in the image."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, leftovers, rule, view
from image_pipeline.audit.guest import network, release, text
from image_pipeline.audit.remedies import draft
from image_pipeline.audit.remedies import units as remedy
from image_pipeline.disk import edits, files

_ID = re.compile(r'/([0-9a-f]{32})(?:-|$)')
#: What an instance is reached by.
_NEEDED = (
    *network.STACKS.values(),
    'ssh.service',
    'sshd.service',
    'cloud-init-local.service',
    'cloud-init-main.service',
    'cloud-init-network.service',
    'cloud-init.service',
    'cloud-config.service',
    'cloud-final.service',
)
_SYSTEMD = ('/usr/lib/systemd/systemd', '/lib/systemd/systemd')


class Hyg03(rule.Rule):
    """The machine id is not in the image."""

    id = 'HYG-03'
    severity = rule.Severity.ERROR
    statement = (
        '/etc/machine-id is there and empty, and there is no copy of it'
    )
    rationale = (
        'Instances with one machine id get one address by DHCP and one IPv6 '
        'address, and their journals are mixed.'
    )
    source = (
        'machine-id(5); systemd, "Building Images Safely"; virt-sysprep, '
        'machine-id; cloud-init clean --machine-id'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'make /etc/machine-id an empty file, and remove '
        '/var/lib/dbus/machine-id or make it a link'
    )
    fix = rule.Fix.YES
    probe = 'HYG-03'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give the id, its copies, and a file that is not there."""
        yield from leftovers.findings(subject, self.id)
        tree = subject.files
        if _has_systemd(tree):
            yield from _first_boot(subject, tree)
        yield from _entries(tree)

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give an empty file in the place of none, or of one that is not."""
        tree = subject.files
        if not _has_systemd(tree):
            return
        if not any(_first_boot(subject, tree)):
            return
        if tree.exists('/etc/machine-id'):
            yield edits.Truncate(path=tree.resolve('/etc/machine-id'))
        else:
            yield edits.Write(path='/etc/machine-id', content=b'', mode=0o444)
        # The presets of a first boot may be all that starts the network.
        plan = draft.Draft(tree)
        remedy.keep(plan, known.units(subject), _NEEDED)
        yield from plan.edits()


def _has_systemd(tree: files.FileTree) -> bool:
    return any(tree.exists(path) for path in _SYSTEMD)


def _first_boot(
    subject: view.ImageView, tree: files.FileTree
) -> Iterator[rule.Finding]:
    """Give what makes systemd apply presets at first boot, unasked for."""
    try:
        said = tree.read_text('/etc/machine-id', 64).strip()
    except OSError:
        yield found.in_file(
            '/etc/machine-id',
            'there is none: systemd then enables units by preset at first '
            'boot, and cannot save an id where /etc is read-only',
            severity=rule.Severity.WARNING,
        )
        return
    if (
        said == 'uninitialized'
        and release.family(known.os_release(subject)) == 'debian'
    ):
        # Debian's and Ubuntu's preset is to enable everything.
        yield found.in_file(
            '/etc/machine-id',
            'systemd enables units by preset at first boot, those too that '
            'the image has disabled',
            data=said,
            severity=rule.Severity.WARNING,
        )


def _entries(tree: files.FileTree) -> Iterator[rule.Finding]:
    """Give boot entries of an id that kernel-install will not use again."""
    token = ''.join(
        line.text.strip()
        for line in text.lines(tree, '/etc/kernel/entry-token')
    )
    for path in (
        *tree.glob('/boot/loader/entries/*.conf'),
        *tree.glob('/boot/*'),
    ):
        match = _ID.search(path)
        if match and match[1] != token and 'rescue' not in path:
            yield found.in_file(
                path,
                'it has the machine id of the build: kernel-install makes '
                'entries of another name, and leaves this one behind',
                severity=rule.Severity.WARNING,
            )
