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

"""``audit``: look into the image file that is shipped, by named rules."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from image_pipeline import artifact, audit, disk, exceptions
from image_pipeline.audit import (
    facts,
    profile,
    registry,
    report,
    runner,
    subjects,
    waiver,
)
from image_pipeline.stages import base


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """Options of :class:`AuditStage`.

    :param profile: a profile that comes with us, or the path of one.
    :param waivers: the path of a waivers file.
    :param rules: judge these rules only.
    """

    profile: str = profile.DEFAULT
    waivers: str | None = None
    rules: tuple[str, ...] = ()


class AuditStage(base.Stage[AuditOptions]):
    """Judge each finished image file by the rules of a profile.

    It looks at what is shipped, after the last writer, offline and without
    mounting, and at the properties that it is to be registered with: those
    of the recipe and, after the stage properties, those of the image.  The
    run stops if a rule of severity error fails, or cannot be
    judged; the report is kept either way.
    """

    name: ClassVar[str] = 'audit'
    options_class = AuditOptions
    schema: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'profile': {
                'type': 'string',
                'minLength': 1,
                'default': profile.DEFAULT,
                'description': 'Which rules are judged, and how severely: a '
                "profile of image-pipeline or of the site's, or the path of "
                'a YAML file, relative to the recipe.',
            },
            'waivers': {
                'type': ['string', 'null'],
                'minLength': 1,
                'default': None,
                'description': 'A YAML file of rules that may fail, each '
                'with a reason and a last day; relative to the recipe.',
            },
            'rules': {
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'default': [],
                'description': 'Judge these rules only, whatever the profile '
                'says.',
            },
        },
    }
    requires = frozenset({artifact.IMAGE})
    uses = frozenset({artifact.PROPERTIES})
    provides = frozenset({artifact.AUDIT_REPORT})
    scope = base.Scope.FORMAT

    def check(self, context: base.PlanContext) -> Iterable[exceptions.Problem]:
        """Return what is wrong with the profile and the waivers."""
        for option, load in (
            ('profile', self._profile),
            ('waivers', self._waivers),
        ):
            try:
                load(context)
            except exceptions.InvalidInput as exc:
                where = option
                if isinstance(exc, exceptions.NotFound) and self._is_rule(exc):
                    where = 'rules'
                yield exceptions.Problem(
                    path=where,
                    message='; '.join(
                        [exc.message, *(str(p) for p in exc.problems)]
                    ),
                    hint=exc.hint,
                )

    def fingerprint(self, context: base.PlanContext) -> Mapping[str, str]:
        """Return digests of the profile, the waivers and the rules."""
        chosen = self._profile(context)
        settled = [
            [
                one.rule.id,
                one.severity,
                one.options,
                _origins().get(one.rule.id, ''),
            ]
            for one in chosen.chosen
        ]
        waived = [dataclasses.astuple(one) for one in self._waivers(context)]
        return {
            'rules': _digest(json.dumps(settled, sort_keys=True)),
            'waivers': _digest(json.dumps(waived, default=str)),
            'readers': readers(),
            'image-name': context.image_name,
            'properties': json.dumps(
                dict(context.image_properties), sort_keys=True
            ),
        }

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Judge the image.

        :raises AuditFailed: an error rule failed, or cannot be judged.
        """
        image = context.inputs[artifact.IMAGE]
        name = f'{context.plan.image_name}.{context.plan.format}'
        found = runner.run(
            image.path,
            self._profile(context.plan),
            self._waivers(context.plan),
            registered=planned(context),
            shown_as=Path(name),
            # It lies alone in the store; nobody fetches it from there.
            published=False,
        )
        path = context.work_dir / f'{name}.audit.json'
        path.write_text(json.dumps(found.to_json(), indent=2) + '\n')
        with context.log.open('a') as log:
            log.writelines(_lines(found))
        if found.blocking:
            error = _failed(found)
            error.evidence = (path,)
            raise error
        return [
            artifact.Artifact(
                kind=artifact.AUDIT_REPORT,
                path=path,
                digest='',
                size=path.stat().st_size,
                properties={
                    'image_digest': image.digest,
                    'passed': True,
                    'profile': found.profile,
                    'summary': found.summary,
                },
            )
        ]

    def _profile(self, context: base.PlanContext) -> profile.Profile:
        name = self.options.profile
        if profile.is_file(name):
            name = str(context.recipe_file.parent / name)
        return profile.load(
            name,
            registry.rules(),
            self.options.rules,
            path=context.settings.profile_path,
        )

    def _waivers(self, context: base.PlanContext) -> tuple[waiver.Waiver, ...]:
        if self.options.waivers is None:
            return ()
        return waiver.load(
            context.recipe_file.parent / self.options.waivers,
            registry.rules(),
        )

    def _is_rule(self, exc: exceptions.PipelineError) -> bool:
        return any(
            exc.message.endswith(f'rule {one}') for one in self.options.rules
        )


def planned(
    context: base.StageContext,
) -> subjects.RegisteredImageView:
    """Return the image as it is to be registered.

    What a target says of its own is not known yet: one image may be for
    several.

    :param context: with the recipe's properties, and the image's.
    """
    derived: Mapping[str, str] = {}
    known = context.inputs.get(artifact.PROPERTIES)
    if known is not None:
        found = facts.Facts.from_json(json.loads(known.path.read_text()))
        derived = found.properties
    return subjects.RegisteredImageView(
        name=context.plan.image_name,
        properties={**derived, **context.plan.image_properties},
    )


def _failed(found: report.Report) -> exceptions.AuditFailed:
    """Return the error that names the rules, with their first evidence."""
    parts = []
    for result in found.blocking:
        why = report.one_line(result.evidence[0]) if result.evidence else ''
        unclear = result.outcome is artifact.Outcome.UNKNOWN
        parts.append(f'{result.rule}{" (unknown)" if unclear else ""}: {why}')
    return exceptions.AuditFailed(
        f'{found.image}: the audit found {len(parts)} '
        f'error{"s" if len(parts) > 1 else ""}: ' + '; '.join(parts),
        hint='the report has all evidence and remedies; `image-pipeline rule '
        f'show {found.blocking[0].rule}` explains a rule',
    )


def _lines(found: report.Report) -> Iterable[str]:
    for result in found.by_urgency:
        yield (
            f'{result.outcome.value} {result.severity.value} {result.rule} '
            f'{result.statement}\n'
        )
        for item in result.evidence:
            yield f'  {report.one_line(item)}\n'


def _digest(text: str) -> str:
    return f'sha256:{hashlib.sha256(text.encode()).hexdigest()}'


@functools.cache
def _origins() -> Mapping[str, str]:
    """Return by rule which release of which package it comes from."""
    return {
        one.name: f'{one.dist.name} {one.dist.version}' if one.dist else ''
        for one in metadata.entry_points(group=registry.NAMESPACE)
    }


@functools.cache
def readers() -> str:
    """Return the digest of what reads and judges images.

    In a checkout the version says nothing, and a rule that was mended must
    be asked again.
    """
    digest = hashlib.sha256()
    for package in (audit, disk):
        for folder in package.__path__:
            for path in sorted(Path(folder).rglob('*')):
                if path.suffix in ('.py', '.yaml'):
                    digest.update(path.read_bytes())
    return f'sha256:{digest.hexdigest()}'
