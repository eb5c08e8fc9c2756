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

"""EGI-PKG-01: no graphical desktop, and nothing to build with."""

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import packages

_GRAPHICAL = 'graphical.target'
_MANAGER = 'display-manager.service'


class EgiPkg01(rule.Rule):
    """There is no graphical desktop."""

    id = 'EGI-PKG-01'
    severity = rule.Severity.WARNING
    statement = 'there is no graphical desktop, and a boot ends without one'
    rationale = (
        'Nobody sees the screen of an instance: a desktop is hundreds of '
        'megabytes that every site copies, and programs that need security '
        'updates.'
    )
    source = (
        'EGI documentation, Images ("Tools like GUI are of no use"); '
        'cloud-image-val, test_inittab_and_systemd'
    )
    satisfied_by = ('stage:compose',)
    remedy = (
        'remove the packages (package-installs with uninstall: true), and '
        'let boots end in multi-user.target: systemctl set-default '
        'multi-user.target'
    )
    fix = rule.Fix.BUILD_ONLY
    probe = 'EGI-PKG-01'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'desktop': {
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'default': [
                    'xserver-xorg-core', 'xorg-x11-server-Xorg',
                    'xorg-x11-server', 'gnome-shell', 'plasma-desktop',
                    'plasma-workspace', 'plasma6-workspace', 'gdm', 'gdm3',
                    'lightdm', 'sddm', 'xfce4-session', 'mate-session*',
                    'cinnamon', 'lxqt-session',
                ],
                'description': 'Names or patterns of packages that make a '
                'desktop.',
            },
            'unwanted': {
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'default': [],
                'description': 'Names or patterns of more packages that must '
                'not be there, such as compilers (`gcc`, `gcc-[0-9]*`).',
            },
        },
    }  # fmt: skip

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give the desktop's packages, and a boot that ends in it."""
        for package in packages.of(subject):
            for option in ('desktop', 'unwanted'):
                if any(
                    fnmatch.fnmatchcase(package.name, pattern)
                    for pattern in options[option]
                ):
                    yield found.said(
                        f'the package {package.name} is installed',
                        data=f'{package.name} {package.full_version}',
                    )
                    break
        units = known.units(subject)
        if units.default_target == _GRAPHICAL:
            manager = units.path(_MANAGER)
            # Debian's default target is the graphical one, which without a
            # display manager is multi-user.target.
            if manager is not None and units.exists(_MANAGER):
                yield found.in_file(
                    manager,
                    f'a boot ends in {_GRAPHICAL} and starts '
                    f'{units.real_name(_MANAGER)}',
                )
