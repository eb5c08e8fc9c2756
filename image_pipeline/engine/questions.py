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


"""What targets are asked before a run begins."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from image_pipeline import artifact
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import decide, targets
from image_pipeline.store import store as store_module

Objection = artifact.Objection
#: What is asked, for messages.
IMAGES, SERVERS = 'its image service', 'its compute service'
#: Seconds for which credentials have to hold, without another reason.
_RUN = 3600
#: What is made in a catalogue, and what by a hypervisor.
_IN_CATALOGUE = frozenset({artifact.REGISTRATION, artifact.PROMOTION})
_BY_HYPERVISOR = frozenset({artifact.SMOKE_REPORT})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a catalogue or of a hypervisor.

    :param target: the target.
    :param steps: keys of the steps that it is about.
    :param who: what is asked, for messages.
    :param ask: asks it.
    """

    target: str
    steps: tuple[str, ...]
    who: str
    ask: Callable[[], Iterable[Objection]]


def questions(
    decisions: Sequence[decide.Decision],
    store: store_module.Store,
    settings: conf_settings.Settings,
    recipe: str,
) -> Iterator[Question]:
    """Give what is to be asked.

    :param decisions: of all steps; those that are skipped ask for nothing.
    :param store: the state folder; it knows the former image.
    :param settings: the site's settings.
    :param recipe: the recipe's name.
    """
    by_target: dict[str, list[decide.Decision]] = {}
    for one in decisions:
        target = one.step.context.target
        if not one.skip and target is not None and not _is_here(target):
            by_target.setdefault(target.name, []).append(one)
    sizes = _Sizes(decisions, store, recipe)
    for name, chosen in by_target.items():
        target = chosen[0].step.context.target
        assert target is not None  # noqa: S101 - the loop above looked
        intent = _intent(chosen, sizes, target, settings)
        if intent.makes.keys() & _IN_CATALOGUE:
            yield Question(
                target=name,
                steps=_keys(chosen, _IN_CATALOGUE),
                who=IMAGES,
                ask=_catalogue(target, settings, intent),
            )
        if intent.makes.keys() & _BY_HYPERVISOR:
            yield Question(
                target=name,
                steps=_keys(chosen, _BY_HYPERVISOR),
                who=SERVERS,
                ask=_hypervisor(target, settings, store, intent),
            )


def everything(
    target: conf_settings.Target, settings: conf_settings.Settings
) -> Iterator[Question]:
    """Give what is asked of a target for a bake of a small image.

    :param target: a target with a cloud.
    :param settings: the site's settings.
    """
    from image_pipeline.stages import registry

    store = store_module.Store(settings.state_dir)
    makes: dict[str, Mapping[str, Any]] = {}
    for name in registry.names():
        stage = registry.load(name)
        for kind in stage.provides & (_IN_CATALOGUE | _BY_HYPERVISOR):
            makes.setdefault(
                kind, registry.options_json(stage(stage.options_class()))
            )
    if target.promote == 'manual':
        makes.pop(artifact.PROMOTION, None)
    intent = artifact.Intent(
        makes=makes,
        name=target.image_name or 'image-pipeline-doctor',
        format=target.formats[0],
        properties=dict(target.properties),
        seconds=_RUN,
    )
    for who, ask in (
        (IMAGES, _catalogue(target, settings, intent)),
        (SERVERS, _hypervisor(target, settings, store, intent)),
    ):
        yield Question(target=target.name, steps=(), who=who, ask=ask)


def _is_here(target: conf_settings.Target) -> bool:
    """Whether all of a target is on this host, and checked with it."""
    return target.cloud is None and (target.catalogue, target.hypervisor) == (
        'directory',
        'qemu',
    )


def _intent(
    chosen: Sequence[decide.Decision],
    sizes: '_Sizes',
    target: conf_settings.Target,
    settings: conf_settings.Settings,
) -> artifact.Intent:
    context = chosen[0].step.context
    makes: dict[str, Mapping[str, Any]] = {}
    said = dict(context.image_properties) | dict(target.properties)
    seconds = 0
    for one in chosen:
        for kind in one.step.stage.provides:
            makes[kind] = one.step.options
        if artifact.REGISTRATION in one.step.stage.provides:
            said |= dict(one.step.options.get('properties') or {})
        seconds += settings.stage_timeouts.get(one.step.stage_name, 0)
    size, virtual_size = sizes.of(target.formats[0])
    return artifact.Intent(
        makes=makes,
        name=target.image_name or context.image_name,
        format=target.formats[0],
        size=size,
        virtual_size=virtual_size,
        properties=said,
        seconds=seconds or _RUN,
    )


class _Sizes:
    """How large images are: those that are there, else the former ones.

    :param decisions: of all steps.
    :param store: the state folder.
    :param recipe: the recipe's name.
    """

    def __init__(
        self,
        decisions: Sequence[decide.Decision],
        store: store_module.Store,
        recipe: str,
    ) -> None:
        self._decisions = decisions
        self._store = store
        self._recipe = recipe

    def of(self, form: str) -> tuple[int | None, int | None]:
        """Return bytes of the file and of the disk; None if not known.

        :param form: the image's format.
        """
        for one in self._decisions:
            if (
                artifact.IMAGE not in one.step.stage.provides
                or one.step.format != form
            ):
                continue
            made = one.artifacts.get(artifact.IMAGE)
            if made is None:
                last = self._store.steps.latest(self._recipe, one.step.key)
                made = last.artifacts.get(artifact.IMAGE) if last else None
            if made is not None:
                virtual = made.properties.get('virtual_size')
                return made.size, int(virtual) if virtual else None
        return None, None


def _keys(
    chosen: Sequence[decide.Decision], kinds: frozenset[str]
) -> tuple[str, ...]:
    return tuple(
        one.step.key for one in chosen if one.step.stage.provides & kinds
    )


def _catalogue(
    target: conf_settings.Target,
    settings: conf_settings.Settings,
    intent: artifact.Intent,
) -> Callable[[], Iterable[Objection]]:
    return lambda: targets.catalogue(target, settings).preflight(intent)


def _hypervisor(
    target: conf_settings.Target,
    settings: conf_settings.Settings,
    store: store_module.Store,
    intent: artifact.Intent,
) -> Callable[[], Iterable[Objection]]:
    return lambda: targets.hypervisor(target, settings, store.cache).preflight(
        intent
    )
