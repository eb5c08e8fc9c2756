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

"""The images of a run, as their catalogues know them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import result, targets
from image_pipeline.recipe import plan as recipe_plan


def of_run(
    plan: recipe_plan.Plan,
    results: Iterable[result.StepResult],
    settings: conf_settings.Settings,
    *,
    warn: Callable[[str], object],
) -> tuple[Mapping[str, Any], ...]:
    """Return the images that a run registered or found registered.

    :param plan: the plan.
    :param results: what came of its steps.
    :param settings: the site's settings.
    :param warn: told of what a catalogue refused.
    """
    by_name = {target.name: target for target in plan.targets}
    found = []
    for done in results:
        for made in done.artifacts:
            if made.kind != artifact.REGISTRATION:
                continue
            target = by_name.get(plan.step(done.key).target or '')
            image_id = made.properties.get('image_id')
            if target is None or image_id is None:
                continue
            try:
                record = targets.catalogue(target, settings).get(image_id)
            except exceptions.PipelineError as exc:
                warn(f'{target.name}: {exc.message}')
                continue
            found.append(to_json(record, target))
    return tuple(found)


def to_json(
    record: artifact.ImageRecord, target: conf_settings.Target
) -> dict[str, Any]:
    """Return an image as ``bake -f json`` prints it.

    :param record: the image.
    :param target: where it is.
    """
    return {
        'target': target.name,
        'region': targets.region(target),
        'id': record.id,
        'name': record.name,
        'state': str(record.state),
        'visibility': record.visibility,
        'previous_id': record.previous_id,
        'sha512': record.sha512,
        'path': str(record.path) if record.path else None,
        'reason': record.reason,
    }


def collect_candidates(
    plan: recipe_plan.Plan,
    settings: conf_settings.Settings,
    *,
    spare: Iterable[str] = (),
    warn: Callable[[str], object],
) -> list[str]:
    """Delete candidates that nobody promoted, beyond what the site keeps.

    :param plan: the plan; its image's name and its targets count.
    :param settings: the site's settings.
    :param spare: ids of images that stay in any case.
    :param warn: told of what could not be deleted.
    :returns: the ids that went.
    """
    gone = []
    spared = set(spare)
    for target in plan.targets:
        name = target.image_name or plan.recipe.image_name
        states = (artifact.ImageState.CANDIDATE, artifact.ImageState.REJECTED)
        try:
            catalogue = targets.catalogue(target, settings)
            # Those that were current once are retire's affair.
            found = [
                image
                for image in catalogue.list_images(name=name, states=states)
                if image.promoted_at is None
            ]
        except exceptions.PipelineError as exc:
            warn(f'{target.name}: old candidates stay: {exc.message}')
            continue
        for image in found[settings.keep_candidates :]:
            if image.id in spared:
                continue
            try:
                catalogue.discard(
                    image.id, reason='never promoted; newer candidates exist'
                )
                gone.append(image.id)
            except exceptions.PipelineError as exc:
                warn(f'{target.name}: {exc.message}')
    return gone
