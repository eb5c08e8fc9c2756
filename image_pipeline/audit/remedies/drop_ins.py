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

"""Say something in a drop-in of systemd's kind.

The drop-in has the name that the element gives it that satisfies the rule,
so that an image has one of them, whoever wrote it.
"""

from collections.abc import Mapping

from image_pipeline.audit.guest import systemd_conf, text
from image_pipeline.audit.remedies import draft


def put(
    plan: draft.Draft,
    path: str,
    section: str,
    values: Mapping[str, str],
    others: systemd_conf.Ini | None = None,
) -> None:
    """Set keys of one section.

    :param plan: takes the changes.
    :param path: the drop-in.
    :param section: such as ``Login``.
    :param values: by key.
    :param others: all that is said about it: what is read after the drop-in
        becomes a comment, where it is the image's own.
    """
    there = systemd_conf.parse(plan.tree, [path])
    new = []
    for key, value in values.items():
        said = f'{key}={value}'
        mine = there.get(section, key)
        if mine is not None:
            plan.replace(mine.line, said)
        else:
            new.append(said)
        for setting in others.all(section, key) if others else ():
            if _is_later(setting.line.path, path):
                plan.comment(setting.line)
    if new:
        lines = text.lines(plan.tree, path)
        begun = bool(lines) and tuple(there.sections)[-1:] == (section,)
        plan.append(path, *([] if begun else [f'[{section}]']), *new)


def _is_later(path: str, than: str) -> bool:
    """Tell whether a drop-in in /etc is read after another one."""
    return (
        path.startswith('/etc/')
        and '.d/' in path
        and path.rpartition('/')[2] > than.rpartition('/')[2]
    )
