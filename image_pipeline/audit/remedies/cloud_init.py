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

"""Change what cloud-init is told, line by line.

Its files are YAML that people write; only the lines of one key are touched,
so that comments and the order stay.
"""

from collections.abc import Iterator, Mapping

from image_pipeline.audit.guest import cloud_init, text
from image_pipeline.audit.remedies import draft

#: What the element sshd-keys-only writes.
SSH = f'{cloud_init.FOLDER}/95-sshd-keys-only.cfg'
#: What the element cloud-init-openstack writes.
DATASOURCES = f'{cloud_init.FOLDER}/95-cloud-init-openstack.cfg'
EC2 = f'{cloud_init.FOLDER}/96-ec2-strict-id.cfg'


def put(
    plan: draft.Draft,
    config: cloud_init.Config,
    path: str,
    values: Mapping[str, str],
) -> None:
    """Set keys at the top.

    :param plan: takes the changes.
    :param config: what is said now.
    :param path: the file that says it from now on.
    :param values: YAML on one line, by key; what other files that win say
        becomes a comment.
    """
    for key, value in values.items():
        mine = False
        for line, _ in config.each(key):
            if line.path == path and not mine:
                first, *more = block(plan, line)
                plan.replace(first, f'{key}: {value}')
                for one in more:
                    plan.drop(one)
                mine = True
            elif line.path > path and line.path != cloud_init.MAIN:
                comment(plan, line)
        if not mine:
            plan.append(path, f'{key}: {value}')


def comment(plan: draft.Draft, line: text.Line) -> None:
    """Let a key and what is under it say nothing.

    :param plan: takes the changes.
    :param line: of the key.
    """
    for one in block(plan, line):
        plan.comment(one)


def drop(plan: draft.Draft, line: text.Line) -> bool:
    """Take a key and what is under it away.

    :param plan: takes the changes.
    :param line: of the key.
    :returns: whether it could be: not if others share its line.
    """
    if line.text.lstrip().startswith(('{', '[')):
        return False
    for one in block(plan, line):
        plan.drop(one)
    return True


def block(plan: draft.Draft, line: text.Line) -> list[text.Line]:
    """Return the lines of a key: its own, and those that are indented more.

    :param plan: has the image's files.
    :param line: of the key.
    """
    return [line, *_under(text.lines(plan.tree, line.path), line)]


def _under(lines: list[text.Line], line: text.Line) -> Iterator[text.Line]:
    depth = _depth(line.text)
    waiting: list[text.Line] = []
    for one in lines[line.number :]:
        bare = one.text.strip()
        if not bare or bare.startswith('#'):
            # What follows tells whether it is still inside.
            waiting.append(one)
            continue
        deeper = _depth(one.text) > depth
        # A list may stand as far left as its key.
        listed = _depth(one.text) == depth and bare.startswith(('- ', ']'))
        if not (deeper or listed or bare == '-'):
            return
        yield from waiting
        waiting = []
        yield one


def _depth(said: str) -> int:
    return len(said) - len(said.lstrip(' '))
