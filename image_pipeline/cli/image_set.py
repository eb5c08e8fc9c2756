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

"""``image set``: change the properties of an image in catalogues."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from image_pipeline import artifact, exceptions
from image_pipeline.cli import base, image_names, image_targets

if TYPE_CHECKING:
    from image_pipeline.catalogues import base as catalogue_base
    from image_pipeline.conf import settings as conf_settings
    from image_pipeline.recipe import model

LOG = logging.getLogger(__name__)


class ImageSet(image_targets.OnTargets):
    """Set properties of an image, or take them away; all or none."""

    changes = True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image', metavar='IMAGE', help=image_names.HELP + ': the current'
        )
        parser.add_argument(
            '--property',
            action='append',
            default=[],
            dest='properties',
            metavar='KEY=VALUE',
            help='a property and its value; may be given several times',
        )
        parser.add_argument(
            '--unset',
            action='append',
            default=[],
            metavar='KEY',
            help='a property to take away; may be given several times',
        )
        parser.add_argument(
            '--recipe',
            metavar='RECIPE',
            help='also the properties that this recipe and the target say; '
            + base.RECIPE_HELP,
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='change nothing, show what would change',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> image_targets.Table:
        """Change the properties; return what changed.

        :param parsed_args: the arguments.
        """
        changes = _changes(parsed_args.properties, parsed_args.unset)
        recipe = None
        if parsed_args.recipe:
            recipe = base.load_recipe(self.settings, parsed_args.recipe)
        elif not changes:
            raise exceptions.InvalidInput(
                'nothing is to be changed',
                hint='give --property KEY=VALUE, --unset KEY or --recipe',
            )

        def change(
            catalogue: 'catalogue_base.Catalogue',
        ) -> list[tuple[Any, ...]]:
            image = image_names.find(
                catalogue, parsed_args.image, first=artifact.ImageState.CURRENT
            )
            wanted = {**_said(recipe, catalogue.target), **changes}
            return _change(
                catalogue, image, wanted, dry_run=parsed_args.dry_run
            )

        columns = ('target', 'id', 'name', 'property', 'before', 'after')
        return columns, list(self.each(self.catalogues(parsed_args), change))


def _change(
    catalogue: 'catalogue_base.Catalogue',
    image: artifact.ImageRecord,
    changes: Mapping[str, str | None],
    *,
    dry_run: bool,
) -> list[tuple[Any, ...]]:
    """Change what differs; return the rows of the table."""
    for line in _doubts(image, changes):
        LOG.warning('%s', line)
    if dry_run:
        from image_pipeline.catalogues import states

        after = states.changed(image, changes)
    else:
        after = catalogue.set_properties(image.id, changes)
    return [
        (
            catalogue.target.name,
            image.id,
            image.name,
            key,
            image.properties.get(key, ''),
            after.properties.get(key, ''),
        )
        for key in sorted(changes)
        if image.properties.get(key) != after.properties.get(key)
    ]


def _said(
    recipe: 'model.Recipe | None', target: 'conf_settings.Target'
) -> dict[str, str | None]:
    """Return the properties that a recipe and a target say."""
    if recipe is None:
        return {}
    from image_pipeline.recipe import plan

    merged = plan.target_for(target, recipe)
    return {**recipe.image_properties, **merged.properties}


def _changes(
    pairs: Sequence[str], unset: Sequence[str]
) -> dict[str, str | None]:
    """Return a change of properties as a user gave it.

    :param pairs: ``KEY=VALUE``.
    :param unset: keys.
    :raises InvalidInput: a pair has no ``=``, or a key is given twice.
    """
    given: list[tuple[str, str | None]] = []
    for text in pairs:
        key, equals, value = text.partition('=')
        if not key or not equals:
            raise exceptions.InvalidInput(
                f'"{text}" is not of the form KEY=VALUE'
            )
        given.append((key, value))
    given += [(key, None) for key in unset]
    found = dict(given)
    if len(found) < len(given):
        keys = [key for key, _ in given]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise exceptions.InvalidInput(f'{twice} is given twice')
    return found


def _doubts(
    image: artifact.ImageRecord, changed: Mapping[str, str | None]
) -> list[str]:
    """Return what may be a mistake in a change of properties.

    What the image had before, and keeps, is not complained of.

    :param image: the image.
    :param changed: the change.
    :raises InvalidInput: OpenStack would refuse it, or ignore it.
    """
    from image_pipeline.audit import image_properties

    merged = {**image.properties, **changed}
    before = list(image_properties.problems(image.properties))
    wrong = [
        one
        for one in image_properties.problems(
            {key: value for key, value in merged.items() if value is not None}
        )
        if one not in before
    ]
    certain = [one for one in wrong if one.certain]
    if certain:
        raise exceptions.InvalidInput(
            'the properties cannot be set',
            problems=[
                exceptions.Problem(
                    path=one.key, message=one.message, hint=one.hint
                )
                for one in certain
            ],
        )
    return [
        f'{one.message}; {one.hint}' if one.hint else one.message
        for one in wrong
    ]
