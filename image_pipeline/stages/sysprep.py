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

"""``sysprep``: take out of a disk what it carries of where it was made."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.audit import generalise, rework, rule
from image_pipeline.stages import audit, base


@dataclasses.dataclass(frozen=True, kw_only=True)
class SysprepOptions:
    """Options of :class:`SysprepStage`.

    :param leave: kinds of residue that may stay, by name.
    """

    leave: tuple[str, ...] = ()


class SysprepStage(base.Stage[SysprepOptions]):
    """Generalise a disk that elements of ours did not build.

    Host keys, machine ids, leases, logs, histories, package caches and the
    like go, as virt-sysprep has it, without mounting the disk and without
    root.  A disk that carries none of them is passed on as it is.
    """

    name: ClassVar[str] = 'sysprep'
    options_class = SysprepOptions
    schema: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'leave': {
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'uniqueItems': True,
                'default': [],
                'description': 'Kinds of residue that may stay, by the names '
                'that `image-pipeline sysprep --dry-run` shows.',
            },
        },
    }
    requires = frozenset({artifact.DISK})
    provides = frozenset({artifact.DISK})

    def needs(self, context: base.PlanContext) -> base.HostNeeds:
        """Return what it needs of the host: e2fsprogs."""
        return base.HostNeeds(executables=dict.fromkeys(rework.EXECUTABLES))

    def check(self, context: base.PlanContext) -> Iterable[exceptions.Problem]:
        """Return the kinds of residue that there are not."""
        for at, name in enumerate(self.options.leave):
            try:
                generalise.kinds([name])
            except exceptions.NotFound as exc:
                yield exceptions.Problem(
                    path=f'leave[{at}]', message=exc.message, hint=exc.hint
                )

    def fingerprint(self, context: base.PlanContext) -> Mapping[str, str]:
        """Return the digest of what knows residue."""
        return {'readers': audit.readers()}

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Clean a copy, or prove that there is nothing to clean."""
        disk = context.inputs[artifact.DISK]
        copy = rework.WorkingCopy(
            disk.path,
            context.work_dir / 'copy.raw',
            host=context.host,
            cancelled=context.cancelled,
        )
        try:
            with copy.opened() as image:
                found = generalise.found_in(image, self.options.leave)
                changes = list(generalise.changes(image.files, found))
        except rule.CannotTell as exc:
            raise exceptions.StageFailed(
                f'the disk cannot be generalised: {exc}',
                hint='take the stage "sysprep" out of the recipe, and '
                'generalise the disk where it is made',
            ) from exc
        with context.log.open('a') as log:
            log.writelines(
                f'{one.kind.rule} {one.kind.name}: {one.path}\n'
                for one in found
            )
            log.write(f'{len(changes)} changes\n')
        if not changes:
            return [disk]
        copy.apply(changes)
        clean = context.work_dir / 'disk.raw'
        copy.finish(clean, image_format='raw')
        return [
            artifact.Artifact(
                kind=artifact.DISK,
                path=clean,
                digest='',
                size=clean.stat().st_size,
                properties=dict(disk.properties),
            )
        ]
