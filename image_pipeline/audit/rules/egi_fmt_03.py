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

"""EGI-FMT-03: the content is what the name says."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, subjects

#: What oslo.utils calls a raw disk, by what it saw in it.
_RAW = frozenset({'raw', 'gpt', 'iso', 'luks'})
_SUFFIXES = {
    '.qcow2': 'qcow2',
    '.raw': 'raw',
    '.vmdk': 'vmdk',
    '.vhd': 'vhd',
    '.vpc': 'vhd',
    '.vhdx': 'vhdx',
    '.vdi': 'vdi',
    '.iso': 'raw',
}
#: Names that say nothing, though people take them for raw.
_VAGUE = frozenset({'.img', '.bin', '.image'})


class EgiFmt03(rule.Rule):
    """The file is of one format, and of the one that its name says."""

    id = 'EGI-FMT-03'
    subject = rule.Subject.ARTIFACT
    severity = rule.Severity.ERROR
    statement = 'the file has the format that its name says, and no other'
    rationale = (
        'Glance looks at what is uploaded, and refuses a file that is not of '
        'the disk_format it was announced as; a file that is of two formats '
        'at once hides one image in another.'
    )
    source = (
        'Glance [image_format] require_image_format_match (default true); '
        'oslo.utils format_inspector'
    )
    satisfied_by = ('stage:convert', 'stage:register')
    remedy = (
        'name the file, and set disk_format, after what it is (qemu-img '
        'info), or convert it; Ubuntu\'s .img files are qcow2'
    )
    fix = rule.Fix.BY_COPYING
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    def find(
        self, subject: subjects.ArtifactView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give a name that is not true, and a second format."""
        formats = known.safety(subject).formats
        if len(formats) > 1 and set(formats) != {'iso', 'gpt'}:
            yield found.said(
                f'the file is of several formats at once: '
                f'{", ".join(formats)}',
                data=','.join(formats),
            )
            return
        content = formats[0] if formats else 'raw'
        if content in _RAW:
            content = 'raw'
        suffix = subject.path.suffix.lower()
        said = _SUFFIXES.get(suffix)
        if said is not None and said != content:
            yield found.said(
                f'the file is called {suffix}, but is {content}', data=content
            )
        elif suffix in _VAGUE and content != 'raw':
            yield found.said(
                f'the file is called {suffix}, and is {content}: disk_format '
                f'must be {content}',
                data=content,
                severity=rule.Severity.INFO,
            )
