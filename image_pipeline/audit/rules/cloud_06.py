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


"""CLOUD-06: a copy of the image can be compared with it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, listing, rule

#: hashlib's names with at least 256 bits, as Glance writes them.
_STRONG = {
    'sha256': 64,
    'sha384': 96,
    'sha512': 128,
    'sha3_256': 64,
    'sha3_384': 96,
    'sha3_512': 128,
    'blake2b': 128,
    'blake2s': 64,
}


class Cloud06(rule.Rule):
    """Glance knows a strong digest of the data."""

    id = 'CLOUD-06'
    subject = rule.Subject.LISTED_IMAGE
    severity = rule.Severity.WARNING
    statement = 'Glance knows a strong digest of the data'
    rationale = (
        'Without os_hash_value nobody can tell whether what was downloaded, '
        'or what a host keeps in its cache, is the image.'
    )
    source = 'Glance, Multihash (os_hash_algo, os_hash_value); OSSN-0075'
    satisfied_by = ('stage:register',)
    remedy = (
        'upload it again: Glance computes the digest of what it is sent, and '
        'of what it imports, not of what is registered by its location'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    def find(
        self, subject: listing.ListedImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give a digest that is not there, or that proves nothing."""
        subject.need_image()
        image = subject.image
        if not image.hash_value or not image.hash_algo:
            known = ', only an MD5 of it' if image.checksum else ''
            yield found.said(f'there is no os_hash_value{known}')
        elif image.hash_algo not in _STRONG:
            yield found.said(
                f'os_hash_algo is {image.hash_algo}, which is too weak, or '
                'not known'
            )
        elif not re.fullmatch(
            rf'[0-9a-fA-F]{{{_STRONG[image.hash_algo]}}}', image.hash_value
        ):
            yield found.said(
                f'os_hash_value is no {image.hash_algo}', data=image.hash_value
            )
