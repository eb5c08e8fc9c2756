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

"""EGI-SSH-05: sshd keeps connections alive and uses sound algorithms."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import sshd
from image_pipeline.audit.remedies import draft
from image_pipeline.audit.remedies import sshd as remedy
from image_pipeline.disk import edits

#: Broken or nearly: ciphers, message digests, key exchanges.
_WEAK = {
    'ciphers': re.compile(r'-cbc\b|^arcfour|^3des|^blowfish|^cast128'),
    'macs': re.compile(r'md5|^hmac-sha1|^hmac-ripemd|^umac-64'),
    'kexalgorithms': re.compile(r'-sha1(?:-|$)|group1-'),
}
_LISTS = tuple(_WEAK)
#: Seconds of ClientAliveInterval in Debian's cloud images.
_ALIVE = 120
#: What a distribution decides for all programs alike, and updates.
_POLICIES = ('/etc/crypto-policies/', '/usr/share/crypto-policies/')


class EgiSsh05(rule.Rule):
    """sshd is set up as the certifications of clouds want it."""

    id = 'EGI-SSH-05'
    severity = rule.Severity.INFO
    statement = (
        'sshd keeps idle connections alive, limits guessing, and offers no '
        'weak algorithm'
    )
    rationale = (
        'Address translation forgets idle connections within minutes, and '
        'old algorithms are what scanners report.'
    )
    source = (
        'Azure certification, test 8 (ClientAliveInterval 30 to 235); Debian '
        'cloud images (120); CIS benchmarks for sshd'
    )
    satisfied_by = ('element:sshd-keys-only',)
    remedy = (
        'set ClientAliveInterval 120, MaxAuthTries 4, LoginGraceTime 60 and '
        'X11Forwarding no in a drop-in of sshd, and no list of algorithms'
    )
    fix = rule.Fix.YES
    probe = 'EGI-SSH-05'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'min_alive_interval': {
                'type': 'integer',
                'minimum': 1,
                'default': 30,
                'description': 'Least ClientAliveInterval, in seconds.',
            },
            'max_alive_interval': {
                'type': 'integer',
                'minimum': 1,
                'default': 235,
                'description': 'Largest ClientAliveInterval, in seconds.',
            },
            'max_auth_tries': {
                'type': 'integer',
                'minimum': 1,
                'default': 4,
                'description': 'Largest MaxAuthTries.',
            },
            'max_login_grace_time': {
                'type': 'integer',
                'minimum': 1,
                'default': 60,
                'description': 'Largest LoginGraceTime, in seconds.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give each setting out of its range, and weak algorithms."""
        config = known.sshd_config(subject)
        for keyword, message, _ in _wrong(config, options):
            yield _finding(config, keyword, message)
        for keyword in _LISTS:
            weak = _weak(config.value(keyword), _WEAK[keyword])
            setting = config.setting(keyword)
            if (
                weak
                and setting is not None
                and not setting.line.path.startswith(_POLICIES)
            ):
                yield found.at(
                    setting.line,
                    'sshd offers weak algorithms',
                    data=', '.join(weak),
                )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give a drop-in with values within the profile's limits."""
        config = known.sshd_config(subject)
        plan = draft.Draft(subject.files)
        wanted = {name: right for name, _, right in _wrong(config, options)}
        if wanted:
            remedy.put(plan, config, wanted)
        for keyword in _LISTS:
            setting = config.setting(keyword)
            if (
                setting is not None
                and _weak(setting.value, _WEAK[keyword])
                and not setting.line.path.startswith(_POLICIES)
            ):
                plan.comment(setting.line)
        yield from plan.edits()


def _wrong(
    config: sshd.Config, options: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Give each keyword out of its range: why, and what is right."""
    alive = sshd.seconds(config.value('clientaliveinterval'))
    least, most = options['min_alive_interval'], options['max_alive_interval']
    if alive is None or not least <= alive <= most:
        best = max(least, min(_ALIVE, most))
        yield 'ClientAliveInterval', f'is not {least} to {most} s', str(best)
    tries = config.value('maxauthtries')
    most = options['max_auth_tries']
    if not tries.isdecimal() or int(tries) > most:
        yield 'MaxAuthTries', f'is more than {most}', str(most)
    grace = sshd.seconds(config.value('logingracetime'))
    most = options['max_login_grace_time']
    # Zero is no limit at all.
    if not grace or grace > most:
        yield 'LoginGraceTime', f'is more than {most} s', str(most)
    if config.value('x11forwarding') != 'no':
        yield 'X11Forwarding', 'is on', 'no'


def _weak(value: str, pattern: re.Pattern[str]) -> list[str]:
    """Return the weak ones of a list of algorithms."""
    if value.startswith('-'):
        return []
    return [
        name
        for name in value.lstrip('+^').split(',')
        if pattern.search(name.strip())
    ]


def _finding(config: sshd.Config, keyword: str, message: str) -> rule.Finding:
    setting = config.setting(keyword.lower())
    if setting is None:
        return found.said(
            f'{keyword} {message}',
            data=f'the default is {config.value(keyword.lower())}',
        )
    return found.at(setting.line, f'{keyword} {message}')
