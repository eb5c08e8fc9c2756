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

"""``properties``: derive image properties from the image that is shipped."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.audit import derived, facts, rule, view
from image_pipeline.disk import reader
from image_pipeline.stages import audit, base, register


@dataclasses.dataclass(frozen=True, kw_only=True)
class PropertiesOptions:
    """Options of :class:`PropertiesStage`.

    :param leave_out: properties that are not to be derived.
    """

    leave_out: tuple[str, ...] = ()


class PropertiesStage(base.Stage[PropertiesOptions]):
    """Derive image properties from the finished image, and register them.

    Architecture, distribution, cloud user, firmware, buses whose drivers are
    in the initramfs, guest agent, least disk and build date are read from
    the image itself.  A recipe may override what is a choice; one that
    contradicts what the image is, is an error.
    """

    name: ClassVar[str] = 'properties'
    options_class = PropertiesOptions
    schema: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'leave_out': {
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'uniqueItems': True,
                'default': [],
                'description': 'Properties that are not to be derived, such '
                'as `hw_disk_bus` where every cloud has its own default.',
            },
        },
    }
    requires = frozenset({artifact.IMAGE})
    provides = frozenset({artifact.PROPERTIES})
    scope = base.Scope.FORMAT

    def fingerprint(self, context: base.PlanContext) -> Mapping[str, str]:
        """Return the digest of what reads images, and the recipe's words."""
        return {
            'readers': audit.readers(),
            'properties': json.dumps(
                dict(context.image_properties), sort_keys=True
            ),
        }

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Read the image.

        :raises RecipeInvalid: the recipe says what the image is not.
        """
        image = context.inputs[artifact.IMAGE]
        with reader.open_disk(image.path) as disk:
            try:
                found = derived.read(view.ImageView(disk))
            except (rule.CannotTell, exceptions.ImageUnreadable) as exc:
                raise exceptions.StageFailed(
                    f'no properties can be derived from the image: {exc}',
                    hint='take the stage "properties" out of the recipe, and '
                    'write the properties into it',
                ) from exc
        found = self._chosen(found)
        with context.log.open('a') as log:
            log.writelines(
                f'{one.key}={one.value} ({one.evidence.message})\n'
                for one in found.derived
            )
        register.check_properties(
            found, context.plan.image_properties, 'the recipe'
        )
        return [
            register.write_json(
                context,
                artifact.PROPERTIES,
                found.to_json(),
                {'image_digest': image.digest, **found.properties},
            )
        ]

    def _chosen(self, found: facts.Facts) -> facts.Facts:
        return dataclasses.replace(
            found,
            derived=tuple(
                one
                for one in found.derived
                if one.key not in self.options.leave_out
            ),
        )
