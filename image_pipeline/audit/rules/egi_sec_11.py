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

"""EGI-SEC-11: nothing hooks itself in."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import text
from image_pipeline.disk import files

_PRELOAD = '/etc/ld.so.preload'
_JOBS = (
    '/var/spool/cron/*',
    '/var/spool/cron/crontabs/*',
    '/var/spool/cron/tabs/*',
    '/var/spool/cron/atjobs/*',
    '/var/spool/at/*',
    '/var/spool/atjobs/*',
)
_RC_LOCAL = ('/etc/rc.local', '/etc/rc.d/rc.local')
#: Lines that every rc.local has: EL's touches a lock.
_STOCK = re.compile(r'^(?:exit 0|touch /var/lock/subsys/local)$')
#: By package, the programs that a login goes through.
_LOGIN = {
    'openssh-server': frozenset({'sshd', 'sshd-session', 'sshd-auth'}),
    'login': frozenset({'login', 'su'}),
    'util-linux': frozenset({'login', 'su'}),
    'passwd': frozenset({'passwd'}),
    'sudo': frozenset({'sudo', 'sudoers.so'}),
    'bash': frozenset({'bash'}),
    'libpam-modules': frozenset({'pam_unix.so'}),
}
_INFO = '/var/lib/dpkg/info'
#: A program that is larger is not compared.
_LONGEST = 8 << 20


class EgiSec11(rule.Rule):
    """The image runs what its packages brought, and nothing else."""

    id = 'EGI-SEC-11'
    severity = rule.Severity.WARNING
    statement = (
        'no preloaded library, no job of a user, and the programs of a login '
        'are those of their packages'
    )
    rationale = (
        'Everybody who starts the image runs what is hooked in there; these '
        'are the places that malware uses.'
    )
    source = (
        'AWS Marketplace, AMI scan; SECANT, lynis; virt-sysprep, cron-spool; '
        'Debian cloud images (debsums)'
    )
    satisfied_by = ('element:image-hygiene',)
    remedy = (
        'remove /etc/ld.so.preload and the jobs; install changed packages '
        'again, or find out who changed them'
    )
    fix = rule.Fix.NO
    probe = 'EGI-SEC-11'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give each hook, and each program that is not its package's."""
        tree = subject.files
        for line in text.said(tree, _PRELOAD):
            yield found.at(
                line,
                'a library is loaded into every program',
                severity=rule.Severity.ERROR,
            )
        for pattern in _JOBS:
            for path in tree.glob(pattern):
                if tree.is_file(path) and tree.stat(path).size:
                    yield found.in_file(path, 'a user has a job')
        for path in _RC_LOCAL:
            for line in text.said(tree, path):
                if not _STOCK.match(line.text.strip()):
                    yield found.at(line, 'a command runs at every boot')
                    break
        yield from _changed(tree)


def _changed(tree: files.FileTree) -> Iterator[rule.Finding]:
    """Compare the programs of a login with what dpkg noted of them."""
    for package, names in _LOGIN.items():
        for sums in (
            f'{_INFO}/{package}.md5sums',
            *tree.glob(f'{_INFO}/{package}:*.md5sums'),
        ):
            for line in text.said(tree, sums):
                noted, _, where = line.text.partition('  ')
                path = f'/{where.strip()}'
                if path.rpartition('/')[2] not in names:
                    continue
                # Completions and the like have the same names.
                if not re.search(r'/s?bin/|\.so$', path):
                    continue
                try:
                    if tree.stat(path).size > _LONGEST:
                        continue
                    data = tree.read_bytes(path, _LONGEST)
                except OSError:
                    continue
                digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
                if digest != noted:
                    yield found.in_file(
                        path,
                        f'it is not what the package {package} brought',
                        data=f'MD5 {digest}, not {noted[:32]}',
                        severity=rule.Severity.ERROR,
                    )
