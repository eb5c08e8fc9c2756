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

"""Probes of what the build left, and of logs, as a first boot finds them."""

import re

from image_pipeline import artifact
from image_pipeline.probes import base, protocol

# Older than the boot, with two minutes for clocks.
_OLD = """\
read -r up _ </proc/uptime
age=+$((${up%.*} / 60 + 2))
echo '== old'
find /var/log /tmp /var/tmp /var/crash /var/spool/mail /var/mail \\
    /var/spool/abrt /var/lib/systemd/coredump \\
    -xdev -type f -size +0 -mmin "$age" -exec stat -c '%s %n' {} + \\
    2>/dev/null | head -n 40
echo '== histories'
find /root /home -maxdepth 2 -type f -size +0 \\( -name '.*_history' \\
    -o -name .history -o -name .viminfo -o -name .lesshst \\
    -o -name .wget-hsts \\) 2>/dev/null | head -n 20
echo '== registered'
for file in /etc/pki/consumer/cert.pem /etc/sysconfig/rhn/systemid \\
    /etc/zypp/credentials.d/* /var/lib/ubuntu-advantage/private/* \\
    /etc/salt/pki/minion/*.pem; do
    [ ! -s "$file" ] || echo "$file"
done
echo '== end'
"""
# A question of its own, and no long one: a guest that is silent for half a
# minute is taken to hang.
_DATA_FOLDERS = """\
limit=
command -v timeout >/dev/null 2>&1 && limit='timeout 20'
$limit du -xsk /data /scratch /mnt /srv /media /opt /var/lib/docker \\
    /var/lib/containers 2>/dev/null
[ $? -eq 124 ] || echo end
"""
_LOCALE = """\
unset LC_ALL LANG
for file in /etc/locale.conf /etc/default/locale; do
    [ ! -r "$file" ] || . "$file"
done
[ -z "${LANG:-}" ] || export LANG
command -v locale >/dev/null 2>&1 || exit 0
echo "lang=${LANG:-}"
locale 2>&1 >/dev/null | sed 's/^/warning=/'
"""
_SYSLOG = """\
for name in rsyslogd /usr/sbin/rsyslogd; do
    command -v "$name" >/dev/null 2>&1 && rsyslogd=$name
done
[ -n "${rsyslogd:-}" ] || exit 0
echo "== checked"
"$rsyslogd" -N1 2>&1 | grep -i deprecated | cut -c 1-160
echo "== logged"
[ -d /run/systemd/system ] || exit 0
logger -t dhclient image-pipeline-renewal
logger -t image-pipeline image-pipeline-control
sleep 1
for file in /var/log/syslog /var/log/messages; do
    [ -f "$file" ] || continue
    echo "file=$file"
    grep -q ': image-pipeline-control' "$file" && echo control=1
    grep -q ': image-pipeline-renewal' "$file" && echo renewal=1
done
"""
_ROTATION = """\
if command -v logrotate >/dev/null 2>&1; then
    echo logrotate=1
    logrotate -d /etc/logrotate.conf 2>&1 | grep -E '^error' |
        cut -c 1-160 | sed 's/^/error=/'
fi
[ ! -d /var/log/journal ] || echo journal=kept
systemd-analyze cat-config systemd/journald.conf 2>/dev/null |
    grep -E '^ *(SystemMaxUse|Storage)=' | sed 's/^ */journald./'
echo end=1
"""
#: What rule HYG-08 allows in all logs, in bytes.
_LOGS = 64 << 10
#: What rule EGI-DATA-01 allows in one folder, in KiB.
_DATA = 100 << 10


def _parts(answer: protocol.Answer) -> dict[str, str]:
    parts = base.sections(answer.text)
    if 'end' not in parts:
        raise ValueError('the guest did not look to the end')
    return parts


def _old(answer: protocol.Answer) -> dict[str, int]:
    found = {}
    for line in _parts(answer)['old'].splitlines():
        size, path = line.split(' ', 1)
        found[path] = int(size)
    return found


def _logs(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    found = {
        path: size
        for path, size in _old(answer).items()
        if path.startswith('/var/log/')
    }
    total = sum(found.values())
    wrong = []
    if total > _LOGS:
        worst = max(found, key=lambda path: found[path])
        wrong.append(
            f'{total} bytes of logs are older than this boot, as {worst}'
        )
    return base.judged(wrong, f'{total} bytes of logs are older than the boot')


def _residue(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    wrong = [
        f'{path} is older than this boot'
        for path in _old(answer)
        if not path.startswith('/var/log/')
    ]
    return base.judged(wrong, 'what is temporary is of this boot')


def _histories(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    wrong = [
        f'{path} is a history'
        for path in _parts(answer)['histories'].splitlines()
    ]
    return base.judged(wrong, 'no home has a history')


def _registered(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    wrong = [
        f'{path} is a registration of the build'
        for path in _parts(answer)['registered'].splitlines()
    ]
    return base.judged(wrong, 'the guest is registered nowhere')


def _data(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    *lines, end = answer.text.split('\n')[:-1]
    if end != 'end':
        return base.unknown('the folders for data were not looked through')
    wrong = []
    for line in lines:
        size, path = line.split(None, 1)
        if int(size) > _DATA:
            wrong.append(f'{path} holds {int(size) >> 10} MiB')
    return base.judged(wrong, 'the folders for data are empty, or nearly so')


def _locale(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    read = base.values(answer.text)
    if 'lang' not in read:
        return base.not_applicable('the guest has no locale(1)')
    wrong = [
        line.partition('=')[2]
        for line in answer.text.splitlines()
        if line.startswith('warning=')
    ]
    if not re.fullmatch(r'|C|POSIX|C\.(?i:utf-?8)|en_US\..*', read['lang']):
        wrong.append(f'LANG is {read["lang"]}')
    return base.judged(wrong, f'LANG is {read["lang"] or "not set"}')


def _tilde(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    parts = base.sections(answer.text)
    if not parts:
        return base.not_applicable('there is no rsyslog')
    wrong = parts['checked'].splitlines()
    return base.judged(wrong, 'rsyslog finds nothing deprecated')


def _renewals(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    parts = base.sections(answer.text)
    if not parts:
        return base.not_applicable('there is no rsyslog')
    read = base.values(parts['logged'])
    if 'control' not in read:
        return base.unknown('what is logged does not get to the main log')
    wrong = []
    if 'renewal' in read:
        wrong.append(f'{read["file"]} has what dhclient says')
    return base.judged(wrong, f'{read["file"]} has nothing of dhclient')


def _rotation(
    answer: protocol.Answer, expected: base.Expected
) -> base.Verdict:
    read = base.values(answer.text)
    if 'end' not in read:
        return base.unknown('the logs could not be looked at')
    wrong = [
        line.partition('=')[2]
        for line in answer.text.splitlines()
        if line.startswith('error=')
    ]
    kept = read.get('journald.Storage', 'auto') not in {'none', 'volatile'}
    if 'journal' in read and kept and 'journald.SystemMaxUse' not in read:
        wrong.append('the journal has no SystemMaxUse')
    return base.judged(
        wrong, 'logrotate finds no fault, the journal is bounded'
    )


PROBES = (
    base.Probe(
        id='EGI-LOG-01',
        title='what a DHCP client says stays out of the main log',
        snippet=_SYSLOG,
        judge=_renewals,
        severity=artifact.Severity.INFO,
        # dhclient is asked for; there are other clients.
        refutes=False,
    ),
    base.Probe(
        id='EGI-LOG-02',
        title='rsyslog finds nothing deprecated',
        snippet=_SYSLOG,
        judge=_tilde,
        severity=artifact.Severity.WARNING,
    ),
    base.Probe(
        id='EGI-LOG-03',
        title='logs are rotated, the journal is bounded',
        snippet=_ROTATION,
        judge=_rotation,
        severity=artifact.Severity.WARNING,
        # It looks at each file that rsyslog writes.
        refutes=False,
    ),
    base.Probe(
        id='EGI-DATA-01',
        title='the folders for data are empty',
        snippet=_DATA_FOLDERS,
        judge=_data,
        severity=artifact.Severity.WARNING,
        # It looks at all files.
        refutes=False,
    ),
    base.Probe(
        id='HYG-08',
        title='logs begin with this boot',
        snippet=_OLD,
        judge=_logs,
        severity=artifact.Severity.WARNING,
        # What the boot writes to is of the boot.
        refutes=False,
    ),
    base.Probe(
        id='HYG-10',
        title='no home has a history',
        snippet=_OLD,
        judge=_histories,
        # It looks for backups of editors, too.
        refutes=False,
    ),
    base.Probe(
        id='HYG-12',
        title='what is temporary is of this boot',
        snippet=_OLD,
        judge=_residue,
        severity=artifact.Severity.WARNING,
        # A boot empties /tmp.
        refutes=False,
    ),
    base.Probe(
        id='HYG-14',
        title='the guest is registered nowhere',
        snippet=_OLD,
        judge=_registered,
        # It knows of more agents.
        refutes=False,
    ),
    base.Probe(
        id='HYG-18',
        title='the locale is neutral, and there',
        snippet=_LOCALE,
        judge=_locale,
        severity=artifact.Severity.INFO,
        # cloud-init writes a locale of its own.
        refutes=False,
    ),
)
