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

"""A stage that takes an image as it is, to bake a tiny one to a cloud.

Where ``compose`` and ``convert`` take minutes, it takes no time; what comes
after it is real.
"""

import dataclasses
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.stages import base
from image_pipeline.testing import stages, tiny_image

_RECIPE = """\
version: 1
image: {{name: {name}}}
stages:
  - take-image: {{image: {image}, wait_for: {wait_for}}}
  - register
  - smoke-test: {smoke_test}
  - promote
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TakeImageOptions:
    """Options of :class:`TakeImageStage`.

    :param image: a qcow2 file.
    :param wait_for: wait until this file is there.
    """

    image: str
    wait_for: str = ''


class TakeImageStage(base.Stage[TakeImageOptions]):
    """Take an image as it is, and say that the audit passed it."""

    name: ClassVar[str] = 'take-image'
    options_class = TakeImageOptions
    schema: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'required': ['image'],
        'properties': {
            'image': {'type': 'string', 'description': 'A qcow2 file.'},
            'wait_for': {
                'type': 'string',
                'default': '',
                'description': 'Wait until this file is there.',
            },
        },
    }
    provides = frozenset({artifact.IMAGE, artifact.AUDIT_REPORT})
    scope: ClassVar[base.Scope] = base.Scope.FORMAT

    def formats(self) -> Iterable[str]:
        """Return the only format that it makes."""
        return ['qcow2']

    def check(self, context: base.PlanContext) -> Iterable[exceptions.Problem]:
        """Return whether the image is not there."""
        if not Path(self.options.image).is_file():
            yield exceptions.Problem(
                path='image', message=f'there is no file {self.options.image}'
            )

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Copy it, and write a report.

        :param context: what the stage may use.
        """
        wait_for = self.options.wait_for
        while wait_for and not Path(wait_for).exists():
            context.cancelled.wait(0.1)
        path = context.work_dir / 'image.qcow2'
        shutil.copyfile(self.options.image, path)
        image = tiny_image.as_artifact(path)
        report = context.work_dir / 'report.json'
        report.write_text(json.dumps({'image': image.digest, 'results': []}))
        return [
            image,
            artifact.Artifact(
                kind=artifact.AUDIT_REPORT,
                path=report,
                digest='',
                size=0,
                properties={'image_digest': image.digest, 'passed': True},
            ),
        ]


def install(folder: Path) -> dict[str, str]:
    """Make the stage known to Python processes.

    :param folder: an empty folder for it.
    :returns: the environment variables that such a process needs.
    """
    return stages.install(folder, [TakeImageStage])


def recipe(
    path: Path,
    *,
    image: Path,
    wait_for: Path | None = None,
    **smoke_test: Any,
) -> Path:
    """Write a recipe that bakes a tiny image all the way.

    The image's name is the file's, without its suffix.

    :param path: where to.
    :param image: the tiny image.
    :param wait_for: the first stage waits until this file is there.
    :param smoke_test: options of that stage beside those that it needs.
    :returns: ``path``.
    """
    options = {
        'memory_mib': tiny_image.MEMORY_MIB,
        'probes': list(tiny_image.PROBES),
        'firmware': ['bios'],
        **smoke_test,
    }
    path.write_text(
        _RECIPE.format(
            name=path.stem,
            image=json.dumps(str(image)),
            wait_for=json.dumps(str(wait_for or '')),
            smoke_test=json.dumps(options),
        )
    )
    return path
