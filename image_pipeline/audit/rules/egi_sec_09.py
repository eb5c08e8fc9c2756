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

"""EGI-SEC-09: owners and modes of files are sound."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import accounts
from image_pipeline.disk import edits, files

#: The most that each may allow; EL has shadow at 000, Debian at 640.
_MODES = {
    '/etc/passwd': 0o644,
    '/etc/group': 0o644,
    '/etc/shadow': 0o640,
    '/etc/gshadow': 0o640,
    '/etc/sudoers': 0o640,
    '/etc/sudoers.d/*': 0o644,
    '/etc/ssh/sshd_config': 0o644,
    '/etc/ssh/sshd_config.d/*': 0o644,
    '/root': 0o755,
    '/boot/grub/grub.cfg': 0o755,
    '/boot/grub2/grub.cfg': 0o755,
    '/etc/crontab': 0o644,
    '/etc/cron.d': 0o755,
    '/etc/cron.hourly': 0o755,
    '/etc/cron.daily': 0o755,
    '/etc/cron.weekly': 0o755,
    '/etc/cron.monthly': 0o755,
    '/etc/machine-id': 0o644,
}
_SHARED = ('/tmp', '/var/tmp')  # noqa: S108 - in the image
#: Folders that are for everybody, or empty until a boot fills them.
_OPEN = ('/tmp/', '/var/tmp/', '/dev/', '/run/', '/proc/', '/sys/')  # noqa: S108
#: Programs that distributions ship with the set-user-id or set-group-id bit.
_PRIVILEGED = frozenset(
    {
        'abrt-action-install-debuginfo-to-abrt-cache', 'arping', 'at',
        'bsd-write', 'camel-lock-helper-1.2', 'cgexec', 'chage', 'chfn',
        'chkpwd', 'chromium-sandbox', 'chsh', 'clockdiff', 'cockpit-session',
        'crontab', 'dbus-daemon-launch-helper', 'doas', 'dotlockfile',
        'exim4', 'expiry', 'fusermount', 'fusermount3', 'gpasswd',
        'grub2-set-bootflag', 'incusd', 'ksu', 'locate', 'lockdev',
        'mail-lock', 'mail-touchlock', 'mail-unlock', 'mlocate', 'mount',
        'mount.cifs', 'mount.nfs', 'mount.nfs4', 'mtr-packet', 'newgidmap',
        'newgrp', 'newuidmap', 'ntfs-3g', 'pam_extrausers_chkpwd',
        'pam_timestamp_check', 'passwd', 'ping', 'ping6', 'pkexec', 'plocate',
        'polkit-agent-helper-1', 'postdrop', 'postqueue', 'pppd',
        'procmail', 'proxy_child', 'krb5_child', 'ldap_child',
        'selinux_child', 'p11_child', 'sssd_pam', 'screen', 'screen-4.9.0',
        'sendmail.sendmail', 'sendmail', 'sg', 'snap-confine', 'ssh-agent',
        'ssh-keysign', 'staprun', 'su', 'sudo', 'sudoedit', 'sudoreplay',
        'traceroute6.iputils', 'ulogd', 'umount', 'unix2_chkpwd',
        'unix_chkpwd', 'userhelper', 'usernetctl', 'utempter',
        'uuidd', 'vlock-main', 'wall', 'write', 'write.ul', 'Xorg.wrap',
    }
)  # fmt: skip
#: FAT knows neither owners nor modes.
_ESP = ('/boot/efi/', '/efi/')
_WITH_MODES = (files.FileType.FILE, files.FileType.FOLDER)
_SET_ID = 0o6000
_WRITABLE = 0o002
_STICKY = 0o1000
#: systemd gives these to users that exist only while a service runs
#: (DynamicUser=), and to containers.
_DYNAMIC = range(61_184, 65_520)


class EgiSec09(rule.Rule):
    """No file belongs to more people than it should."""

    id = 'EGI-SEC-09'
    severity = rule.Severity.WARNING
    statement = (
        'accounts and keys are not open to all, and only known programs gain '
        'rights'
    )
    rationale = (
        'A file that everybody may write, or a program that runs as root for '
        'everybody, makes any user root.'
    )
    source = 'CIS benchmarks, file permissions; cloud-image-val'
    satisfied_by = ('stage:compose',)
    remedy = (
        'chmod and chown the files as the distribution has them; remove '
        'set-user-id bits that no package needs'
    )
    fix = rule.Fix.YES
    probe = 'EGI-SEC-09'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'privileged': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': [],
                'description': 'Further paths of programs that may have the '
                'set-user-id or set-group-id bit.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give files with too much of a mode, or with no owner."""
        tree = subject.files
        for pattern, most in _MODES.items():
            for path in tree.glob(pattern):
                yield from _too_open(tree, path, most)
        for path in _SHARED:
            if tree.is_folder(path):
                mode = tree.stat(path).mode
                if mode & _WRITABLE and not mode & _STICKY:
                    yield _mode(
                        path, 'everybody may delete what others have', mode
                    )
        uids = {one.uid for one in known.passwd(subject)}
        gids = {int(g) for g in _gids(tree)}
        allowed = frozenset(options['privileged'])
        for path, stat in subject.census.entries:
            if path.startswith(_ESP):
                continue
            yield from _entry(path, stat, allowed)
            if (stat.uid not in uids and stat.uid not in _DYNAMIC) or (
                stat.gid not in gids and stat.gid not in _DYNAMIC
            ):
                yield found.in_file(
                    path,
                    'its owner is no account of the image',
                    data=f'{stat.uid}:{stat.gid}',
                )
        subject.census.need_whole()

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give modes that allow no more; bits of programs and owners stay."""
        tree = subject.files
        modes: dict[str, int] = {}
        for pattern, most in _MODES.items():
            for path in tree.glob(pattern):
                if tree.exists(path):
                    mode = tree.stat(path).mode
                    modes[tree.resolve(path)] = mode & (~0o777 | most)
        for path in _SHARED:
            if tree.is_folder(path):
                path = tree.resolve(path)
                modes[path] = tree.stat(path).mode | _STICKY
        for path, stat in subject.census.entries:
            if (
                not path.startswith((*_ESP, *_OPEN))
                and stat.type in _WITH_MODES
            ):
                mode = modes.get(path, stat.mode)
                if mode & _WRITABLE and not mode & _STICKY:
                    modes[path] = mode & ~_WRITABLE
        for path, mode in modes.items():
            if mode != tree.stat(path).mode:
                yield edits.Mode(path=path, mode=mode & 0o7777)


def _too_open(
    tree: files.FileTree, path: str, most: int
) -> Iterator[rule.Finding]:
    try:
        stat = tree.stat(path)
    except OSError:
        return
    if stat.mode & 0o777 & ~most:
        yield _mode(path, f'more than {most:04o} is allowed', stat.mode)
    if stat.uid != 0:
        yield found.in_file(
            path, 'root does not own it', data=f'user id {stat.uid}'
        )


def _entry(
    path: str, stat: files.Stat, allowed: frozenset[str]
) -> Iterator[rule.Finding]:
    if stat.type is files.FileType.FILE:
        if (
            stat.mode & _SET_ID
            # A group's bit without execution was mandatory locking.
            and stat.mode & 0o111
            and path.rpartition('/')[2] not in _PRIVILEGED
            and path not in allowed
        ):
            yield _mode(
                path, 'the program gains rights, and is not known', stat.mode
            )
    elif stat.type is not files.FileType.FOLDER:
        return
    if stat.mode & _WRITABLE and not path.startswith(_OPEN):
        sticky = stat.type is files.FileType.FOLDER and stat.mode & _STICKY
        if not sticky and path not in _SHARED:
            yield _mode(path, 'everybody may write to it', stat.mode)


def _gids(tree: files.FileTree) -> Iterator[str]:
    for path in ('/etc/group', '/usr/lib/group', '/usr/etc/group'):
        for group in accounts.secrets(tree, path):
            fields = group.line.text.split(':')
            if len(fields) > 2 and fields[2].isdecimal():
                yield fields[2]


def _mode(path: str, message: str, mode: int) -> rule.Finding:
    return found.in_file(path, message, data=f'mode {mode & 0o7777:04o}')
