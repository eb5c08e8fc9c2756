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

"""``rule list``, ``rule show``."""

import argparse
import logging
from collections.abc import Iterable
from typing import Any

from image_pipeline import exceptions
from image_pipeline.cli import base, stage

LOG = logging.getLogger(__name__)


class RuleList(base.Lister):
    """List the rules of the audit."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--profile',
            help='only the rules that this profile judges, with the '
            'severities that they have there',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        from image_pipeline.audit import profile, registry

        known = registry.rules()
        chosen: Iterable[profile.Chosen]
        if parsed_args.profile:
            chosen = profile.load(
                parsed_args.profile, known, path=self.settings.profile_path
            ).chosen
        else:
            chosen = [profile.Chosen(rule=one) for one in known.values()]
        return ('rule', 'severity', 'subject', 'fix', 'statement'), [
            (
                one.rule.id,
                str(one.severity or one.rule.severity),
                str(one.rule.subject),
                str(one.rule.fix),
                one.rule.statement,
            )
            for one in chosen
        ]


class RuleShow(base.ShowOne):
    """Show a rule: what, why, where from, and what to do."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument('rule', metavar='ID', help='the rule')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return names and values.

        :param parsed_args: the arguments.
        """
        from image_pipeline.audit import profile, registry

        known = registry.rules()
        shown = registry.get(parsed_args.rule)
        path = self.settings.profile_path
        profiles = []
        for name in profile.names(path):
            try:
                found = profile.load(name, known, path=path)
            except exceptions.InvalidInput as exc:
                # One of the site's; the rule can be shown all the same.
                LOG.warning('profile %s: %s', name, exc)
                continue
            if any(one.rule.id == shown.id for one in found.chosen):
                profiles.append(name)
        return self.dict2columns(
            {
                'rule': shown.id,
                'statement': shown.statement,
                'severity': str(shown.severity),
                'subject': str(shown.subject),
                'rationale': shown.rationale,
                'source': shown.source,
                'satisfied_by': base.Words(shown.satisfied_by),
                'remedy': shown.remedy,
                'fix': str(shown.fix),
                'implies': base.Words(sorted(shown.implies)),
                'probe': shown.probe,
                'profiles': base.Words(profiles),
                'options': stage.Options(stage.options(shown.options)),
            }
        )
