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

"""HYG-13: backups of accounts and databases of one host are gone."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, leftovers, rule, view
from image_pipeline.audit.guest import accounts

_HASHES = (accounts.Password.HASH, accounts.Password.LOCKED_HASH)


class Hyg13(rule.Rule):
    """Backups of accounts and databases of one host are gone."""

    id = 'HYG-13'
    severity = rule.Severity.WARNING
    statement = (
        'there are no backups of accounts and no databases of the build host'
    )
    rationale = (
        'An old hash of a password is as good as a new one, and a cache of '
        'another host is wrong.'
    )
    source = (
        'virt-sysprep, passwd-backups, rpm-db, blkid-tab, sssd-db-log, '
        'samba-db-log, ipa-client, puppet-data-log, smolt-uuid and yum-uuid'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'remove /etc/passwd-, /etc/shadow- and their like, /var/backups/* '
        'and the databases'
    )
    fix = rule.Fix.YES
    implies = frozenset({'EGI-SEC-01'})

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is left over; hashes of passwords are worse."""
        tree = subject.files
        for one, finding in leftovers.of(subject, self.id):
            if one.kind.name == 'shadow-backups' and any(
                accounts.password(secret.password) in _HASHES
                for secret in accounts.secrets(tree, one.path)
            ):
                yield found.in_file(
                    one.path,
                    'it has hashes of passwords',
                    severity=rule.Severity.ERROR,
                )
            else:
                yield finding
