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

"""``doctor``."""

import argparse
from collections.abc import Iterable
from typing import Any

from image_pipeline.cli import base


class Doctor(base.Lister):
    """Say what this host lacks, and the command that mends it.

    Without a recipe, everything that the recipes in the recipe path need.
    The exit status is 1 if something is missing.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'recipes', metavar='RECIPE', nargs='*', help=base.RECIPE_HELP
        )
        parser.add_argument(
            '--target',
            metavar='TARGET',
            action='append',
            default=[],
            dest='targets',
            help='ask this cloud, too, whether it would let a bake do its '
            'work: rights, quota, flavor, network, stores; may be given '
            'several times',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Print the findings and return the exit status.

        :param parsed_args: the arguments.
        """
        self._missing: list[Any] = []
        super().run(parsed_args)
        if not self._missing:
            return 0
        from image_pipeline.host import packages, process

        programs = [
            finding.subject.removeprefix('program ')
            for finding in self._missing
            if finding.subject.startswith('program ')
        ]
        command = packages.remedy(programs, process.Host().which)
        if command:
            self.app.stderr.write(f'hint: {command}\n')
        return 1

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        from image_pipeline.engine import doctor

        findings = doctor.examine(self.settings, parsed_args.recipes)
        if parsed_args.targets:
            from image_pipeline.engine import doctor_targets

            findings += doctor_targets.examine(
                self.settings, parsed_args.targets
            )
        self._missing = [
            finding
            for finding in findings
            if finding.verdict is doctor.Verdict.MISSING
        ]
        return ('verdict', 'subject', 'found', 'remedy', 'needed_by'), [
            (
                str(finding.verdict),
                finding.subject,
                finding.found,
                finding.remedy or '',
                base.Words(finding.needed_by),
            )
            for finding in findings
        ]
