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

"""``target list``, ``target show``."""

import argparse
import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from image_pipeline.cli import base, image_targets

#: A name and a password in a URL.
_CREDENTIALS = re.compile(r'(?<=//)[^/@]*@')


class TargetList(base.Lister):
    """List the targets: where images can go."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        from image_pipeline.engine import targets

        rows = [
            (
                target.name,
                target.cloud,
                targets.region(target),
                target.catalogue,
                target.hypervisor,
                base.Words(target.formats),
                target.promote,
            )
            for target in self.settings.targets.values()
        ]
        return (
            'name',
            'cloud',
            'region',
            'catalogue',
            'hypervisor',
            'formats',
            'promote',
        ), rows


class TargetShow(base.ShowOne):
    """Show a target, as a recipe changes it if one is given."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument('target', metavar='NAME', help='the target')
        base.add_recipe_arguments(parser, nargs='?')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return names and values.

        :param parsed_args: the arguments.
        """
        from image_pipeline.engine import targets

        target = image_targets.find(self.settings, parsed_args.target)
        image = target.image_name
        if parsed_args.recipe:
            from image_pipeline.recipe import plan

            recipe = base.load_recipe(
                self.settings, parsed_args.recipe, parsed_args.sets
            )
            target = plan.target_for(target, recipe)
            image = target.image_name or recipe.image_name
            target = dataclasses.replace(
                target,
                properties=dict(recipe.image_properties)
                | dict(target.properties),
            )
        shown: dict[str, Any] = {
            field.name: getattr(target, field.name)
            for field in dataclasses.fields(target)
            # Of the site, not of the target.
            if field.name != 'requests'
        }
        shown['region'] = targets.region(target)
        shown['image_name'] = image
        if target.import_url:
            shown['import_url'] = _CREDENTIALS.sub('', target.import_url)
        shown['properties'] = base.Pairs(target.properties)
        for name, value in shown.items():
            if isinstance(value, tuple):
                shown[name] = base.Words(value)
        return self.dict2columns(shown)
