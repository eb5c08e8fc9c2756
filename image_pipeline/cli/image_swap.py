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

"""``image promote``, ``image rollback``: which image users get."""

import argparse
import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from image_pipeline import artifact, exceptions
from image_pipeline.cli import image_changes, image_names, image_targets

if TYPE_CHECKING:
    from image_pipeline.catalogues import base as catalogue_base

LOG = logging.getLogger(__name__)

_STATE = artifact.ImageState


class _Swap(image_targets.OnTargets):
    """What promotion and rollback have in common."""

    changes = True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--to',
            metavar='ID',
            help='this image of the name: its id or digest, or the beginning '
            'of one (8 characters)',
        )
        parser.add_argument('--reason', help='why; kept with the image')
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='change nothing, show what would change',
        )
        return parser


class ImagePromote(_Swap):
    """Make an image the current one: the one that users get."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image',
            metavar='IMAGE',
            help=image_names.HELP + ': the latest candidate',
        )
        parser.add_argument(
            '--all-or-none',
            action='store_true',
            help='if it fails at one target, take it back at the others',
        )
        parser.add_argument(
            '--force',
            action='store_true',
            help='promote even an image that was rolled back before, or of '
            'which no smoke test is recorded',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> image_targets.Table:
        """Promote; return what changed.

        :param parsed_args: the arguments.
        """
        catalogues = self.catalogues(parsed_args)
        if parsed_args.all_or_none and not parsed_args.dry_run:
            changed = self._together(catalogues, parsed_args)
        else:
            changed = list(
                self.each(
                    catalogues,
                    lambda catalogue: self._promote(catalogue, parsed_args),
                )
            )
        return image_changes.table(changed, parsed_args.formatter)

    def _promote(
        self,
        catalogue: 'catalogue_base.Catalogue',
        parsed_args: argparse.Namespace,
    ) -> Iterator[image_changes.Changed]:
        image = self._image(catalogue, parsed_args)
        if image.state == _STATE.CURRENT:
            LOG.warning('%s (%s) is current already', image.name, image.id)
            yield image_changes.Changed(
                target=catalogue.target.name, before=image, after=image
            )
            return
        images = list(catalogue.list_images(name=image.final_name))
        if parsed_args.dry_run:
            from image_pipeline.catalogues import states

            catalogue.check_promotion(image.id, force=parsed_args.force)
            swap = states.promote(
                image,
                states.current(images, image.final_name),
                visibility=catalogue.target.visibility,
                reason=parsed_args.reason,
                force=parsed_args.force,
                now='',
            )
        else:
            reason = parsed_args.reason
            with self.notified('promote', catalogue, image, reason) as ended:
                swap = catalogue.promote(
                    image.id, reason=reason, force=parsed_args.force
                )
                ended(swap.current, former=swap.former)
        yield from _swapped(catalogue, swap, images)

    def _together(
        self,
        catalogues: Sequence['catalogue_base.Catalogue'],
        parsed_args: argparse.Namespace,
    ) -> list[image_changes.Changed]:
        """Promote at every target or at none."""
        from image_pipeline.catalogues import together

        chosen = []
        before = []
        told = []
        reason = parsed_args.reason
        with contextlib.ExitStack() as stack:
            for catalogue in catalogues:
                image_targets.recover(catalogue)
                try:
                    image = self._image(catalogue, parsed_args)
                except exceptions.PipelineError as exc:
                    exc.hint = image_targets.hint_at(
                        exc.hint, catalogue.target.name
                    )
                    exc.message = (
                        f'{catalogue.target.name}: {exc.message}; nothing '
                        'was promoted anywhere'
                    )
                    raise
                chosen.append((catalogue, image.id))
                before.append(
                    list(catalogue.list_images(name=image.final_name))
                )
                told.append(self.notified('promote', catalogue, image, reason))
            told_of_end = [stack.enter_context(one) for one in told]
            swaps = together.promote(
                chosen, reason=reason, force=parsed_args.force
            )
            for ended, swap in zip(told_of_end, swaps, strict=True):
                ended(swap.current, former=swap.former)
        return [
            one
            for (catalogue, _), swap, images in zip(
                chosen, swaps, before, strict=True
            )
            for one in _swapped(catalogue, swap, images)
        ]

    def _image(
        self,
        catalogue: 'catalogue_base.Catalogue',
        parsed_args: argparse.Namespace,
    ) -> artifact.ImageRecord:
        """Return the image to promote; it may be promoted."""
        if parsed_args.to:
            image = image_names.of_name(
                catalogue, parsed_args.image, parsed_args.to
            )
        else:
            image = image_names.find(
                catalogue, parsed_args.image, first=_STATE.CANDIDATE
            )
        if not parsed_args.force:
            _check_tested(image)
        return image


class ImageRollback(_Swap):
    """Bring the previous image of a name back; the current one is rejected."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument('name', metavar='NAME', help="the image's name")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> image_targets.Table:
        """Roll back; return what changed.

        :param parsed_args: the arguments.
        """
        changed = list(
            self.each(
                self.catalogues(parsed_args),
                lambda catalogue: self._roll_back(catalogue, parsed_args),
            )
        )
        return image_changes.table(changed, parsed_args.formatter)

    def _roll_back(
        self,
        catalogue: 'catalogue_base.Catalogue',
        parsed_args: argparse.Namespace,
    ) -> Iterator[image_changes.Changed]:
        from image_pipeline.catalogues import states

        name, to = parsed_args.name, None
        reason = parsed_args.reason
        if parsed_args.to:
            to = image_names.of_name(catalogue, name, parsed_args.to).id
        # All of them: what is no name of ours may be near to one.
        images = list(catalogue.list_images())
        swap = states.roll_back(images, name, to=to, reason=reason, now='')
        if not parsed_args.dry_run:
            back = swap.current
            with self.notified('rollback', catalogue, back, reason) as ended:
                swap = catalogue.roll_back(name, to=to, reason=reason)
                ended(swap.current, former=swap.former)
        yield from _swapped(catalogue, swap, images)


def _check_tested(image: artifact.ImageRecord) -> None:
    """Refuse a candidate that nobody has booted, as far as is known.

    :param image: the image.
    :raises StateConflict: no smoke test of its content is recorded.
    """
    if image.state != _STATE.CANDIDATE:
        return
    if image.tested_sha256 == image.sha256:
        return
    raise exceptions.StateConflict(
        f'{image.name} ({image.id}): '
        + (
            'its smoke test was of other content'
            if image.tested_sha256
            else 'no smoke test of it is recorded'
        ),
        hint='bake its recipe with the stage smoke-test; or say that you '
        f'mean it: `image-pipeline image promote --force {image.id}`',
    )


def _swapped(
    catalogue: 'catalogue_base.Catalogue',
    swap: 'catalogue_base.Swap',
    images: Sequence[artifact.ImageRecord],
) -> Iterator[image_changes.Changed]:
    before = {image.id: image for image in images}
    name = catalogue.target.name
    for line in swap.notes:
        LOG.warning('%s: %s', name, line)
    yield image_changes.Changed(
        target=name,
        before=before.get(swap.current.id, swap.current),
        after=swap.current,
        members=swap.members,
    )
    if swap.former:
        yield image_changes.Changed(
            target=name,
            before=before.get(swap.former.id, swap.former),
            after=swap.former,
        )
