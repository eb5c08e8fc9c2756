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

"""``register``: the image goes into the target's catalogue as a candidate."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.audit import facts, image_properties
from image_pipeline.catalogues import base as catalogue_base
from image_pipeline.catalogues import registry
from image_pipeline.stages import base
from image_pipeline.store import cache as store_cache

_STATE = artifact.ImageState
#: What a registration says: what was registered, not how it stands now, so
#: that the same registration is the same artifact.
_FIELDS = (
    'id',
    'final_name',
    'recipe',
    'sha256',
    'sha512',
    'size',
    'virtual_size',
    'format',
    'properties',
    'tags',
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RegisterOptions:
    """Options of :class:`RegisterStage`.

    :param properties: image properties beside the recipe's and the target's.
    """

    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)


class RegisterStage(base.Stage[RegisterOptions]):
    """Register the audited image as a candidate: private and hidden.

    The audit must have passed for this very file.  The same content under
    the same name is registered once; its properties are brought up to date.

    Whether it still is registered is asked of the catalogue before every
    run: an image that is gone, retired, or another one by now is registered
    again, without being built again.  A catalogue that cannot be reached is
    an error then, for nobody knows whether there is anything to do.
    """

    name: ClassVar[str] = 'register'
    options_class = RegisterOptions
    schema: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'properties': {
                'type': 'object',
                'additionalProperties': {'type': 'string'},
                'default': {},
                'description': 'Image properties beside those of the recipe '
                'and of the target; they win over both.',
            },
        },
    }
    requires = frozenset({artifact.IMAGE, artifact.AUDIT_REPORT})
    uses = frozenset({artifact.PROPERTIES})
    provides = frozenset({artifact.REGISTRATION})
    scope = base.Scope.TARGET
    cache = base.CachePolicy.VERIFY

    def check(self, context: base.PlanContext) -> Iterable[exceptions.Problem]:
        """Return the properties that Nova or Glance would refuse."""
        for one in image_properties.problems(self._said(context)):
            if one.certain:
                yield exceptions.Problem(
                    path=f'properties.{one.key}'
                    if one.key in self.options.properties
                    else None,
                    message=one.message,
                    hint=one.hint,
                )

    def fingerprint(self, context: base.PlanContext) -> Mapping[str, str]:
        """Return what the catalogue is told beside the file.

        Which catalogue it is (cloud, region and so on) is in the identity of
        every step of a target; which project, only the cloud knows: an image
        that is in another one is not found, and registered again.
        """
        return {
            'name': _final_name(context),
            'recipe': context.recipe_file.stem,
            'properties': json.dumps(self._said(context), sort_keys=True),
            'tags': json.dumps(context.target.tags if context.target else ()),
        }

    def still_valid(
        self,
        artifacts: Mapping[str, artifact.Artifact],
        context: base.PlanContext,
        cache: store_cache.Cache,
    ) -> str | None:
        """Return why the registration does not hold any more, or None."""
        known = artifacts[artifact.REGISTRATION]
        image_id = known.properties['image_id']
        try:
            record = catalogue_of(context).get(image_id)
        except exceptions.NotFound:
            return f'image {image_id} is no longer in the catalogue'
        if record.sha256 != known.properties['sha256']:
            return f'image {image_id} has another digest'
        if record.path is not None and not record.path.is_file():
            return f'the file of image {image_id} is gone'
        if record.state == _STATE.RETIRED:
            return f'image {image_id} is retired'
        return None

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Register the image, if the audit passed it."""
        image = context.inputs[artifact.IMAGE]
        check_report(
            context.inputs[artifact.AUDIT_REPORT],
            image.digest,
            verdict='audit',
            error=exceptions.AuditFailed,
        )
        catalogue = required_catalogue(context)
        for line in catalogue.recover():
            note(context, line)
        record = catalogue.register(
            image,
            name=_final_name(context.plan),
            recipe=context.plan.recipe_file.stem,
            run_id=context.run_id,
            properties=self._properties(context),
            undo=context.undo,
            progress=context.progress,
            cancelled=context.cancelled,
        )
        if image.digest != f'sha256:{record.sha256}':
            raise exceptions.DigestMismatch(
                f'the catalogue has image {record.id} with the digest '
                f'sha256:{record.sha256}, not {image.digest}'
            )
        note(context, f'{record.state.value} {record.name} ({record.id})')
        return [registration(record, context)]

    def _said(self, context: base.PlanContext) -> dict[str, str]:
        """Return the properties that people wrote; the more special win."""
        target = context.target.properties if context.target else {}
        return {
            **context.image_properties,
            **target,
            **self.options.properties,
        }

    def _properties(self, context: base.StageContext) -> dict[str, str]:
        """Return all properties: what people wrote wins over what is derived.

        :raises RecipeInvalid: somebody says what the image is not.
        """
        said = self._said(context.plan)
        derived = context.inputs.get(artifact.PROPERTIES)
        if derived is None:
            return said
        found = facts.Facts.from_json(json.loads(derived.path.read_text()))
        target = context.plan.target
        check_properties(
            found,
            said,
            f'the recipe, or target {target.name},'
            if target
            else 'the recipe',
        )
        return {**found.properties, **said}


def check_properties(
    found: facts.Facts, properties: Mapping[str, str], whose: str
) -> None:
    """Raise if properties contradict the image.

    :param found: what the image shows.
    :param properties: what is said of it.
    :param whose: who says it, such as ``the recipe``.
    :raises RecipeInvalid: with every contradiction.
    """
    problems = [
        exceptions.Problem(
            path=f'image.properties.{one.key}',
            message=one.message,
            hint=one.hint,
        )
        for one in found.contradictions(properties)
    ]
    if problems:
        raise exceptions.RecipeInvalid(
            f'{whose} says of the image what it is not', problems=problems
        )


def registration(
    record: artifact.ImageRecord, context: base.StageContext
) -> artifact.Artifact:
    """Return the artifact that says what was registered.

    :param record: the image.
    :param context: where its file goes.
    """
    value = {name: getattr(record, name) for name in _FIELDS}
    value['properties'] = dict(record.properties)
    value['target'] = context.plan.target.name if context.plan.target else None
    return write_json(
        context,
        artifact.REGISTRATION,
        value,
        {
            'image_id': record.id,
            'name': record.final_name,
            'sha256': record.sha256,
            'state': record.state.value,
        },
    )


def write_json(
    context: base.StageContext,
    kind: str,
    value: Mapping[str, Any],
    properties: Mapping[str, Any],
) -> artifact.Artifact:
    """Return an artifact whose file is a JSON object.

    :param context: where the file goes.
    :param kind: the artifact's kind.
    :param value: the object.
    :param properties: the artifact's properties.
    """
    path = context.work_dir / f'{kind}.json'
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + '\n')
    return artifact.Artifact(
        kind=kind,
        path=path,
        digest='',
        size=path.stat().st_size,
        properties=properties,
    )


def check_report(
    report: artifact.Artifact,
    digest: str,
    *,
    verdict: str,
    error: type[exceptions.PipelineError],
) -> None:
    """Raise unless a report says that this very image passed.

    :param report: an audit or a smoke report.
    :param digest: the image's digest.
    :param verdict: ``audit`` or ``smoke test``.
    :param error: what is raised if it did not pass.
    :raises DigestMismatch: the report is about another file.
    """
    about = report.properties.get('image_digest')
    if about != digest:
        raise exceptions.DigestMismatch(
            f'the {verdict} is about {about}, not about {digest}'
        )
    if report.properties.get('passed') is not True:
        raise error(
            f'the {verdict} did not pass {digest}',
            hint=f'look at its report: {report.path}',
        )


def catalogue_of(context: base.PlanContext) -> catalogue_base.Catalogue:
    """Return the catalogue of a plan's target.

    :param context: what the plan knows.
    """
    if context.target is None:
        raise exceptions.StateConflict('the stage has no target')
    return registry.load(context.target, context.settings.state_dir)


def required_catalogue(
    context: base.StageContext,
) -> catalogue_base.Catalogue:
    """Return the catalogue that a stage of target scope works with.

    :param context: what the stage may use.
    """
    return context.catalogue or catalogue_of(context.plan)


def note(context: base.StageContext, line: str) -> None:
    """Append a line to the stage's log.

    :param context: of the stage.
    :param line: what to say.
    """
    with context.log.open('a') as log:
        log.write(line + '\n')


def _final_name(context: base.PlanContext) -> str:
    target = context.target
    return (target.image_name if target else None) or context.image_name
