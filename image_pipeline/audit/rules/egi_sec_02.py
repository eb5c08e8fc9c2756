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

"""EGI-SEC-02: no keys, tokens or credentials."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import (
    accounts,
    cloud_init,
    credentials,
    sshd,
)
from image_pipeline.audit.remedies import cloud_init as remedy
from image_pipeline.audit.remedies import draft
from image_pipeline.disk import edits, files

#: sshd's own default, which homes are searched for anyway.
_DEFAULT_KEYS = ('.ssh/authorized_keys', '.ssh/authorized_keys2', 'none')

_CLOUD_KEYS = ('ssh_authorized_keys', 'ssh_import_id', 'ssh_keys')


class EgiSec02(rule.Rule):
    """Nothing in the image opens an instance, or a cloud."""

    id = 'EGI-SEC-02'
    severity = rule.Severity.ERROR
    statement = (
        'no SSH key, token, certificate key or cloud credential is left'
    )
    rationale = (
        "The builder's key opens every instance of the image, and whoever "
        'downloads an image reads all that is in it.'
    )
    source = (
        'docs.egi.eu, Images, "Do NOT include any credentials"; AWS '
        'Marketplace, AMI requirements; virt-sysprep, ssh-userdir'
    )
    satisfied_by = ('element:image-hygiene',)
    remedy = (
        'delete the files, then clear free space (stage zerofree): what was '
        'deleted can be read from it'
    )
    fix = rule.Fix.YES
    probe = 'EGI-SEC-02'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give each file and line that holds a credential."""
        tree = subject.files
        seen: set[str] = set()
        for leak in _leaks(subject, tree):
            if leak.path in seen and leak.line is None:
                continue
            seen.add(leak.path)
            if leak.line is not None:
                yield found.secret_at(leak.line, f'{leak.what} is left')
            else:
                yield found.in_file(leak.path, f'{leak.what} is left')
        yield from _of_cloud_init(known.cloud_config(subject))
        subject.census.need_whole()

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give no file that is a credential, and no line that has one."""
        plan = draft.Draft(subject.files)
        for leak in _leaks(subject, subject.files):
            if leak.line is None:
                plan.remove(leak.path)
            else:
                plan.drop(leak.line)
        cloud = known.cloud_config(subject)
        for key in _CLOUD_KEYS:
            for path in ((key,), ('system_info', 'default_user', key)):
                for line, _ in cloud.each(*path):
                    remedy.drop(plan, line)
        yield from plan.edits()


def _leaks(
    subject: view.ImageView, tree: files.FileTree
) -> Iterator[credentials.Leak]:
    yield from credentials.by_name(tree, accounts.homes(tree))
    yield from _authorized(tree)
    yield from credentials.tokens(tree)
    yield from credentials.private_keys(
        tree,
        (
            (entry.path, entry.stat.size)
            for entry in subject.census.entries
            if entry.stat.type is files.FileType.FILE
        ),
    )


def _authorized(tree: files.FileTree) -> Iterator[credentials.Leak]:
    """Give keys where this sshd looks for them, beside homes."""
    for setting in sshd.read(tree).settings:
        if setting.keyword != 'authorizedkeysfile':
            continue
        for pattern in setting.value.split():
            if pattern in _DEFAULT_KEYS or not pattern.startswith('/'):
                continue
            for token in ('%u', '%U', '%h'):
                pattern = pattern.replace(token, '*')
            for path in tree.glob(pattern):
                if tree.is_file(path) and tree.stat(path).size:
                    yield credentials.Leak(
                        path=path, what='a credential of SSH'
                    )


def _of_cloud_init(cloud: cloud_init.Config) -> Iterator[rule.Finding]:
    """Give keys that cloud-init installs in every instance."""
    message = 'cloud-init installs a key in every instance'
    for key in _CLOUD_KEYS:
        for path in ((key,), ('system_info', 'default_user', key)):
            if cloud.get(*path):
                yield found.at(cloud.where(*path), message, data=key)
    users = cloud.get('users')
    for user in users if isinstance(users, list) else ():
        if isinstance(user, dict) and (
            user.get('ssh_authorized_keys') or user.get('ssh_import_id')
        ):
            yield found.at(cloud.where('users'), message, data='users')
