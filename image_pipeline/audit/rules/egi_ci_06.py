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
"""EGI-CI-06: no instance's data is baked into the image."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import boot, cloud_init
from image_pipeline.audit.remedies import cloud_init as remedy
from image_pipeline.audit.remedies import draft, kernel
from image_pipeline.disk import edits, files

_SEED = '/var/lib/cloud/seed'
#: What installers leave for the machine that they install; each overrides
#: what the cloud says.
_INSTALLERS = frozenset(
    {
        '50-curtin-networking.cfg',
        '90-installer-network.cfg',
        '99-installer.cfg',
        'curtin-preserve-sources.cfg',
        'subiquity-disable-cloudinit-networking.cfg',
    }
)
#: Labels of file systems that datasources look for (tools/ds-identify).
_LABELS = {
    'cidata': 'NoCloud',
    'config-2': 'ConfigDrive',
    'context': 'OpenNebula',
}
_KEYS = ('seedfrom', 'user-data', 'meta-data')


class EgiCi06(rule.Rule):
    """What an instance is told comes from the cloud, not from the image."""

    id = 'EGI-CI-06'
    severity = rule.Severity.ERROR
    statement = (
        'no seed, no user data and no installer\'s settings in the image'
    )
    rationale = (
        'A seed in the image takes the place of the cloud\'s metadata: every '
        'instance gets the same name, users and keys, or none.'
    )
    source = (
        'EGI-Federation/fedcloud-vmi-templates, tasks of Ubuntu; cloud-init, '
        'tools/ds-identify, dscheck_NoCloud'
    )
    satisfied_by = ('element:image-hygiene',)
    remedy = (
        'cloud-init clean --logs --seed --machine-id --configs all, and '
        'remove the installer\'s files from /etc/cloud/cloud.cfg.d'
    )
    fix = rule.Fix.YES
    implies = frozenset({'HYG-09', 'OS-CI-07', 'OS-NET-02'})
    probe = 'EGI-CI-06'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'nocloud': {
                'type': 'boolean',
                'default': False,
                'description': 'Whether the image is for tests without a '
                'cloud, with a NoCloud seed of its own.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what overrides the cloud's metadata."""
        allowed = bool(options['nocloud'])
        for device in subject.devices:
            for block in device.blocks:
                name = _LABELS.get(block.label.lower())
                if name and not (allowed and name == 'NoCloud'):
                    yield found.said(
                        f'{device.name} is a seed of {name}',
                        data=f'LABEL={block.label}',
                    )
        tree = subject.files
        yield from _seeds(tree, allowed=allowed)
        for path in tree.glob(f'{cloud_init.FOLDER}/*.cfg'):
            if path.rpartition('/')[2] in _INSTALLERS:
                yield found.in_file(path, 'an installer left its settings')
        yield from _told(tree, allowed=allowed)
        if cloud_init.is_installed(tree):
            yield from _configured(subject, allowed=allowed)

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give no installer's settings, and a kernel that is told nothing."""
        tree = subject.files
        allowed = bool(options['nocloud'])
        plan = draft.Draft(tree)
        gone = [
            path
            for path in tree.glob(f'{cloud_init.FOLDER}/*.cfg')
            if path.rpartition('/')[2] in _INSTALLERS
        ]
        for path in gone:
            plan.remove(path)
        kernel.drop(
            plan,
            lambda word: (
                word == 'autoinstall'
                or (word.lower().startswith('ds=nocloud') and not allowed)
            ),
        )
        if cloud_init.is_installed(tree):
            config = known.cloud_config(subject)
            told: list[tuple[str, ...]] = [('network',)]
            if not allowed:
                told.append(('datasource', 'NoCloud'))
            for keys in told:
                for line, value in config.each(*keys):
                    if line.path not in gone and (
                        keys != ('network',) or _is_off(value)
                    ):
                        remedy.drop(plan, line)
        yield from plan.edits()


def _seeds(tree: files.FileTree, *, allowed: bool) -> Iterator[rule.Finding]:
    for folder in tree.glob(f'{_SEED}/*'):
        name = folder.rpartition('/')[2]
        if allowed and name.startswith('nocloud'):
            continue
        if tree.is_folder(folder) and tree.listdir(folder):
            yield found.in_file(
                folder,
                'a seed is in the image',
                data=', '.join(tree.listdir(folder)),
            )


def _told(tree: files.FileTree, *, allowed: bool) -> Iterator[rule.Finding]:
    for line, command in boot.command_lines(tree):
        words = command.split()
        if 'autoinstall' in words:
            yield found.at(
                line, 'the kernel is told to install', data='autoinstall'
            )
        for value in boot.arguments(command, 'ds'):
            if value.lower().startswith('nocloud') and not allowed:
                yield found.at(
                    line, 'the kernel names a seed', data=f'ds={value}'
                )


def _configured(
    subject: view.ImageView, *, allowed: bool
) -> Iterator[rule.Finding]:
    config = known.cloud_config(subject)
    for key in _KEYS if not allowed else ():
        line = config.where('datasource', 'NoCloud', key)
        if line is not None:
            yield found.secret_at(
                line, f'cloud-init is given {key} in the image'
            )
    if config.get('network', 'config') == 'disabled':
        yield found.at(
            config.where('network', 'config'),
            'cloud-init leaves the network alone, whatever the cloud says',
            severity=rule.Severity.WARNING,
        )


def _is_off(value: Any) -> bool:
    return isinstance(value, dict) and value.get('config') == 'disabled'
