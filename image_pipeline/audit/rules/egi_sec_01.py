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

"""EGI-SEC-01: no passwords."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import accounts, boot, cloud_init, text
from image_pipeline.audit.remedies import cloud_init as remedy
from image_pipeline.audit.remedies import draft
from image_pipeline.disk import edits, files

_GROUPS = ('/etc/group', '/etc/gshadow')
#: Keys by which cloud-init gives an account a password (cc_users_groups).
_KEYS = ('passwd', 'hashed_passwd', 'plain_text_passwd')
#: What installers keep of the answers that they were given.
_ANSWERS = (
    '/root/anaconda-ks.cfg',
    '/root/original-ks.cfg',
    '/root/initial-setup-ks.cfg',
    '/root/preseed.cfg',
    '/root/autoinst.xml',
)
_ROOTPW = re.compile(
    r'^\s*rootpw\s+(?!--lock\s*$)\S|root-password(-crypted)?\s+password\s+\S'
    r'|<user_password>\S'
)
_GRUB = re.compile(r'^\s*(?:password\s+\S+\s+\S|password_pbkdf2\s)')


class EgiSec01(rule.Rule):
    """Nobody has a password."""

    id = 'EGI-SEC-01'
    severity = rule.Severity.ERROR
    statement = 'no account has a password, and none can log in without one'
    rationale = (
        'A password that is in an image is the same on every instance of it, '
        'and soon known.'
    )
    source = (
        'docs.egi.eu, Images: "Always remove all default passwords and '
        'accounts"; AWS Marketplace, AMI requirements; cloud-image-val, '
        'test_root_is_locked'
    )
    satisfied_by = ('element:sshd-keys-only', 'element:image-hygiene')
    remedy = (
        "lock each account with usermod --password '!*' and remove passwords "
        "from cloud-init's configuration"
    )
    fix = rule.Fix.YES
    probe = 'EGI-SEC-01'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give each account with a password, or without need of one."""
        tree = subject.files
        for path in (*accounts.PASSWD, '/etc/passwd-'):
            for account in accounts.passwd(tree, path):
                yield from _judge(account.line, account.name, account.password)
        for path in (*accounts.SHADOW, '/etc/shadow-'):
            for secret in accounts.secrets(tree, path):
                yield from _judge(secret.line, secret.name, secret.password)
        for path in (*_GROUPS, '/etc/gshadow-'):
            for secret in accounts.secrets(tree, path):
                # A group without a password cannot be joined by one.
                if secret.password:
                    yield from _judge(
                        secret.line,
                        f'the group {secret.name}',
                        secret.password,
                    )
        yield from _of_cloud_init(known.cloud_config(subject))
        yield from _of_others(tree)
        known.passwd(subject)

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give locked accounts, and a cloud-init that sets no password."""
        tree = subject.files
        plan = draft.Draft(tree)
        for path in (*accounts.PASSWD, '/etc/passwd-'):
            for account in accounts.passwd(tree, path):
                # Its password is in shadow, and locked there.
                _lock(plan, account.line, account.password, 'x')
        for path in (*accounts.SHADOW, '/etc/shadow-'):
            for secret in accounts.secrets(tree, path):
                _lock(plan, secret.line, secret.password, '!*')
        for path in (*_GROUPS, '/etc/gshadow-'):
            for secret in accounts.secrets(tree, path):
                if secret.password:
                    _lock(plan, secret.line, secret.password, '!')
        _lock_cloud_user(plan, known.cloud_config(subject))
        for path in _ANSWERS:
            if any(
                _ROOTPW.search(line.text) for line in text.said(tree, path)
            ):
                plan.remove(path)
        yield from plan.edits()


def _judge(line: text.Line, name: str, field: str) -> Iterator[rule.Finding]:
    kind = accounts.password(field)
    if kind is accounts.Password.EMPTY:
        yield found.secret_at(line, f'{name} needs no password')
    elif kind is accounts.Password.HASH:
        yield found.secret_at(line, f'{name} has a password')
    elif kind is accounts.Password.LOCKED_HASH:
        yield found.secret_at(
            line,
            f'{name} is locked, but the hash of a password is still there',
            severity=rule.Severity.WARNING,
        )


def _lock(plan: draft.Draft, line: text.Line, field: str, locked: str) -> None:
    """Put a password that nobody has in the place of one."""
    if accounts.password(field) in (
        accounts.Password.EMPTY,
        accounts.Password.HASH,
        accounts.Password.LOCKED_HASH,
    ):
        name, _, *others = line.text.split(':')
        plan.replace(line, ':'.join((name, locked, *others)))


def _lock_cloud_user(plan: draft.Draft, cloud: cloud_init.Config) -> None:
    """Let cloud-init set no password, and lock the cloud user's."""
    user = ('system_info', 'default_user')
    for line, value in cloud.each(*user, 'lock_passwd'):
        if value is False:
            plan.replace(line, f'{line.text.partition(":")[0]}: true')
    for keys in (
        ('password',),
        ('chpasswd',),
        *((*user, key) for key in _KEYS),
    ):
        for line, _ in cloud.each(*keys):
            remedy.drop(plan, line)


def _of_cloud_init(cloud: cloud_init.Config) -> Iterator[rule.Finding]:
    user = cloud.get('system_info', 'default_user', default={})
    if isinstance(user, dict):
        yield from _of_user(user, cloud, 'system_info', 'default_user')
    users = cloud.get('users')
    for one in users if isinstance(users, list) else ():
        if isinstance(one, dict):
            for key in _KEYS:
                if one.get(key):
                    yield found.secret_at(
                        cloud.where('users'),
                        'cloud-init makes a user with a password',
                    )
    if cloud.get('password'):
        yield found.secret_at(
            cloud.where('password'),
            'cloud-init gives the cloud user a password',
        )
    if cloud.get('chpasswd', 'list') or cloud.get('chpasswd', 'users'):
        yield found.secret_at(
            cloud.where('chpasswd'), 'cloud-init sets passwords'
        )


def _of_user(
    user: Mapping[str, Any], cloud: cloud_init.Config, *path: str
) -> Iterator[rule.Finding]:
    if user.get('lock_passwd', True) is False:
        yield found.at(
            cloud.where(*path, 'lock_passwd'),
            "cloud-init leaves the cloud user's password unlocked",
        )
    for key in _KEYS:
        if user.get(key):
            yield found.secret_at(
                cloud.where(*path, key),
                'cloud-init gives the cloud user a password',
            )


def _of_others(tree: files.FileTree) -> Iterator[rule.Finding]:
    for path in _ANSWERS:
        for line in text.said(tree, path):
            if _ROOTPW.search(line.text):
                yield found.secret_at(
                    line, "the installer's answers hold root's password"
                )
    for path in (*boot.boot_files(tree), *tree.glob('/etc/grub.d/*')):
        for line in text.said(tree, path):
            if _GRUB.match(line.text):
                yield found.secret_at(
                    line,
                    "the boot loader's menu has a password",
                    severity=rule.Severity.WARNING,
                )
