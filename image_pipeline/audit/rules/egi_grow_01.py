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
"""EGI-GROW-01: the root partition grows to the size of the disk."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import (
    cloud_init,
    systemd,
    systemd_conf,
    text,
)
from image_pipeline.disk import files

_FOLDERS = ('/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin')
_DISABLED = '/etc/growroot-disabled'
#: What growpart uses, by preference.
_TOOLS = ('sfdisk', 'sgdisk', 'parted')
#: initramfs-tools' and dracut's ways to do it before the root is mounted.
_INITRAMFS = (
    '/usr/share/initramfs-tools/hooks/growroot',
    '/usr/lib/dracut/modules.d/*growroot*',
)
_REPART = 'systemd-repart.service'


class EgiGrow01(rule.Rule):
    """The flavor decides how large the disk is, not the image."""

    id = 'EGI-GROW-01'
    severity = rule.Severity.ERROR
    statement = (
        'the root partition grows to the size of the disk at first boot'
    )
    rationale = (
        'An image is as small as its content. A root that does not grow is '
        'full soon, and a full root lets nobody in.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "cloud-initramfs-growroot"; '
        'OpenStack image guide, "Resize the root partition"'
    )
    satisfied_by = ('element:grow-root',)
    remedy = (
        'install growpart (cloud-guest-utils, cloud-utils-growpart) and keep '
        'cloud-init\'s modules growpart and resizefs with growpart: {mode: '
        'auto, devices: [/]}'
    )
    fix = rule.Fix.BUILD_ONLY
    probe = 'EGI-GROW-01'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give why nothing grows it."""
        if subject.table is None:
            raise rule.NotApplicable('there is no partition to grow')
        tree = subject.files
        units = known.units(subject)
        others = [*_in_initramfs(tree), *_by_units(tree, units)]
        against = list(_against(subject, units))
        if against and not others:
            yield from against
        ways = [*others, *([] if against else ['cloud-init'])]
        if len(ways) > 1:
            yield found.said(
                'several programs grow the root; one would do',
                data=', '.join(ways),
                severity=rule.Severity.INFO,
            )
        if not against:
            yield from _devices(subject)


def _against(
    subject: view.ImageView, units: systemd.Units
) -> Iterator[rule.Finding]:
    """Give why cloud-init does not grow the partition."""
    tree = subject.files
    if not cloud_init.is_installed(tree):
        yield found.said(
            'nothing grows the root partition',
            data='neither cloud-init, growroot nor systemd-repart',
        )
        return
    config = known.cloud_config(subject)
    if 'growpart' not in config.modules('init'):
        yield found.at(
            config.where('cloud_init_modules'),
            'cloud-init does not run its module growpart',
        )
    mode = config.get('growpart', 'mode', default='auto')
    if cloud_init.is_false(mode):
        yield found.at(
            config.where('growpart', 'mode'), 'growpart is turned off'
        )
    if mode in ('auto', 'growpart') and not _has(tree, 'growpart'):
        yield found.said('there is no growpart', data='in /usr/bin')
    elif mode in ('auto', 'growpart') and not any(
        _has(tree, tool) for tool in _TOOLS
    ):
        yield found.said(
            'growpart has no tool to change a partition table',
            data=f'none of {", ".join(_TOOLS)}',
        )
    if tree.exists(_DISABLED) and not cloud_init.is_true(
        config.get('growpart', 'ignore_growroot_disabled')
    ):
        yield found.in_file(_DISABLED, 'growpart is turned off')


def _devices(subject: view.ImageView) -> Iterator[rule.Finding]:
    """Give devices that are not the root's on every hypervisor."""
    config = known.cloud_config(subject)
    devices = config.get('growpart', 'devices', default='/')
    # One alone need not be a list (util.get_cfg_option_list).
    if '/' not in (devices if isinstance(devices, list) else [devices]):
        yield found.at(
            config.where('growpart', 'devices'),
            'growpart is told of devices by name, which change with the '
            'hypervisor; "/" is the root everywhere',
            severity=rule.Severity.WARNING,
        )


def _in_initramfs(tree: files.FileTree) -> list[str]:
    return [
        'growroot in the initramfs'
        for pattern in _INITRAMFS
        if tree.glob(pattern)
    ][:1]


def _by_units(tree: files.FileTree, units: systemd.Units) -> list[str]:
    ways = []
    if units.is_enabled('growroot.service'):
        ways.append('growroot.service')
    if (units.starts(_REPART) or units.is_enabled(_REPART)) and any(
        _is_root(tree, path) for path in systemd_conf.paths(tree, 'repart.d')
    ):
        ways.append('systemd-repart')
    return ways


def _is_root(tree: files.FileTree, path: str) -> bool:
    """Tell whether a definition of repart.d(5) is one of the root."""
    return any(
        line.text.replace(' ', '').startswith('Type=root')
        and 'verity' not in line.text
        for line in text.said(tree, path)
    )


def _has(tree: files.FileTree, program: str) -> bool:
    return any(tree.is_file(f'{folder}/{program}') for folder in _FOLDERS)
