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

"""EGI-SSH-01: sshd starts and lets keys in."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import sshd

#: What starts sshd: a service, or a socket (Ubuntu since 22.10).
_UNITS = ('ssh.service', 'sshd.service', 'ssh.socket', 'sshd.socket')
_STOP = '/etc/ssh/sshd_not_to_be_run'
#: Keywords that take nothing but yes or no: with another word sshd does not
#: start.
_FLAGS = (
    'kbdinteractiveauthentication',
    'passwordauthentication',
    'permitemptypasswords',
    'pubkeyauthentication',
    'usepam',
    'x11forwarding',
)


class EgiSsh01(rule.Rule):
    """A key opens the instance: sshd is there and runs."""

    id = 'EGI-SSH-01'
    severity = rule.Severity.ERROR
    statement = 'sshd is installed, starts at the first boot, and accepts keys'
    rationale = 'SSH is the only way into an instance.'
    source = 'OpenStack image guide, "Ensure ssh server runs"'
    satisfied_by = ('element:sshd-keys-only',)
    remedy = (
        'install openssh-server and enable its service: systemctl enable ssh '
        '(sshd on others than Debian)'
    )
    fix = rule.Fix.BUILD_ONLY
    implies = frozenset({'EGI-SSH-04'})
    probe = 'EGI-SSH-01'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what keeps sshd from running, or keys from fitting."""
        tree = subject.files
        if sshd.program(tree) is None:
            yield found.said(
                'there is no sshd', data='/usr/sbin/sshd is not there'
            )
            return
        if tree.exists(_STOP):
            yield found.in_file(_STOP, 'sshd is told not to run')
        config = known.sshd_config(subject)
        yield from _refuses_keys(config)
        units = known.units(subject)
        if not any(units.is_enabled(name) for name in _UNITS):
            there = [name for name in _UNITS if units.path(name)]
            yield found.said(
                'nothing starts sshd at boot',
                data=', '.join(
                    f'{name} is '
                    + ('masked' if units.is_masked(name) else 'disabled')
                    for name in there
                )
                or 'no unit of it is there',
            )


def _refuses_keys(config: sshd.Config) -> Iterator[rule.Finding]:
    for setting in config.settings:
        if setting.keyword in _FLAGS and setting.value.lower() not in (
            'yes',
            'no',
        ):
            yield found.at(
                setting.line, 'sshd does not start with such a value'
            )
    if config.value('pubkeyauthentication') == 'no':
        yield _finding(config, 'pubkeyauthentication', 'sshd accepts no key')
    if config.value('authorizedkeysfile') == 'none' and config.value(
        'authorizedkeyscommand'
    ) in ('', 'none'):
        yield _finding(config, 'authorizedkeysfile', 'sshd looks for no key')
    methods = config.value('authenticationmethods').split()
    if methods and not {'any', 'publickey'} & set(methods):
        yield _finding(
            config, 'authenticationmethods', 'a key alone is not enough'
        )
    if config.value('usepam') == 'no':
        # auth.c, allowed_user(): without PAM sshd asks for the lock itself.
        yield _finding(
            config,
            'usepam',
            'without PAM sshd turns away accounts whose password is locked, '
            'as that of the cloud user is',
        )
    port = config.setting('port')
    if port is not None and not any(
        one.keyword == 'port' and one.value == '22' for one in config.settings
    ):
        yield found.at(
            port.line,
            'sshd does not listen on port 22',
            severity=rule.Severity.WARNING,
        )


def _finding(config: sshd.Config, keyword: str, message: str) -> rule.Finding:
    setting = config.setting(keyword)
    if setting is None:
        return found.said(message, data=f'{keyword} is not set')
    return found.at(setting.line, message)
