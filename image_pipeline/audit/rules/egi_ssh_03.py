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

"""EGI-SSH-03: root does not log in by password."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.remedies import cloud_init as of_cloud
from image_pipeline.audit.remedies import draft
from image_pipeline.audit.remedies import sshd as remedy
from image_pipeline.disk import edits

_OPEN = 'root may log in by password'
#: What anaconda writes for "allow root SSH login with password".
_ANACONDA = '/etc/ssh/sshd_config.d/01-permitrootlogin.conf'


class EgiSsh03(rule.Rule):
    """The cloud user is the entry, not root."""

    id = 'EGI-SSH-03'
    severity = rule.Severity.WARNING
    statement = 'root logs in by key or not at all, and cloud-init says so too'
    rationale = (
        'What root does cannot be told apart by person, and everybody knows '
        'the name.'
    )
    source = (
        'EGI fedcloud-vmi-templates (PermitRootLogin no); Debian cloud images '
        '(without-password); cloud-init, disable_root'
    )
    satisfied_by = ('element:sshd-keys-only',)
    remedy = (
        'write "PermitRootLogin no" into a drop-in that sorts before others, '
        'remove 01-permitrootlogin.conf, and keep "disable_root: true"'
    )
    fix = rule.Fix.YES
    probe = 'EGI-SSH-03'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what lets root in."""
        config = known.sshd_config(subject)
        setting = config.setting('permitrootlogin')
        if config.value('permitrootlogin') == 'yes':
            if setting is None:
                yield found.said(_OPEN, data='it is the default of this sshd')
            else:
                yield found.at(setting.line, _OPEN)
        for one in config.conditional('permitrootlogin'):
            if one.value.lower() == 'yes':
                yield found.at(one.line, f'{_OPEN} where {one.match}')
        if subject.files.exists(_ANACONDA) and (
            setting is None or setting.line.path != _ANACONDA
        ):
            yield found.in_file(
                _ANACONDA, 'the installer left it to let root in'
            )
        cloud = known.cloud_config(subject)
        if cloud.get('disable_root', default=True) in (False, 0, 'false'):
            yield found.at(
                cloud.where('disable_root'),
                'cloud-init gives root the key of the cloud user',
            )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give a drop-in that keeps root out, and cloud-init's default."""
        config = known.sshd_config(subject)
        plan = draft.Draft(subject.files)
        keyword = 'permitrootlogin'
        if config.value(keyword) == 'yes' or any(
            one.value.lower() == 'yes' for one in config.conditional(keyword)
        ):
            remedy.put(plan, config, {'PermitRootLogin': 'no'})
        if subject.files.exists(_ANACONDA):
            plan.remove(_ANACONDA)
        cloud = known.cloud_config(subject)
        if cloud.get('disable_root', default=True) in (False, 0, 'false'):
            of_cloud.put(plan, cloud, of_cloud.SSH, {'disable_root': 'true'})
        yield from plan.edits()
