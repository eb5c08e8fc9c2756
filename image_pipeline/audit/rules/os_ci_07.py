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

"""OS-CI-07: cloud-init does what a user asks for."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import cloud_init

#: Without these nobody gets in.
_NEEDED = {'init': ('users_groups', 'ssh')}
#: Without these user data does not do what it says.
_WANTED = {
    'init': ('growpart', 'resizefs', 'set_hostname', 'update_hostname'),
    'config': ('runcmd',),
    'final': ('scripts_user', 'ssh_authkey_fingerprints', 'keys_to_console'),
}
_LISTS = {
    'init': 'cloud_init_modules',
    'config': 'cloud_config_modules',
    'final': 'cloud_final_modules',
}


class OsCi07(rule.Rule):
    """Keys, user data and the host name of an instance take effect."""

    id = 'OS-CI-07'
    severity = rule.Severity.ERROR
    statement = (
        "cloud-init installs the user's SSH key, runs user data and sets the "
        'host name'
    )
    rationale = (
        'Users contextualise instances by user data, and log in by a key '
        'that only cloud-init installs.'
    )
    source = (
        'OpenStack image guide, "Process user data and SSH keys"; EGI wiki '
        'VT-CloudCaps:BestPractices'
    )
    satisfied_by = ('element:cloud-init-openstack',)
    remedy = (
        "keep the distribution's lists of modules in /etc/cloud/cloud.cfg, "
        'and "preserve_hostname: false"'
    )
    fix = rule.Fix.BUILD_ONLY
    probe = 'OS-CI-07'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give modules that are missing, and what turns them off."""
        if not cloud_init.is_installed(subject.files):
            raise rule.NotApplicable(
                'there is no cloud-init; EGI-CI-01 says so'
            )
        cloud = known.cloud_config(subject)
        for wanted, severity in (
            (_NEEDED, None),
            (_WANTED, rule.Severity.WARNING),
        ):
            for stage, names in wanted.items():
                there = set(cloud.modules(stage))
                for name in names:
                    if name not in there:
                        yield found.at(
                            cloud.where(_LISTS[stage]),
                            f'cloud-init does not run its module {name}',
                            data=_LISTS[stage],
                            severity=severity,
                        )
        if cloud.get('preserve_hostname') is True:
            yield found.at(
                cloud.where('preserve_hostname'),
                "cloud-init keeps the image's host name",
                severity=rule.Severity.WARNING,
            )
        for name in ('OpenStack', 'ConfigDrive'):
            if cloud.get('datasource', name, 'apply_network_config') is False:
                yield found.at(
                    cloud.where('datasource', name, 'apply_network_config'),
                    'cloud-init does not apply the network that the cloud '
                    'describes',
                    severity=rule.Severity.WARNING,
                )
