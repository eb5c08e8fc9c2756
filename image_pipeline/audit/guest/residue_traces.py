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

"""Residue that tells what was done to a system: logs, histories, caches.

Sources as in :mod:`image_pipeline.audit.guest.residue_identity`, and what
diskimage-builder and Packer leave.
"""

from image_pipeline.audit import rule
from image_pipeline.audit.guest.residue_kind import Kind, Mend

_WARNING = rule.Severity.WARNING
_INFO = rule.Severity.INFO

_LOGS = (
    Kind(
        name='utmp',
        rule='HYG-08',
        paths=(
            '/var/log/wtmp*',
            '/var/log/btmp*',
            '/var/log/lastlog*',
            '/var/log/faillog*',
            '/var/log/tallylog*',
        ),
        why='it tells who logged in, and from where',
        mend=Mend.TRUNCATE,
    ),
    Kind(
        name='login-databases',
        rule='HYG-08',
        paths=('/var/lib/wtmpdb/wtmp.db*', '/var/lib/lastlog/lastlog2.db*'),
        why='it tells who logged in, and from where',
        files=True,
    ),
    Kind(
        name='logfiles-installer',
        rule='HYG-08',
        paths=(
            '/root/anaconda-ks.cfg',
            '/root/anaconda-post.log',
            '/root/initial-setup-ks.cfg',
            '/root/original-ks.cfg',
            '/root/install.log',
            '/root/install.log.syslog',
            '/root/*.log',
            '/var/log/anaconda.syslog',
            '/var/log/anaconda/*',
            '/var/log/installer/*',
            '/var/log/YaST2/*',
            '/var/log/cloud-init*',
            '/var/log/dib*',
            '/var/log/audit/*',
        ),
        why='it tells how the image was made, sometimes with passwords',
    ),
    Kind(
        name='logfiles-journal',
        rule='HYG-08',
        paths=('/var/log/journal/*', '/run/log/journal/*'),
        why='the journal of the build host, under its machine id',
        empty=True,
    ),
    Kind(
        name='logfiles',
        rule='HYG-08',
        paths=('/var/log/**', '/var/named/data/named.run'),
        why='it is of no use to an instance, and takes space',
        links=False,
    ),
    Kind(
        name='logfiles-state',
        rule='HYG-08',
        paths=('/var/lib/logrotate.status', '/var/lib/logrotate/*status'),
        why='it tells which logs the build host had',
        severity=_INFO,
    ),
    Kind(
        name='pacct-log',
        rule='HYG-12',
        paths=('/var/account/pacct*', '/var/log/account/pacct*'),
        why='it tells which programs were run',
        mend=Mend.TRUNCATE,
    ),
)
_HISTORIES = (
    Kind(
        name='bash-history',
        rule='HYG-10',
        paths=('~/.bash_history', '~/.sh_history', '~/.ash_history'),
        why='what was typed, passwords included',
    ),
    Kind(
        name='zsh-history',
        rule='HYG-10',
        paths=(
            '~/.zsh_history',
            '~/.zhistory',
            '~/.local/share/fish/*history',
        ),
        why='what was typed, passwords included',
    ),
    Kind(
        name='tool-history',
        rule='HYG-10',
        paths=(
            '~/.*_history',
            '~/.history',
            '~/.viminfo',
            '~/.lesshst',
            '~/.local/state/lesshst',
            '~/.local/share/lesshst',
        ),
        why='what was typed, passwords included',
    ),
    Kind(
        name='tool-state',
        rule='HYG-10',
        paths=(
            '~/.wget-hsts',
            '~/.ansible',
            '~/.cache',
            '~/.gnupg/S.*',
            '~/.lesshst',
            '~/.rnd',
            '~/.sudo_as_admin_successful',
            '~/.local/share/nano/*',
        ),
        why='what a person left, who worked in the image',
        severity=_WARNING,
        empty=False,
    ),
    # virt-sysprep looks in all of /var; below /var/lib they are the business
    # of the application whose data it is.
    Kind(
        name='backup-files',
        rule='HYG-10',
        paths=tuple(
            f'{folder}/**/{name}'
            for folder in ('/etc', '/root', '/srv', '/usr/local/etc', '/var')
            for name in ('*~', '*.bak', '*.swp')
        ),
        why='an editor keeps what was changed, secrets included',
        severity=_WARNING,
        but=(
            '/var/backups',
            '/var/cache',
            '/var/lib',
            '/var/log',
            '/var/tmp',  # noqa: S108 - in the image
            '/etc/.resolv.conf.systemd-resolved.bak',
        ),
        links=False,
    ),
)
_CACHES = (
    Kind(
        name='package-manager-cache',
        rule='HYG-11',
        paths=(
            '/var/cache/apt/*.bin',
            '/var/cache/apt/archives/*',
            '/var/lib/apt/lists/*',
            '/var/cache/dnf/*',
            '/var/cache/yum/*',
            '/var/cache/libdnf5/*',
            '/var/cache/zypp/*/*',
            '/var/cache/zypper/*',
            '/var/cache/PackageKit/*',
            '/var/cache/pacman/pkg/*',
            '/var/lib/pacman/sync/*',
            '/var/cache/apk/*',
        ),
        why='it is stale when an image is used, and takes space',
        but=(
            '/var/cache/apt/archives/lock',
            '/var/cache/apt/archives/partial',
            '/var/lib/apt/lists/lock',
            '/var/lib/apt/lists/partial',
            '/var/lib/apt/lists/auxfiles',
        ),
    ),
    Kind(
        name='other-caches',
        rule='HYG-11',
        paths=(
            '/var/cache/man/*',
            '/var/cache/fontconfig/*',
            '/var/cache/ldconfig/*',
            '/var/cache/debconf/*-old',
            '/var/lib/dpkg/*-old',
            '/var/cache/gdm/*',
        ),
        why='it is made again when it is wanted',
        # Without them man-db complains until they are made.
        but=('/var/cache/man/CACHEDIR.TAG',),
    ),
)
_SPOOLS = (
    Kind(
        name='tmp-files',
        rule='HYG-12',
        paths=('/tmp/*', '/var/tmp/*'),  # noqa: S108 - in the image
        why='it is left over from the build',
    ),
    Kind(
        name='run-files',
        rule='HYG-12',
        paths=('/run/**', '/var/run/**'),
        why='a tmpfs hides it from every instance',
        severity=_INFO,
        but=('/run/log/journal',),
    ),
    Kind(
        name='crash-data',
        rule='HYG-12',
        paths=('/var/crash/*', '/var/lib/systemd/coredump/*'),
        why='the memory of a program that crashed, secrets included',
    ),
    Kind(
        name='abrt-data',
        rule='HYG-12',
        paths=('/var/spool/abrt/*', '/var/tmp/abrt/*', '/var/log/dump/*'),  # noqa: S108 - in the image
        why='the memory of a program that crashed, secrets included',
    ),
    Kind(
        name='mail-spool',
        rule='HYG-12',
        paths=(
            '/var/mail/*',
            '/var/spool/mail/*',
            '/var/spool/exim4/input/*',
            '/var/spool/exim4/msglog/*',
            '/var/spool/postfix/active/*',
            '/var/spool/postfix/deferred/**',
            '/var/spool/postfix/incoming/*',
            '/var/spool/postfix/maildrop/*',
        ),
        why='mail of the build host',
    ),
    Kind(
        name='cron-spool',
        rule='EGI-SEC-11',
        paths=(
            '/var/spool/cron/crontabs/*',
            '/var/spool/cron/tabs/*',
            '/var/spool/cron/atjobs/*',
            '/var/spool/cron/atspool/*',
            '/var/spool/atjobs/*',
            '/var/spool/atspool/*',
            '/var/spool/at/*',
            '/var/spool/cron/*',
        ),
        why='a job of a user of the build host',
        but=(
            '/var/spool/cron/atjobs/.SEQ',
            '/var/spool/atjobs/.SEQ',
            '/var/spool/at/.SEQ',
        ),
        files=True,
    ),
    Kind(
        name='pam-data',
        rule='HYG-12',
        paths=(
            '/run/console/*',
            '/run/faillock/*',
            '/run/sepermit/*',
            '/var/lib/faillock/*',
        ),
        why='who logged in, or failed to, while it was built',
    ),
    Kind(
        name='build-tools',
        rule='HYG-12',
        paths=(
            '/usr/local/bin/dib-*',
            '/usr/local/bin/install-packages',
            '/usr/local/bin/package-installs*',
            '/usr/local/bin/package-uninstalls',
            '/usr/local/bin/map-packages',
            '/usr/local/bin/map-services',
            '/usr/local/bin/svc-map',
            '/usr/local/bin/pkg-map',
            '/usr/local/bin/extract-image',
            '/usr/local/bin/cache-url',
            '/usr/lib/diskimage-builder',
            '/lib/diskimage-builder',
            '/usr/share/pkg-map',
            '/usr/share/dib',
            '~/VBoxGuestAdditions*.iso',
            '~/VBoxGuestAdditions_*',
            '~/.vbox_version',
            '/.dockerenv',
            '/run/.containerenv',
            '/.extra_settings',
            '/zeroed_file',
            '/bigemptyfile',
            '/EMPTY',
            '/lost+found/*',
        ),
        why='what builds images is of no use in one',
        empty=True,
    ),
    # It has every DIB_ variable of the build, tokens and passwords included.
    Kind(
        name='dib-manifests',
        rule='HYG-12',
        paths=('/etc/dib-manifests/dib_environment',),
        why='it has all variables of the build, secrets included',
    ),
    Kind(
        name='emulators',
        rule='HYG-12',
        paths=('/usr/bin/qemu-*-static', '/usr/local/bin/qemu-*-static'),
        why='it ran programs of another architecture in the build',
        unless=(
            '/var/lib/dpkg/info/qemu-user-static*.list',
            '/usr/lib/binfmt.d/qemu-*',
        ),
    ),
)
KINDS: tuple[Kind, ...] = (
    *_LOGS,
    *_HISTORIES,
    *_CACHES,
    *_SPOOLS,
)
