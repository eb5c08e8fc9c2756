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

"""EGI-SSH-02: nobody logs in by password."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import sshd, text
from image_pipeline.audit.remedies import cloud_init as of_cloud
from image_pipeline.audit.remedies import draft
from image_pipeline.audit.remedies import sshd as remedy
from image_pipeline.disk import edits

_OFF = {
    'passwordauthentication': 'sshd accepts passwords',
    'kbdinteractiveauthentication': 'sshd asks for passwords by PAM',
}
_NAMES = (
    'PasswordAuthentication',
    'KbdInteractiveAuthentication',
    'PermitEmptyPasswords',
)
#: What cloud-init writes where ``ssh_pwauth`` is said (cc_set_passwords).
_CLOUD_INIT = '/etc/ssh/sshd_config.d/50-cloud-init.conf'


class EgiSsh02(rule.Rule):
    """Passwords do not open an instance over the network."""

    id = 'EGI-SSH-02'
    severity = rule.Severity.WARNING
    statement = 'sshd accepts no password, whatever file says so'
    rationale = 'Guessing passwords is how most instances are broken into.'
    source = (
        'EGI fedcloud-vmi-templates (ssh_pwauth: 0, PasswordAuthentication '
        'no); SECANT, probe ssh_auth; cloud-image-val, test_sshd'
    )
    satisfied_by = ('element:sshd-keys-only',)
    remedy = (
        'write "PasswordAuthentication no" and "KbdInteractiveAuthentication '
        'no" into /etc/ssh/sshd_config.d/00-keys-only.conf, and '
        '"ssh_pwauth: false" into /etc/cloud/cloud.cfg.d'
    )
    fix = rule.Fix.YES
    probe = 'EGI-SSH-02'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give each way by which a password is accepted."""
        config = known.sshd_config(subject)
        for keyword, message in _OFF.items():
            yield from _is_on(config, keyword, message)
        yield from _is_on(
            config,
            'permitemptypasswords',
            'sshd lets accounts without a password in',
            rule.Severity.ERROR,
        )
        cloud = known.cloud_config(subject)
        if _means_yes(cloud.get('ssh_pwauth')):
            yield _by_cloud_init(config, cloud.where('ssh_pwauth'))

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give a drop-in that refuses them, to cloud-init, too."""
        config = known.sshd_config(subject)
        plan = draft.Draft(subject.files)
        wanted = {
            name: 'no'
            for name in _NAMES
            if config.value(name.lower()) == 'yes'
            or any(
                one.value.lower() == 'yes'
                for one in config.conditional(name.lower())
            )
        }
        if wanted:
            remedy.put(plan, config, wanted)
        cloud = known.cloud_config(subject)
        if _means_yes(cloud.get('ssh_pwauth')):
            of_cloud.put(plan, cloud, of_cloud.SSH, {'ssh_pwauth': 'false'})
        yield from plan.edits()


def _is_on(
    config: sshd.Config,
    keyword: str,
    message: str,
    severity: rule.Severity | None = None,
) -> Iterator[rule.Finding]:
    # Anything but no: EGI-SSH-01 tells of words that sshd does not know.
    if config.value(keyword) == 'yes':
        setting = config.setting(keyword)
        if setting is None:
            yield found.said(
                message,
                data=f'{keyword} is not set; the default is yes',
                severity=severity,
            )
        else:
            yield found.at(setting.line, message, severity=severity)
    for setting in config.conditional(keyword):
        if setting.value.lower() == 'yes':
            yield found.at(
                setting.line,
                f'{message} of "Match {setting.match}"',
                severity=severity,
            )


def _means_yes(value: object) -> bool:
    """Tell whether cloud-init takes a value of ssh_pwauth for yes."""
    # util.is_true(), and text that it takes for a boolean.
    return value is True or str(value).lower() in ('true', '1', 'on', 'yes')


def _by_cloud_init(
    config: sshd.Config, line: text.Line | None
) -> rule.Finding:
    said = config.setting('passwordauthentication')
    message = 'cloud-init turns passwords on at the first boot'
    severity = None
    if (
        said is not None
        and said.value.lower() == 'no'
        and '.d/' in said.line.path
        and said.line.path < _CLOUD_INIT
    ):
        message = (
            'cloud-init is asked to turn passwords on; that '
            f'{said.line.path} is read before its file prevents it'
        )
        severity = rule.Severity.INFO
    return found.at(line, message, severity=severity)
