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

"""EGI-OVA-01: an OVA that can be imported."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from image_pipeline.audit import found, ova, rule, subjects

_STRONG = frozenset({'SHA256', 'SHA384', 'SHA512'})
_OTHERS = ('.mf', '.cert', '.ovf')


class EgiOva01(rule.Rule):
    """An OVA has its parts, in their order and whole."""

    id = 'EGI-OVA-01'
    subject = rule.Subject.ARTIFACT
    severity = rule.Severity.WARNING
    statement = (
        'an OVA is a tar of an OVF, a manifest that is right, and a '
        'streamOptimized VMDK'
    )
    rationale = (
        'VMware, and the sites that take an OVA, read it as a stream: the '
        'description must come first, and disks must be of the one kind of '
        'VMDK that can be read that way.'
    )
    source = (
        'DMTF DSP0243 (OVF); EGI documentation, Images; cloudkeeper, '
        'entities/convertables/ova.rb'
    )
    remedy = (
        'qemu-img convert -O vmdk -o subformat=streamOptimized, then tar the '
        '.ovf first, the .mf with SHA256 lines, and the .vmdk'
    )
    fix = rule.Fix.BUILD_ONLY
    # Whatever is looked for on a disk, a tar has none.
    implies = frozenset({'EGI-LAYOUT-01'})
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'required': {
                'type': 'boolean',
                'default': False,
                'description': 'There must be an OVA of the image beside it.',
            }
        },
    }

    def find(
        self, subject: subjects.ArtifactView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what an importer would stumble over."""
        try:
            path = _find(subject)
            if path is None and options['required']:
                yield found.said('there is no OVA of the image beside it')
            if path is None:
                raise rule.NotApplicable('there is no OVA')
            read = ova.read(path)
            yield from _order(read)
            yield from _disks(read)
            yield from _manifest(read)
        except ova.Damaged as exc:
            yield found.said(f'{path.name if path else "the OVA"}: {exc}')
        except OSError as exc:
            raise rule.CannotTell(f'{exc.filename}: {exc.strerror}') from exc


def _find(subject: subjects.ArtifactView) -> Path | None:
    if subject.image.disk.source is None and ova.is_ova(subject.path):
        return subject.path
    for name, path in subject.side_files.items():
        if name.lower().endswith('.ova'):
            return path
    return None


def _order(read: ova.Ova) -> Iterator[rule.Finding]:
    names = [member.name for member in read.members]
    if not names or not names[0].lower().endswith('.ovf'):
        yield found.said(
            'its first file is no .ovf', data=names[0] if names else None
        )
    for name in names:
        if '/' in name or name.startswith('.'):
            yield found.said('a file is not at the top of it', data=name)


def _disks(read: ova.Ova) -> Iterator[rule.Finding]:
    disks = [
        member
        for member in read.members
        if not member.name.lower().endswith(_OTHERS)
    ]
    if not disks:
        yield found.said('it has no disk')
    for member in disks:
        kind = member.create_type
        if kind is None:
            yield found.said(f'{member.name} is no VMDK of one file')
        elif kind.lower() != 'streamoptimized':
            yield found.said(
                f'{member.name} is a VMDK that cannot be streamed', data=kind
            )


def _manifest(read: ova.Ova) -> Iterator[rule.Finding]:
    if read.manifest is None:
        yield found.said('it has no manifest (.mf)')
        return
    for member in read.members:
        if member.name.lower().endswith(('.mf', '.cert')):
            continue
        said = read.manifest.get(member.name)
        if said is None:
            yield found.said(f'the manifest does not name {member.name}')
            continue
        kind, digits = said
        if member.digests[kind] != digits:
            yield found.said(
                f'the manifest has another {kind} of {member.name}',
                data=digits[:16],
                severity=rule.Severity.ERROR,
            )
        elif kind not in _STRONG:
            yield found.said(
                f'the manifest has {kind} of {member.name}: too weak a sum',
                severity=rule.Severity.INFO,
            )
