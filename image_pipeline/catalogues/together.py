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

"""Promote in several catalogues: all of them, or none.

No two catalogues change at once.  So everything that can be refused is
refused before anything changes; and if one fails all the same, those that
were done are taken back: their images are what they were, nothing is
rejected.
"""

from collections.abc import Sequence

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base, states

_STATE = artifact.ImageState


def promote(
    choices: Sequence[tuple[base.Catalogue, str]],
    *,
    reason: str | None = None,
    force: bool = False,
) -> list[base.Swap]:
    """Promote one image in each of several catalogues, all or none.

    :param choices: catalogues and ids of images, in the order in which they
        are promoted.
    :param reason: kept with each image.
    :param force: promote even rejected images.
    :returns: what each promotion did, in the same order.
    :raises PipelineError: one was refused or failed; the message says which,
        and what was taken back.
    """
    for catalogue, image_id in choices:
        try:
            _check(catalogue, image_id, reason=reason, force=force)
        except exceptions.PipelineError as exc:
            exc.message = (
                f'{catalogue.target.name}: {exc.message}; nothing was '
                'promoted anywhere'
            )
            exc.args = (exc.message,)
            raise
    done: list[tuple[base.Catalogue, base.Swap]] = []
    for catalogue, image_id in choices:
        try:
            swap = catalogue.promote(image_id, reason=reason, force=force)
        except BaseException as exc:
            said = _take_back(done)
            if isinstance(exc, exceptions.PipelineError):
                where = catalogue.target.name
                said = [f'{where}: {exc.message}', *said]
                if _is_current(catalogue, image_id):
                    said.append(f'{where}: {image_id} is current all the same')
                exc.message = '; '.join(said)
                exc.args = (exc.message,)
            raise
        done.append((catalogue, swap))
    return [swap for _, swap in done]


def _check(
    catalogue: base.Catalogue,
    image_id: str,
    *,
    reason: str | None,
    force: bool,
) -> None:
    """Refuse what would be refused later; this changes no current image."""
    catalogue.recover()
    record = catalogue.get(image_id)
    if record.state == _STATE.CURRENT:
        return
    known = list(catalogue.list_images(name=record.final_name))
    states.promote(
        record,
        states.current(known, record.final_name),
        visibility=catalogue.target.visibility,
        reason=reason,
        force=force,
        now=record.created_at,
    )
    catalogue.check_promotion(image_id, force=force)


def _is_current(catalogue: base.Catalogue, image_id: str) -> bool:
    """Tell whether a promotion of which nobody heard the end was done."""
    try:
        return catalogue.get(image_id).state == _STATE.CURRENT
    except exceptions.PipelineError:
        return False


def _take_back(
    done: Sequence[tuple[base.Catalogue, base.Swap]],
) -> list[str]:
    """Undo promotions, the last one first, and say so."""
    said = []
    for catalogue, swap in reversed(done):
        where = catalogue.target.name
        if not swap.before:
            continue
        name, current = swap.current.final_name, swap.current.id
        try:
            catalogue.take_back(swap)
        except exceptions.PipelineError as exc:
            said.append(
                f'{where}: the promotion of {name} ({current}) could not be '
                f'taken back: {exc.message}'
            )
        else:
            former = swap.former
            said.append(
                f'{where}: took the promotion of {name} ({current}) back'
                + (f', {former.id} is current again' if former else '')
            )
    return said or ['nothing had been promoted elsewhere']
