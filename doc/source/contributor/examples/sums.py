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

"""Write the checksum files that go with an image on a download page."""

import dataclasses
import enum
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.stages import base

#: The kind of artifact that this stage makes; a plug-in may have its own.
SUMS = 'sums'

_PIECE = 1 << 20


class Algorithm(enum.StrEnum):
    """A digest that download pages show."""

    SHA256 = 'sha256'
    SHA512 = 'sha512'


@dataclasses.dataclass(frozen=True, kw_only=True)
class SumsOptions:
    """What a recipe says about ``sums``; see its schema."""

    algorithm: Algorithm = Algorithm.SHA256


class SumsStage(base.Stage[SumsOptions]):
    """Write a checksum file for each image."""

    name = 'sums'
    options_class = SumsOptions
    requires = frozenset({artifact.IMAGE})
    provides = frozenset({SUMS})
    # One for the qcow2, one for the raw file.
    scope = base.Scope.FORMAT
    schema: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'algorithm': {
                'description': 'The digest to write.',
                'enum': [str(member) for member in Algorithm],
                'default': 'sha256',
            },
        },
    }

    def fingerprint(self, context: base.PlanContext) -> Mapping[str, str]:
        """Return what the file says beside the digest: the image's name."""
        return {'image_name': context.image_name}

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Return the checksum file.

        :param context: what the stage may use.
        """
        image = context.inputs[artifact.IMAGE]
        digest = hashlib.new(self.options.algorithm)
        done = 0
        with image.path.open('rb') as stream:
            while piece := stream.read(_PIECE):
                context.cancelled.check()
                digest.update(piece)
                done += len(piece)
                context.progress(done, image.size, 'B')
        name = f'{context.plan.image_name}.{context.plan.format}'
        path = context.work_dir / f'{str(self.options.algorithm).upper()}SUMS'
        path.write_text(f'{digest.hexdigest()}  {name}\n')
        # The store fills in the digest and the size of what we made.
        return [artifact.Artifact(kind=SUMS, path=path, digest='', size=0)]
