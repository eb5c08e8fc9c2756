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
"""EGI-LOG-02: rsyslog is told ``stop``, not ``~``."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import rsyslog
from image_pipeline.audit.remedies import draft
from image_pipeline.disk import edits

_TILDE = re.compile(r'(?:^|[\s&"])~\s*(?:#.*)?$')


class EgiLog02(rule.Rule):
    """The action that discards has its present name."""

    id = 'EGI-LOG-02'
    severity = rule.Severity.WARNING
    statement = 'rsyslog discards by "stop", not by the deprecated "~"'
    rationale = (
        'rsyslog 7 deprecated the tilde and warns of it at every start; what '
        'no longer knows it would keep what was to be discarded.'
    )
    source = (
        'rsyslog, v7 compatibility notes; the snippet of EGI wiki '
        'VT-CloudCaps:BestPractices has it'
    )
    remedy = "replace the tilde: sed -i -E 's/~\\s*$/stop/' on the line"
    fix = rule.Fix.YES
    probe = 'EGI-LOG-02'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give each tilde."""
        lines = rsyslog.lines(subject.files)
        if not lines:
            raise rule.NotApplicable('rsyslog is not configured')
        for line in lines:
            if _TILDE.search(line.text):
                yield found.at(line, 'a message is discarded by a tilde')

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give stop in the place of each tilde."""
        plan = draft.Draft(subject.files)
        for line in rsyslog.lines(subject.files):
            match = _TILDE.search(line.text)
            if match:
                at = match.start() + match[0].index('~')
                said = f'{line.text[:at]}stop{line.text[at + 1 :]}'
                plan.replace(line, said)
        yield from plan.edits()
