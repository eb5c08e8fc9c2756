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

"""HYG-16: homes and rights of people of the build are gone."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, leftovers, rule, view
from image_pipeline.audit.guest import accounts, text
from image_pipeline.disk import edits, files

_SUBORDINATE = ('/etc/subuid', '/etc/subgid')
#: What is there without anybody having done anything.
_NOT_USED = frozenset({'lost+found', '.snapshots'})


class Hyg16(rule.Rule):
    """Homes and rights of people of the build are gone."""

    id = 'HYG-16'
    severity = rule.Severity.WARNING
    statement = (
        'nobody has left files in /home, subordinate ids or lingering services'
    )
    rationale = (
        'Files of whoever made the image are for nobody else, and belong to '
        'whom gets that id on an instance.'
    )
    source = (
        'virt-sysprep, user-account; docs.egi.eu, Images; EGI fedcloud-vmi- '
        'templates'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'remove the account with userdel --remove, its folder in /home and '
        'its lines in /etc/subuid and /etc/subgid'
    )
    fix = rule.Fix.YES
    probe = 'HYG-16'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give homes that are used, and what lingers."""
        yield from leftovers.findings(subject, self.id)
        tree = subject.files
        names = {account.name for account in accounts.passwd(tree)}
        yield from _homes(tree, names)
        for path in _SUBORDINATE:
            for line in _unowned(tree, path, names):
                yield found.at(
                    line,
                    'there is no such account',
                    severity=rule.Severity.INFO,
                )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give what belongs to no account; what one has may be meant."""
        tree = subject.files
        names = {account.name for account in accounts.passwd(tree)}
        for home in _home_names(tree):
            if home not in names:
                yield edits.Remove(path=f'{tree.resolve("/home")}/{home}')
        for path in _SUBORDINATE:
            gone = {line.number for line in _unowned(tree, path, names)}
            if gone:
                yield edits.Write(
                    path=tree.resolve(path),
                    content=''.join(
                        f'{line.text}\n'
                        for line in text.lines(tree, path)
                        if line.number not in gone
                    ).encode(),
                )


def _homes(tree: files.FileTree, names: set[str]) -> Iterator[rule.Finding]:
    skeleton = _names(tree, '/etc/skel') | {'.ssh'}
    for name in _home_names(tree):
        path = f'/home/{name}'
        if name not in names:
            yield found.in_file(path, f'there is no account {name}')
            continue
        for used in sorted(_names(tree, path) - skeleton):
            yield found.in_file(f'{path}/{used}', f'{name} has left it')


def _home_names(tree: files.FileTree) -> list[str]:
    return sorted(_names(tree, '/home') - _NOT_USED)


def _unowned(
    tree: files.FileTree, path: str, names: set[str]
) -> Iterator[text.Line]:
    """Give lines of subordinate ids of no account."""
    for line in text.said(tree, path):
        name = line.text.partition(':')[0]
        if name and name not in names and not name.isdecimal():
            yield line


def _names(tree: files.FileTree, folder: str) -> set[str]:
    try:
        return set(tree.listdir(folder))
    except OSError:
        return set()
