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

"""EGI-LAYOUT-03: no swap."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit import rule, view
from image_pipeline.audit.guest import boot, mounts, text
from image_pipeline.disk import files, partitions

_PLACES = ('/swapfile', '/swap.img', '/var/swap*')
_UNITS = (
    '/etc/systemd/system/*.swap',
    '/etc/systemd/system/*/*.swap',
    '/usr/lib/systemd/system/*.swap',
    '/lib/systemd/system/*.swap',
)
_RESUME = '/etc/initramfs-tools/conf.d/resume'


class EgiLayout03(rule.Rule):
    """There is no swap in the image."""

    id = 'EGI-LAYOUT-03'
    # An instance works with it, so it is no error.
    severity = rule.Severity.WARNING
    statement = 'there is no swap in the image'
    rationale = (
        'Swap is dead weight in every transfer; a flavor gives it where it '
        'is wanted, or a volume.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "Summary": DON\'T include swap '
        'partitions; docs.egi.eu, Images; Azure certification, test 4'
    )
    satisfied_by = ('stage:compose', 'element:plain-disk')
    remedy = (
        'take swap out of the block-device file, purge what makes swap files, '
        'and set RESUME=none'
    )
    fix = rule.Fix.BUILD_ONLY
    implies = frozenset({'EGI-LAYOUT-01', 'EGI-LAYOUT-05', 'EGI-LAYOUT-06'})
    probe = 'EGI-LAYOUT-03'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give swap areas, swap files, units, fstab lines and resume=."""
        for device in subject.devices:
            yield from _on(device)
        tree = subject.files
        yield from _in_fstab(subject, tree)
        for pattern in _PLACES:
            for path in tree.glob(pattern):
                if tree.is_file(path):
                    yield _in_file('a swap file', path)
        for path in _units(tree):
            yield _in_file('a unit that activates swap', path)
        yield from _resumes(tree)


def _on(device: view.Device) -> Iterator[rule.Finding]:
    for block in device.blocks:
        if block.kind == 'swap':
            yield rule.Finding(
                evidence=artifact.Evidence(
                    message=f'{device.name} is a swap area',
                    offset=block.offset,
                    data=bytes.fromhex(block.magic).decode('ascii', 'replace'),
                )
            )
    part = device.partition
    if part is None or device.has('swap'):
        return
    # Solaris has the same type in an MBR: what lies in it decides.
    if part.type == partitions.SWAP or (
        part.type == partitions.MBR_SWAP and not device.blocks
    ):
        yield rule.Finding(
            evidence=artifact.Evidence(
                message=f'{device.name} has the type of swap',
                offset=part.entry,
                data=part.type,
            )
        )


def _in_fstab(
    subject: view.ImageView, tree: files.FileTree
) -> Iterator[rule.Finding]:
    for mount in mounts.fstab(tree):
        if mount.type != 'swap' or mount.spec.startswith('/dev/zram'):
            continue
        # A second disk of the site may be swap, if a boot goes on without.
        if (
            mount.optional
            and subject.named(mount.spec) is None
            and not tree.exists(mount.spec)
        ):
            continue
        yield rule.Finding(
            evidence=artifact.Evidence(
                message='swap is activated',
                path=mount.line.path,
                line=mount.line.number,
                data=mount.line.text.strip(),
            )
        )


def _units(tree: files.FileTree) -> list[str]:
    found = {
        tree.resolve(path) if tree.exists(path) else path: path
        for pattern in _UNITS
        for path in tree.glob(pattern)
        # zram is memory, and a link to /dev/null masks a unit.
        if not path.rpartition('/')[2].startswith('dev-zram')
        and not _masked(tree, path)
    }
    return sorted(found.values())


def _masked(tree: files.FileTree, path: str) -> bool:
    return tree.lstat(path).link == '/dev/null'


def _resumes(tree: files.FileTree) -> Iterator[rule.Finding]:
    for line, command in boot.command_lines(tree):
        for value in boot.arguments(command, 'resume'):
            if value != 'none':
                yield rule.Finding(
                    evidence=artifact.Evidence(
                        message='the kernel is told to resume from swap',
                        path=line.path,
                        line=line.number,
                        data=f'resume={value}',
                    )
                )
    for line in text.said(tree, _RESUME):
        name, _, value = line.text.partition('=')
        if name.strip() == 'RESUME' and value.strip('"\' ') != 'none':
            yield rule.Finding(
                evidence=artifact.Evidence(
                    message='the initramfs is told to resume from swap',
                    path=line.path,
                    line=line.number,
                    data=line.text.strip(),
                )
            )


def _in_file(message: str, path: str) -> rule.Finding:
    return rule.Finding(evidence=artifact.Evidence(message=message, path=path))
