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

"""Set keywords of sshd, which takes the first value that it reads."""

import re
from collections.abc import Mapping

from image_pipeline.audit.guest import sshd, text
from image_pipeline.audit.remedies import draft

#: What the element sshd-keys-only writes.
DROP_IN = '/etc/ssh/sshd_config.d/00-sshd-keys-only.conf'
_FOLDER = '/etc/ssh/sshd_config.d/'
_INCLUDE = re.compile(r'^\s*include\s+.*/etc/ssh/sshd_config\.d/', re.I)


def put(
    plan: draft.Draft, config: sshd.Config, values: Mapping[str, str]
) -> None:
    """Set keywords for every connection.

    :param plan: takes the changes.
    :param config: what sshd reads now.
    :param values: by keyword; conditional ones with another value become
        comments.
    """
    include = _include(plan)
    for keyword, value in values.items():
        said = f'{keyword} {value}'
        mine = False
        for setting in config.settings:
            line = setting.line
            if setting.keyword != keyword.lower():
                continue
            if setting.match not in (None, 'all'):
                if setting.value.lower() != value:
                    plan.comment(line)
            elif line.path == DROP_IN:
                if not mine:
                    plan.replace(line, said)
                    mine = True
            elif _is_earlier(line, include) or setting.match == 'all':
                plan.comment(line)
        if not mine:
            # It may end with a Match block.
            plan.prepend(DROP_IN, said, mode=0o600)
    if include is None and plan.tree.exists(sshd.MAIN):
        plan.prepend(sshd.MAIN, f'Include {_FOLDER}*.conf')


def _include(plan: draft.Draft) -> int | None:
    """Return the line of sshd_config that reads drop-ins, or None."""
    for line in text.said(plan.tree, sshd.MAIN):
        if _INCLUDE.match(line.text):
            return line.number
    return None


def _is_earlier(line: text.Line, include: int | None) -> bool:
    """Tell whether sshd reads a line before the drop-in."""
    if line.path.startswith(_FOLDER):
        return line.path < DROP_IN
    return (
        line.path == sshd.MAIN
        and include is not None
        and line.number < include
    )
