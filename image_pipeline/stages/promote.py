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

"""``promote``: the candidate becomes the image that users get."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.stages import base, register
from image_pipeline.store import cache as store_cache

_STATE = artifact.ImageState
#: The value of a target's ``promote`` with which a bake promotes by itself.
_AUTO = 'auto'


@dataclasses.dataclass(frozen=True, kw_only=True)
class PromoteOptions:
    """Options of :class:`PromoteStage`.

    :param reason: kept with the image.
    """

    reason: str | None = None


class PromoteStage(base.Stage[PromoteOptions]):
    """Make the smoke-tested candidate the current image.

    The smoke test must have passed for this very image, and the catalogue
    must still have it with the same digest; what was rolled back once is not
    promoted again.  A target whose ``promote`` is ``manual``, as that of a
    cloud is unless its settings say otherwise, leaves it to a person: then
    the log says with which command.
    """

    name: ClassVar[str] = 'promote'
    options_class = PromoteOptions
    schema: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'reason': {
                'type': ['string', 'null'],
                'default': None,
                'description': 'Why it is promoted; kept with the image.',
            },
        },
    }
    requires = frozenset({artifact.REGISTRATION, artifact.SMOKE_REPORT})
    provides = frozenset({artifact.PROMOTION})
    scope = base.Scope.TARGET
    # Architecture, section 4: never skipped because of what was once done,
    # but there is nothing to do where the image is the current one.
    cache = base.CachePolicy.VERIFY

    def still_valid(
        self,
        artifacts: Mapping[str, artifact.Artifact],
        context: base.PlanContext,
        cache: store_cache.Cache,
    ) -> str | None:
        """Return why the promotion does not hold any more, or None."""
        if context.target and context.target.promote != _AUTO:
            return None
        image_id = artifacts[artifact.PROMOTION].properties['image_id']
        try:
            record = register.catalogue_of(context).get(image_id)
        except exceptions.NotFound:
            return f'image {image_id} is no longer in the catalogue'
        if record.state != _STATE.CURRENT:
            return f'image {image_id} is {record.state.value}, not current'
        return None

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Promote the image, if its smoke test passed."""
        registration = context.inputs[artifact.REGISTRATION]
        report = context.inputs[artifact.SMOKE_REPORT]
        image_id = registration.properties['image_id']
        register.check_report(
            report,
            f'sha256:{registration.properties["sha256"]}',
            verdict='smoke test',
            error=exceptions.SmokeTestFailed,
        )
        context.cancelled.check()
        catalogue = register.required_catalogue(context)
        for line in catalogue.recover():
            register.note(context, line)
        record = catalogue.get(image_id)
        if record.sha256 != registration.properties['sha256']:
            raise exceptions.DigestMismatch(
                f'image {image_id} has the digest sha256:{record.sha256}, '
                f'not sha256:{registration.properties["sha256"]}'
            )
        target = context.plan.target
        former = None
        if target and target.promote != _AUTO:
            register.note(
                context,
                f'target {target.name} waits for a person: image-pipeline '
                f'image promote {image_id} --target {target.name}',
            )
        elif record.state == _STATE.CURRENT:
            register.note(context, f'{record.name} ({image_id}) is current')
        else:
            swap = catalogue.promote(image_id, reason=self.options.reason)
            record = swap.current
            former = swap.former.id if swap.former else None
            register.note(
                context,
                f'{record.name} ({image_id}) replaced {former or "nothing"}',
            )
            for line in swap.notes:
                register.note(context, line)
            for member in swap.members:
                register.note(
                    context, f'shared with {member.project}: {member.status}'
                )
        return [
            register.write_json(
                context,
                artifact.PROMOTION,
                {
                    'image_id': image_id,
                    'name': record.final_name,
                    'sha256': record.sha256,
                    'state': record.state.value,
                    'target': target.name if target else None,
                },
                {
                    'image_id': image_id,
                    'state': record.state.value,
                    # For those who are told of it.
                    **({'former_id': former} if former else {}),
                },
            )
        ]
