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

"""Stages times image formats times targets: the steps of a plan."""

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.recipe import checks, model, needs
from image_pipeline.stages import base, registry

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """One stage, for one image format or one target.

    :param key: ``compose``, ``convert.qcow2`` or ``register@local``.
    :param stage_name: the stage.
    :param stage: the stage with its options.
    :param context: what the stage was asked with.
    :param options: the options as JSON values, defaults filled in.
    :param inputs: the key of the step that makes it, by artifact kind.
    :param format: the image format; of a target's steps, its first one.
    :param target: the target's name.
    """

    key: str
    stage_name: str
    stage: base.Stage[Any]
    context: base.PlanContext
    options: Mapping[str, Any]
    inputs: Mapping[str, str]
    format: str | None = None
    target: str | None = None

    def needs(self) -> base.HostNeeds:
        """Return what the step needs of the host."""
        return self.stage.needs(self.context)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, for the manifest."""
        return {
            'key': self.key,
            'stage': self.stage_name,
            'version': self.stage.version,
            'options': dict(self.options),
            'inputs': dict(self.inputs),
            'format': self.format,
            'target': self.target,
        }


class Expansion:
    """Expand stages into steps, and collect what is wrong.

    :param recipe: the recipe.
    :param settings: the site's settings.
    :param host: facts of the host.
    :param targets: with what the recipe says for them.
    """

    def __init__(
        self,
        recipe: model.Recipe,
        settings: conf_settings.Settings,
        host: needs.HostFacts,
        targets: Sequence[conf_settings.Target],
    ) -> None:
        self.targets = targets
        self.steps: list[Step] = []
        self.problems: list[exceptions.Problem] = []
        self._names = [entry.name for entry in recipe.stages]
        self._context = base.PlanContext(
            image_name=recipe.image_name,
            image_properties=recipe.image_properties,
            recipe_file=recipe.file,
            settings=settings,
            which=host.which,
            is_root=host.is_root,
        )
        #: Steps that a person will do: kinds by the target's name.
        self._manual: set[tuple[str, str]] = set()

    def expand(self, checked: Sequence[checks.Checked]) -> None:
        """Make the steps of all stages.

        :param checked: the stages, in the order in which they run.
        """
        formats = self._formats(checked)
        for position, one in enumerate(checked):
            if one.kind is None:
                continue
            for format_, target in self._scope(one.kind, formats):
                self._expand(checked[:position], one, format_, target)

    def _formats(self, checked: Sequence[checks.Checked]) -> list[str]:
        """Return the formats to make, those of the targets first."""
        found = [name for target in self.targets for name in target.formats]
        for one in checked:
            if one.stage is not None:
                found.extend(one.stage.formats())
        return list(dict.fromkeys(found))

    def _scope(
        self, kind: type[base.Stage[Any]], formats: Sequence[str]
    ) -> Iterable[tuple[str | None, conf_settings.Target | None]]:
        if kind.scope == base.Scope.FORMAT:
            return [(name, None) for name in formats]
        if kind.scope == base.Scope.TARGET:
            return [(target.formats[0], target) for target in self.targets]
        return [(None, None)]

    def _expand(
        self,
        before: Sequence[checks.Checked],
        one: checks.Checked,
        format_: str | None,
        target: conf_settings.Target | None,
    ) -> None:
        assert one.kind is not None  # noqa: S101 - the caller looked
        if target is not None and self._left_to_a_person(one.kind, target):
            self._manual |= {(target.name, made) for made in one.kind.provides}
            return
        inputs = self._bind(before, one, format_, target)
        if one.stage is None:
            return
        name = one.entry.name
        key = f'{name}@{target.name}' if target else name
        if format_ and not target:
            key = f'{name}.{format_}'
        context = dataclasses.replace(
            self._context, format=format_, target=target
        )
        self.problems += checks.rebase(one, self._own(one.stage, context))
        self.steps.append(
            Step(
                key=key,
                stage_name=name,
                stage=one.stage,
                context=context,
                options=registry.options_json(one.stage),
                inputs=inputs,
                format=format_,
                target=target.name if target else None,
            )
        )

    def _left_to_a_person(
        self, kind: type[base.Stage[Any]], target: conf_settings.Target
    ) -> bool:
        promotes = artifact.PROMOTION in kind.provides
        return (promotes and target.promote == 'manual') or any(
            (target.name, needed) in self._manual for needed in kind.requires
        )

    def _own(
        self, stage: base.Stage[Any], context: base.PlanContext
    ) -> list[exceptions.Problem]:
        try:
            return list(stage.check(context))
        except exceptions.PipelineError as exc:
            return [exceptions.Problem(message=exc.message, hint=exc.hint)]
        except Exception as exc:
            # A stage of another package may raise anything; the other
            # problems are to be told all the same.
            LOG.debug('%s: its check broke', stage.name, exc_info=True)
            return [
                exceptions.Problem(
                    message='the stage cannot check its options: '
                    f'{type(exc).__name__}: {exc}',
                    hint='this is an error in the stage',
                )
            ]

    def _bind(
        self,
        before: Sequence[checks.Checked],
        one: checks.Checked,
        format_: str | None,
        target: conf_settings.Target | None,
    ) -> dict[str, str]:
        """Return the step that makes each input: the nearest one before."""
        assert one.kind is not None  # noqa: S101 - the caller looked
        inputs: dict[str, str] = {}
        for kind in sorted(one.kind.requires | one.kind.uses):
            makers = [
                earlier
                for earlier in before
                if earlier.kind is not None and kind in earlier.kind.provides
            ]
            if not makers:
                if kind in one.kind.requires:
                    self._missing(before, one, kind)
                continue
            found = [
                step
                for step in self.steps
                if step.stage_name == makers[-1].entry.name
                and format_ in (None, step.format or format_)
                and (target.name if target else None)
                in (None, step.target or (target.name if target else None))
            ]
            if len(found) == 1:
                inputs[kind] = found[0].key
            elif found and kind in one.kind.requires:
                self.problems.append(
                    one.problem(
                        f'needs one "{kind}", and "{makers[-1].entry.name}" '
                        f'makes {len(found)} of them',
                        hint='plan it for one format and one target',
                    )
                )
        return inputs

    def _missing(
        self,
        before: Sequence[checks.Checked],
        one: checks.Checked,
        kind: str,
    ) -> None:
        if any(earlier.kind is None for earlier in before):
            # A misspelt stage may be the one that makes it.
            return
        makers = _makers(kind)
        later = [name for name in makers if name in self._names]
        if later:
            hint = f'move {later[0]} before it'
        elif makers:
            hint = f'put {" or ".join(makers)} before it'
        else:
            hint = 'no stage that is installed makes it'
        self.problems.append(
            one.problem(
                f'needs "{kind}", and no stage before it makes that', hint=hint
            )
        )


def _makers(kind: str) -> list[str]:
    """Return the stages that make a kind of artifact."""
    found = []
    for name in registry.names():
        try:
            stage = registry.load(name)
        except exceptions.PipelineError:
            continue
        # One that also takes it, such as zerofree, is no beginning.
        if kind in stage.provides and kind not in stage.requires:
            found.append(name)
    return found
