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

"""``image adopt``, ``image revoke``: take an image in, withdraw one."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from image_pipeline import artifact, exceptions
from image_pipeline.cli import image_changes, image_names, image_targets

if TYPE_CHECKING:
    from image_pipeline.catalogues import base as catalogue_base

_COLUMNS = ('target', 'id', 'name', 'state', 'visibility', 'hidden', 'reason')


class ImageAdopt(image_targets.OnTargets):
    """Take an image that somebody made by hand into the pipeline's care.

    It becomes the current image of its name if users get it by that name
    already, else a candidate; nothing changes for users.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image', metavar='ID', help="the image's id in the catalogue"
        )
        parser.add_argument(
            '--name',
            required=True,
            metavar='NAME',
            help='the name that users know it by',
        )
        parser.add_argument(
            '--recipe', metavar='RECIPE', help='the recipe it belongs to'
        )
        parser.add_argument('--reason', help='why; kept with the image')
        parser.add_argument(
            '--read',
            action='store_true',
            help='read its content, so that its SHA-256 is known',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> image_targets.Table:
        """Adopt; return the image as it is now.

        :param parsed_args: the arguments.
        """

        def adopt(
            catalogue: 'catalogue_base.Catalogue',
        ) -> list[tuple[Any, ...]]:
            image = catalogue.adopt(
                parsed_args.image,
                name=parsed_args.name,
                recipe=parsed_args.recipe,
                reason=parsed_args.reason,
                read=parsed_args.read,
            )
            # Before it was nobody's image.
            with self.notified(
                'adopt', catalogue, image, parsed_args.reason
            ) as ended:
                ended(image)
            return [_row(image, catalogue)]

        return _COLUMNS, list(self.each(self.catalogues(parsed_args), adopt))


class ImageRevoke(image_targets.OnTargets):
    """Withdraw a compromised image: nobody makes a server of it any more.

    It is hidden and rejected, and deactivated where the catalogue can do
    that; servers that exist go on.  If it is the current image, the previous
    one comes back.
    """

    changes = True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image',
            metavar='IMAGE',
            help='an id or a digest, or the beginning of one (8 characters)',
        )
        parser.add_argument(
            '--reason', required=True, help='why; kept with the image'
        )
        parser.add_argument(
            '--force',
            action='store_true',
            help='even if users are left without an image of that name',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> image_targets.Table:
        """Revoke; return the image as it is now.

        :param parsed_args: the arguments.
        """
        if not parsed_args.reason.strip():
            raise exceptions.InvalidInput('the reason is empty')

        changed = list(
            self.each(
                self.catalogues(parsed_args),
                lambda catalogue: self._revoke(catalogue, parsed_args),
            )
        )
        return image_changes.table(changed, parsed_args.formatter)

    def _revoke(
        self,
        catalogue: 'catalogue_base.Catalogue',
        parsed_args: argparse.Namespace,
    ) -> Iterator[image_changes.Changed]:
        image = image_names.by_id(catalogue, parsed_args.image)
        name, reason = image.final_name, parsed_args.reason
        before = {one.id: one for one in catalogue.list_images(name=name)}
        with self.notified('revoke', catalogue, image, reason) as ended:
            ended(
                catalogue.revoke(
                    image.id, reason=reason, force=parsed_args.force
                )
            )
        # The previous one may have come back for it.
        for after in catalogue.list_images(name=name):
            if after.id == image.id or after != before.get(after.id, after):
                yield image_changes.Changed(
                    target=catalogue.target.name,
                    before=before.get(after.id, after),
                    after=after,
                )


def _row(
    image: artifact.ImageRecord, catalogue: 'catalogue_base.Catalogue'
) -> tuple[Any, ...]:
    return (
        catalogue.target.name,
        image.id,
        image.name,
        image.state.value,
        image.visibility,
        image.hidden,
        image.reason or '',
    )
