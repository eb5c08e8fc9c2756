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

"""OS-USER-01: one cloud user, made by cloud-init."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import accounts, cloud_init
from image_pipeline.disk import files

#: What each distribution calls its cloud user: config/cloud.cfg.tmpl of
#: cloud-init, and the OpenStack image guide for those that change it.
_NAMES: Mapping[str, frozenset[str]] = {
    'almalinux': frozenset({'almalinux', 'cloud-user'}),
    'centos': frozenset({'centos', 'cloud-user'}),
    'debian': frozenset({'debian'}),
    'fedora': frozenset({'fedora'}),
    'rhel': frozenset({'cloud-user'}),
    'rocky': frozenset({'rocky', 'cloud-user'}),
    'ubuntu': frozenset({'ubuntu'}),
}
#: Rules of sudo that builders leave behind.
_BUILDERS = (
    'packer',
    'vagrant',
    'ansible',
    'devuser',
    '99-egi-installation',
    'dynamic-login',
)
_NOBODY = frozenset({'nobody', 'nfsnobody'})


class OsUser01(rule.Rule):
    """Who logs in is the cloud user, and nobody else."""

    id = 'OS-USER-01'
    severity = rule.Severity.WARNING
    statement = (
        'cloud-init makes the one account for people, which needs no password '
        'for sudo'
    )
    rationale = (
        'Users log in by a name that they know; an account of the builder is '
        "a way in that nobody watches."
    )
    source = (
        'OpenStack image guide, accounts by distribution; SCS-0102, '
        'image_original_user; EGI fedcloud-vmi-templates'
    )
    satisfied_by = ('element:cloud-init-openstack',)
    remedy = (
        'remove accounts of the build with userdel --remove, and their files '
        'in /etc/sudoers.d; let cloud-init make its default user'
    )
    fix = rule.Fix.NO
    probe = 'OS-USER-01'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'user': {
                'type': 'string',
                'default': '',
                'description': 'The name of the cloud user; empty: as the '
                'distribution calls it.',
            },
            'accounts': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': [],
                'description': 'Further accounts with ids of people that '
                'may be in the image.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give other accounts, leftovers, and a cloud user that is odd."""
        tree = subject.files
        cloud = known.cloud_config(subject)
        name = cloud.get('system_info', 'default_user', 'name')
        people = known.passwd(subject)
        grants = accounts.grants(tree)
        yield from _accounts(people, grants, name, options['accounts'])
        yield from _leftovers(tree)
        if not cloud_init.is_installed(tree):
            raise rule.NotApplicable(
                'there is no cloud-init; EGI-CI-01 says so'
            )
        yield from _cloud_user(subject, cloud, options['user'])


def _accounts(
    people: list[accounts.Account],
    grants: list[accounts.Grant],
    cloud_user: object,
    allowed: list[str],
) -> Iterator[rule.Finding]:
    for account in people:
        if account.uid == 0 and account.name != 'root':
            yield found.at(
                account.line,
                f'{account.name} is root by another name',
                severity=rule.Severity.ERROR,
            )
        if (
            not account.is_person
            or account.name in _NOBODY
            or account.name in allowed
        ):
            continue
        if account.name == cloud_user:
            # Ubuntu's images have it; cloud-init takes it as it is.
            yield found.at(
                account.line,
                'the cloud user is in the image already',
                severity=rule.Severity.INFO,
            )
            continue
        rules = [one for one in grants if account.name in one.who]
        yield found.at(
            account.line,
            f'{account.name} is an account for a person'
            + (
                f', and {rules[0].line.path} lets it become root'
                if rules
                else ''
            ),
        )


def _leftovers(tree: files.FileTree) -> Iterator[rule.Finding]:
    for path in tree.glob('/etc/sudoers.d/*'):
        name = path.rpartition('/')[2].lower()
        if any(one in name for one in _BUILDERS):
            yield found.in_file(path, 'a rule of sudo is left of the build')


def _cloud_user(
    subject: view.ImageView, cloud: cloud_init.Config, wanted: str
) -> Iterator[rule.Finding]:
    user = cloud.get('system_info', 'default_user')
    name = user.get('name') if isinstance(user, dict) else None
    if not isinstance(name, str):
        yield found.at(
            cloud.where('system_info', 'default_user'),
            'cloud-init has no default user',
        )
        return
    line = cloud.where('system_info', 'default_user', 'name')
    release = known.os_release(subject).get('ID', '')
    names = frozenset({wanted}) if wanted else _NAMES.get(release)
    if names and name not in names:
        yield found.at(
            line, f'the cloud user is not {" or ".join(sorted(names))}'
        )
    users = cloud.get('users', default=['default'])
    if isinstance(users, list) and 'default' not in users:
        yield found.at(
            cloud.where('users'), 'cloud-init does not make its default user'
        )
    if 'NOPASSWD:' not in str(user.get('sudo', '')).replace(' ', ''):
        yield found.at(
            cloud.where('system_info', 'default_user', 'sudo') or line,
            'the cloud user has no password, and sudo asks for one',
        )
