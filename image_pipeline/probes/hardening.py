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

"""Probes of what makes an attack harder, and of what hides one."""

from image_pipeline import artifact
from image_pipeline.probes import base, protocol

_SETTINGS = (
    'kernel/kptr_restrict',
    'kernel/dmesg_restrict',
    'fs/protected_hardlinks',
    'fs/protected_symlinks',
    'net/ipv4/conf/all/accept_redirects',
    'net/ipv6/conf/all/accept_redirects',
)
# Not by the shell's read: dash reads bytes, and a second read of these files
# is at their end.
_SYSCTL = f"""\
cd /proc/sys && grep -s . {' '.join(_SETTINGS)}
"""
_CONFINED = """\
for file in /sys/fs/selinux/enforce; do
    [ -r "$file" ] && read -r line <"$file" && echo "selinux=$line"
done
for file in /sys/module/apparmor/parameters/enabled; do
    [ -r "$file" ] && read -r line <"$file" && echo "apparmor=$line"
done
echo "profiles=$(grep -c . /sys/kernel/security/apparmor/profiles)"
echo "labels=$(ls -Z -d /usr/sbin/sshd /etc/shadow 2>/dev/null |
    grep -c unlabeled_t)"
"""
_HOOKS = """\
[ ! -s /etc/ld.so.preload ] || echo preload=1
for file in /var/spool/cron/* /var/spool/cron/crontabs/* \\
    /var/spool/at/* /var/spool/cron/atjobs/*; do
    [ ! -f "$file" ] || [ ! -s "$file" ] || echo "job.$file=1"
done
echo end=1
"""
_MODES = """\
stat -c '%a %u %n' /etc/passwd /etc/group /etc/shadow /etc/gshadow \\
    /etc/sudoers /etc/ssh/sshd_config /root /etc/crontab /etc/machine-id \\
    /tmp /var/tmp /home/*/.ssh 2>/dev/null
"""
# rpm has no such list; asking its database takes seconds.
_PACKAGES = """\
[ -f /var/lib/dpkg/status ] || exit 0
awk '/^Package: / {name = $2}
    /^Status: / {
        count++
        if ($3 != "ok" || $4 !~ /^(installed|config-files|not-installed)$/)
            print "unsettled=" name " " $4
    }
    END {print "count=" count}' /var/lib/dpkg/status
"""
#: The most that each may allow, as the rule EGI-SEC-09 has it.
_MOST = {
    '/etc/passwd': 0o644,
    '/etc/group': 0o644,
    '/etc/shadow': 0o640,
    '/etc/gshadow': 0o640,
    '/etc/sudoers': 0o640,
    '/etc/ssh/sshd_config': 0o644,
    '/root': 0o755,
    '/etc/crontab': 0o644,
    '/etc/machine-id': 0o644,
}
_STICKY = 0o1777


def _sysctl(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    pairs = (line.partition(':') for line in answer.text.splitlines())
    read = {name: int(value) for name, colon, value in pairs if colon}
    if not read:
        return base.unknown('no setting of the kernel could be read')
    wrong = []
    for name, value in read.items():
        redirects = name.endswith('accept_redirects')
        if (value != 0) if redirects else (value < 1):
            wrong.append(f'{name.replace("/", ".")} is {value}')
    return base.judged(wrong, f'{len(read)} settings are as they should be')


def _confined(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    read = base.values(answer.text)
    if 'profiles' not in read:
        return base.unknown('what confines services could not be read')
    if 'selinux' in read:
        wrong = [] if read['selinux'] == '1' else ['SELinux does not enforce']
        if int(read['labels']) > 0:
            wrong.append('what a login needs has no label')
        return base.judged(wrong, 'SELinux enforces')
    wrong = []
    if read.get('apparmor') != 'Y':
        wrong.append('neither SELinux nor AppArmor is on')
    elif int(read['profiles'] or 0) == 0:
        wrong.append('AppArmor is on, without a profile')
    return base.judged(wrong, f'AppArmor has {read["profiles"]} profiles')


def _hooks(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = base.values(answer.text)
    if 'end' not in read:
        return base.unknown('the folders of jobs could not be read')
    wrong = [
        f'{name.partition(".")[2]} is a job of a user'
        for name in read
        if name.startswith('job.')
    ]
    if 'preload' in read:
        wrong.append('/etc/ld.so.preload is loaded into every program')
    return base.judged(wrong, 'no library is preloaded, no user has a job')


def _modes(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    wrong = []
    seen = 0
    for line in answer.text.splitlines():
        mode, owner, path = line.split(' ', 2)
        bits = int(mode, 8)
        seen += 1
        if path in {'/tmp', '/var/tmp'}:  # noqa: S108 - in the guest
            if bits != _STICKY:
                wrong.append(f'{path} has mode {mode}, not 1777')
        elif path.endswith('/.ssh'):
            if bits & 0o022:
                wrong.append(f'{path} may be written by others')
        elif bits & ~_MOST[path] & 0o777:
            wrong.append(f'{path} has mode {mode}')
        if owner != '0' and not path.endswith('/.ssh'):
            wrong.append(f'{path} is not of root')
    if not seen:
        return base.unknown('no mode could be read')
    return base.judged(wrong, f'{seen} files have sound modes')


def _packages(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    if not answer.text.strip():
        return base.not_applicable('the guest has no dpkg')
    read = base.values(answer.text)
    wrong = [
        f'{line.partition("=")[2]}: not completely installed'
        for line in answer.text.splitlines()
        if line.startswith('unsettled=')
    ]
    count = int(read['count'])
    if not count:
        return base.unknown('dpkg knows of no package')
    return base.judged(wrong, f'{count} packages are completely installed')


PROBES = (
    base.Probe(
        id='EGI-SEC-05',
        title='packages are completely installed',
        snippet=_PACKAGES,
        judge=_packages,
        severity=artifact.Severity.WARNING,
        # Whether the release is maintained no guest knows.
        refutes=False,
    ),
    base.Probe(
        id='EGI-SEC-08',
        title='SELinux or AppArmor confines services',
        snippet=_CONFINED,
        judge=_confined,
        severity=artifact.Severity.WARNING,
    ),
    base.Probe(
        id='EGI-SEC-09',
        title='files that decide about access have sound modes',
        snippet=_MODES,
        judge=_modes,
        severity=artifact.Severity.WARNING,
        # It looks at all files; here are those that matter most.
        refutes=False,
    ),
    base.Probe(
        id='EGI-SEC-10',
        title='the kernel hides addresses and refuses redirects',
        snippet=_SYSCTL,
        judge=_sysctl,
        severity=artifact.Severity.INFO,
        # What the kernel does by itself nobody needs to set.
        refutes=False,
    ),
    base.Probe(
        id='EGI-SEC-11',
        title='no library is preloaded, no user has a job',
        snippet=_HOOKS,
        judge=_hooks,
        severity=artifact.Severity.WARNING,
        # It compares programs with their packages, too.
        refutes=False,
    ),
)
