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

"""EGI-LAYOUT-09: no names of devices, no references to nothing."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit import rule, view
from image_pipeline.audit.guest import boot, mounts, text

_DEVICE = re.compile(r'(?<![\w/-])/dev/(?:sd|vd|xvd|hd|nvme|loop|nbd)\w*')
_SEARCH = re.compile(
    r'\bsearch\b.*\s--(fs-uuid|label|fs-label)\b(?:\s+--\S+)*\s+'
    r'([^\s-][^\s]*)'
)
#: What grub-install writes beside its image on the ESP.
_SEARCH_DOT = re.compile(r'\bsearch\.(fs_uuid|fs_label)\s+([^\s$]+)')
_REFERENCE = re.compile(r'^(?:PART)?(?:UUID|LABEL)=.', re.IGNORECASE)
_BY = '/dev/disk/by-'


class EgiLayout09(rule.Rule):
    """File systems are named by UUID or label, and those exist."""

    id = 'EGI-LAYOUT-09'
    severity = rule.Severity.ERROR
    statement = (
        'fstab and boot loader name file systems by UUID, LABEL or PARTUUID '
        'that the image has, never by device'
    )
    rationale = (
        'The same disk is vda, sda or xvda as the hypervisor likes; a device '
        'of the build host is nowhere.'
    )
    source = (
        '"Inside an image factory" (2013); EGI wiki '
        'VT-CloudCaps:BestPractices, examples'
    )
    satisfied_by = ('stage:compose', 'element:block-device-tree')
    remedy = (
        'write UUID= or LABEL= into /etc/fstab and run update-grub (or '
        'grub2-mkconfig) in the image'
    )
    fix = rule.Fix.BUILD_ONLY
    implies = frozenset({'EGI-ONE-04'})
    probe = 'EGI-LAYOUT-09'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give devices by name, and references that lead nowhere."""
        tree = subject.files
        for path in ('/etc/fstab', *boot.boot_files(tree)):
            for line in text.said(tree, path):
                yield from _devices(line)
        for line, reference in _references(subject):
            if subject.named(reference) is None:
                yield _finding(
                    'nothing in the image is called that', line, reference
                )


def _devices(line: text.Line) -> Iterator[rule.Finding]:
    # A comment may follow; a # in a GRUB string is rare enough to be read.
    for found in _DEVICE.findall(line.text.partition(' #')[0]):
        built = found.startswith(('/dev/loop', '/dev/nbd'))
        yield _finding(
            'a device of the build host is left over'
            if built
            else 'a device is named as one hypervisor calls it',
            line,
            found,
        )


def _references(
    subject: view.ImageView,
) -> Iterator[tuple[text.Line, str]]:
    """Give each reference to a file system, with its line."""
    tree = subject.files
    for mount in mounts.fstab(tree):
        # A site's own volumes are mounted so that a boot goes on without.
        if not mount.optional and _is_reference(mount.spec):
            yield mount.line, mount.spec
    for line, command in boot.command_lines(tree):
        for root in boot.arguments(command, 'root'):
            if _is_reference(root):
                yield line, root
    for path in boot.boot_files(tree):
        for line in text.said(tree, path):
            match = _SEARCH.search(line.text) or _SEARCH_DOT.search(line.text)
            if match and '$' not in match[2]:
                key = 'UUID' if 'uuid' in match[1] else 'LABEL'
                yield line, f'{key}={match[2]}'


def _is_reference(spec: str) -> bool:
    return bool(_REFERENCE.match(spec)) or spec.startswith(
        (_BY + 'uuid/', _BY + 'label/', _BY + 'partuuid/', _BY + 'partlabel/')
    )


def _finding(message: str, line: text.Line, data: str) -> rule.Finding:
    return rule.Finding(
        evidence=artifact.Evidence(
            message=message, path=line.path, line=line.number, data=data
        )
    )
