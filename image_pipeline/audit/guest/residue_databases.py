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

"""Residue in databases, and in copies of them.

Sources as in :mod:`image_pipeline.audit.guest.residue_identity`.
"""

from image_pipeline.audit import rule
from image_pipeline.audit.guest.residue_kind import Kind

_INFO = rule.Severity.INFO

KINDS: tuple[Kind, ...] = (
    Kind(
        name='passwd-backups',
        rule='HYG-13',
        paths=(
            '/etc/passwd-',
            '/etc/group-',
            '/etc/subuid-',
            '/etc/subgid-',
        ),
        why='it has accounts that are gone',
    ),
    Kind(
        name='shadow-backups',
        rule='HYG-13',
        paths=('/etc/shadow-', '/etc/gshadow-'),
        why='it has passwords that were changed',
    ),
    Kind(
        name='system-backups',
        rule='HYG-13',
        paths=('/var/backups/*',),
        why='it has what was changed, accounts and passwords included',
    ),
    Kind(
        name='blkid-tab',
        rule='HYG-13',
        paths=(
            '/etc/blkid.tab*',
            '/etc/blkid/blkid.tab*',
            '/dev/.blkid.tab*',
        ),
        why='the disks of the build host',
        links=False,
    ),
    Kind(
        name='rpm-db',
        rule='HYG-13',
        paths=('/var/lib/rpm/__db.*', '/usr/lib/sysimage/rpm/__db.*'),
        why='locks of the build host',
    ),
    Kind(
        name='sssd-db-log',
        rule='HYG-13',
        paths=('/var/lib/sss/db/*', '/var/lib/sss/mc/*'),
        why='accounts of a directory, with hashes of their passwords',
        files=True,
    ),
    Kind(
        name='samba-db-log',
        rule='HYG-13',
        paths=('/var/lib/samba/private/**', '/var/lib/samba/*.tdb'),
        why="the build host's account in a domain, and its users",
        files=True,
    ),
    Kind(
        name='ipa-client',
        rule='HYG-13',
        paths=(
            '/etc/ipa/ca.crt',
            '/etc/ipa/default.conf',
            '/etc/ipa/nssdb/*',
            '/var/lib/ipa-client/sysrestore/*',
            '/var/lib/ipa-client/pki/*',
            '/etc/pki/ca-trust/source/anchors/ipa-ca.crt',
            '/usr/local/share/ca-certificates/ipa-ca.crt',
            '/etc/pki/ca-trust/source/ipa.p11-kit',
        ),
        why="the build host's membership in a domain",
        files=True,
    ),
    Kind(
        name='puppet-data-log',
        rule='HYG-13',
        paths=('/var/lib/puppet/state/**', '/var/lib/puppet/clientbucket/**'),
        why='what Puppet did on the build host',
    ),
    Kind(
        name='dhcp-server-state',
        rule='HYG-13',
        paths=('/var/lib/dhcpd/*', '/var/lib/dnsmasq/*.leases'),
        why='addresses that the build host gave to others',
        files=True,
    ),
    Kind(
        name='dovecot-data',
        rule='HYG-13',
        paths=(
            '/var/lib/dovecot/instances',
            '/var/lib/dovecot/ssl-parameters.dat',
        ),
        why='a mail server of the build host',
    ),
    Kind(
        name='other-databases',
        rule='HYG-13',
        paths=(
            '/var/lib/aide/aide.db*',
            '/var/lib/fprint/*',
            '/var/lib/AccountsService/users/*',
            '/var/lib/chrony/drift',
            '/var/lib/ntp/ntp.drift',
            '/var/lib/ntpsec/ntp.drift',
            '/etc/Pegasus/*.cnf',
            '/etc/Pegasus/*.crt',
            '/etc/Pegasus/*.csr',
            '/etc/Pegasus/*.pem',
            '/etc/Pegasus/*.srl',
        ),
        why='it is true of the build host only',
        severity=_INFO,
    ),
    Kind(
        name='lingering-users',
        rule='HYG-16',
        paths=('/var/lib/systemd/linger/*',),
        why='services of a user of the build host would be started',
        empty=True,
    ),
)
