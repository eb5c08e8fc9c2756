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

"""EGI-FMT-02: one file, without references to others."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, subjects

#: What oslo.utils and we check, and what it means.
_MEANING = {
    'backing_file': 'it needs a backing file',
    'data_file': 'it keeps its data in another file',
    'unknown_features': 'it uses features that Glance and Nova do not know',
    'banned': 'it is of a format that Glance and Nova refuse',
    'descriptor': 'its descriptor is refused',
    'footer': 'its footer is refused',
    'snapshots': '',
    'encryption': '',
}


class EgiFmt02(rule.Rule):
    """The file is complete in itself."""

    id = 'EGI-FMT-02'
    subject = rule.Subject.ARTIFACT
    severity = rule.Severity.ERROR
    statement = (
        'the file needs no other: no backing or data file, snapshot or '
        'encryption'
    )
    rationale = (
        'A file that names another one makes a hypervisor hand out its own '
        'host\'s files; Glance and Nova refuse it since CVE-2024-32498, and '
        'elsewhere it does not boot.'
    )
    source = (
        'OSSA-2024-001 (CVE-2024-32498), CVE-2022-47951, CVE-2015-1851; '
        'Glance [image_format]; oslo.utils format_inspector'
    )
    satisfied_by = ('stage:convert',)
    remedy = (
        'make a file of its own, on a host that you trust: qemu-img convert '
        '-f FORMAT -O qcow2 IN OUT'
    )
    fix = rule.Fix.BY_COPYING
    # An encrypted disk is one to both.
    implies = frozenset({'EGI-LAYOUT-04'})
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    def find(
        self, subject: subjects.ArtifactView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what the file refers to, and what it hides."""
        for name, why in known.safety(subject).failures:
            # What is said of a boot record is EGI-LAYOUT-08's.
            meaning = _MEANING.get(name)
            if meaning is not None:
                yield found.said(
                    f'{meaning}: {why}' if meaning else why, data=name
                )
