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

"""META-02: an image says from what and when it was made, and no more."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import derived, found, known, rule, view
from image_pipeline.audit.guest import text
from image_pipeline.disk import files

#: What our stamp must say.
_FIELDS = ('recipe', 'run', 'date')
#: What other builders leave: the EGI templates, Ubuntu, Debian.
_OTHERS = (
    '/etc/egi-image-release',
    '/etc/cloud/build.info',
    '/etc/cloud-release',
)
#: os-release(5): an image's own name and version, or a build's.
_RELEASE = (('IMAGE_ID', 'IMAGE_VERSION'), ('BUILD_ID',))
#: diskimage-builder, elements/manifests/cleanup.d/01-copy-manifests-dir; its
#: folder is an option, so others are looked into as well.
_DUMPS = ('/etc/*/dib_environment', '/etc/*/dib_arguments')
_SECRET = re.compile(
    r'\w*(PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|PRIVATE_KEY|API_?KEY)\w*='
    r'["\']?[^"\'\s]|://[^/\s:@]+:[^/\s@]+@',
    re.IGNORECASE,
)


class Meta02(rule.Rule):
    """An image is stamped, and the environment of its build is not in it."""

    id = 'META-02'
    severity = rule.Severity.WARNING
    statement = (
        'the image says from what and when it was made, and no credential '
        'of its build'
    )
    rationale = (
        'An instance that makes trouble is traced to the recipe and the run '
        'by what is in it; the environment of the build may hold passwords, '
        'and is for nobody else.'
    )
    source = (
        'EGI, Virtual Machine Image Endorsement; os-release(5), IMAGE_ID; '
        'diskimage-builder, element manifests'
    )
    satisfied_by = ('element:image-stamp', 'element:image-hygiene')
    remedy = (
        'add the element image-stamp, or write /etc/image-build with the '
        'lines recipe=, run= and date=; the element image-hygiene removes '
        'the manifests of diskimage-builder'
    )
    fix = rule.Fix.BUILD_ONLY
    implies = frozenset({'HYG-12'})
    probe = 'META-02'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'stamps': {
                'type': 'array',
                'items': {'type': 'string', 'pattern': '^/'},
                'default': list(_OTHERS),
                'description': 'Files that count as a stamp, beside '
                '/etc/image-build and os-release.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is left of the build, and what is not said of it."""
        tree = subject.files
        yield from _dumps(tree)
        if tree.is_file(derived.STAMP):
            yield from _stamp(tree)
            return
        said = known.os_release(subject)
        if any(all(said.get(key) for key in keys) for keys in _RELEASE):
            return
        if not any(text.said(tree, path) for path in options['stamps']):
            yield found.said(
                'nothing in the image says from what and when it was made: '
                f'there is no {derived.STAMP}, and no IMAGE_ID in os-release'
            )


def _stamp(tree: files.FileTree) -> Iterator[rule.Finding]:
    pairs = (
        line.text.partition('=') for line in text.said(tree, derived.STAMP)
    )
    said = {name.strip(): text.unquote(value) for name, equals, value in pairs}
    missing = [field for field in _FIELDS if not said.get(field)]
    if missing:
        yield found.in_file(
            derived.STAMP, f'it does not say {" and ".join(missing)}'
        )


def _dumps(tree: files.FileTree) -> Iterator[rule.Finding]:
    """Give the credentials in what HYG-12 says should not be there at all."""
    for pattern in _DUMPS:
        for path in tree.glob(pattern):
            for line in text.lines(tree, path):
                if _SECRET.search(line.text):
                    yield found.secret_at(
                        line,
                        "the build's environment holds a credential",
                        severity=rule.Severity.ERROR,
                    )
