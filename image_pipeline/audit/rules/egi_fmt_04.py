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

"""EGI-FMT-04: checksums beside the file."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import checksum_files, found, rule, subjects
from image_pipeline.disk import sparse

_STRONG = ('sha256', 'sha512')
_LISTS = ('SUM', 'SUMS')
_ENDS = ('.sha256', '.sha512', '.sha256sum', '.sha512sum', '.md5', '.sum')
_SIGNATURES = ('.gpg', '.asc', '.sig', '.sign', '.sigstore', '.bundle')


class EgiFmt04(rule.Rule):
    """Checksums are published beside the file, and are right."""

    id = 'EGI-FMT-04'
    subject = rule.Subject.ARTIFACT
    severity = rule.Severity.WARNING
    statement = 'the file\'s checksums lie beside it, and are right'
    rationale = (
        'A site must be able to tell that what it replicated is what was '
        'published.'
    )
    source = (
        'HEPiX image lists (sl:checksum:sha512); SCS-0102 (os_hash_value); '
        'Glance, image signature verification'
    )
    remedy = (
        'publish `sha256sum FILE > SHA256SUMS` and `sha512sum FILE > '
        'SHA512SUMS` beside it, and sign them; if they do not match, fetch '
        'the file again'
    )
    fix = rule.Fix.BUILD_ONLY
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'required': {
                'type': 'array',
                'items': {'enum': list(_STRONG)},
                'default': [],
                'description': 'Checksums that there must be; none: one of '
                'sha256 and sha512.',
            },
            'alone': {
                'type': 'boolean',
                'default': False,
                'description': 'The file may have no checksums beside it; '
                'those that there are must be right.',
            },
            'signature': {
                'type': 'boolean',
                'default': False,
                'description': 'There must be a signature of the file, or of '
                'its checksums; whose it is, is not looked at.',
            },
        },
    }

    def find(
        self, subject: subjects.ArtifactView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give checksums that are not there, or are of something else."""
        if not subject.published:
            raise rule.NotApplicable(
                'the file is not published yet: it lies in the state folder, '
                'which keeps its checksums'
            )
        lists = [
            path
            for name, path in subject.side_files.items()
            if name.endswith((*_LISTS, *_ENDS))
        ]
        try:
            said = checksum_files.read(lists, subject.path.name)
            said = [one for one in said if one.kind in _STRONG]
            digests = sparse.digests(subject.path) if said else {}
        except OSError as exc:
            raise rule.CannotTell(f'{exc.filename}: {exc.strerror}') from exc
        for one in said:
            if digests[one.kind] != one.digits:
                yield found.said(
                    f'line {one.line} of {one.file.name} has another '
                    f'{one.kind} than the file',
                    data=f'{one.digits[:16]}… instead of '
                    f'{digests[one.kind][:16]}…',
                    severity=rule.Severity.ERROR,
                )
        if not said and options['alone']:
            raise rule.NotApplicable('there are no checksums beside the file')
        kinds = {one.kind for one in said}
        for kind in options['required']:
            if kind not in kinds:
                yield found.said(f'there is no {kind} of the file beside it')
        if not kinds and not options['required']:
            yield found.said(
                'there is neither a sha256 nor a sha512 of the file beside it'
            )
        if options['signature'] and not any(
            name.endswith(_SIGNATURES) for name in subject.side_files
        ):
            yield found.said('there is no signature beside the file')
