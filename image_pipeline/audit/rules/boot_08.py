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

"""BOOT-08: kernels can be updated in an instance."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import booting, found, known, rule, view
from image_pipeline.audit.guest import packages, release, text
from image_pipeline.disk import files

#: A package of one version, as opposed to one that follows the newest.
_VERSIONED = re.compile(r'linux-image-(?:unsigned-)?\d+\.\d+')
_META = re.compile(r'linux-(?:image-)?(?!.*\d+\.\d)[a-z][a-z0-9-]*')
_NOT_META = re.compile(
    r'linux-(?:base|libc-dev|firmware.*|headers.*|tools.*|kbuild.*|sysctl.*|doc.*'
    r'|compiler.*|perf|source.*|modules.*|cpupower|bootwrapper.*)'
)
_HOOKS = (
    ('makes the initramfs', ('initramfs-tools', 'dracut', 'tiny-initramfs')),
    (
        'updates the boot loader',
        ('zz-update-grub', 'zz-*', '*grub*', '*boot*'),
    ),
)
_FOLDERS = ('/etc/kernel/postinst.d', '/usr/share/kernel/postinst.d')
_DIVERTED = ('/usr/sbin/update-initramfs', '/usr/sbin/update-grub')
_EXCLUDED = re.compile(r'^\s*(?:exclude|excludepkgs)\s*=.*\bkernel')


class Boot08(rule.Rule):
    """Kernels can be updated in an instance."""

    id = 'BOOT-08'
    severity = rule.Severity.WARNING
    statement = 'updates of the kernel reach the boot loader of an instance'
    rationale = (
        'Instances live longer than an image: one that cannot get a new '
        'kernel stays open to what was found since.'
    )
    source = (
        'cloud-image-val, test_reboot; OpenStack image guide; kernel- '
        'install(8); kernel-img.conf(5)'
    )
    satisfied_by = ('element:cloud-kernel', 'element:one-initramfs')
    remedy = (
        "install the distribution's kernel meta package, and keep the hooks "
        'of /etc/kernel/postinst.d or /usr/lib/kernel/install.d'
    )
    fix = rule.Fix.NO

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what keeps a new kernel from being installed and booted."""
        tree = subject.files
        booting.need_kernels(subject)
        family = release.family(known.os_release(subject))
        if family == 'debian':
            yield from _debian(tree)
        elif family == 'redhat':
            yield from _redhat(tree)
        else:
            raise rule.NotApplicable(
                'how its kernels are updated is not known'
            )
        yield from _packages(subject, family)


def _debian(tree: files.FileTree) -> Iterator[rule.Finding]:
    for does, names in _HOOKS:
        if not any(
            tree.glob(f'{folder}/{name}')
            for folder in _FOLDERS
            for name in names
        ):
            yield found.in_file(_FOLDERS[0], f'there is no hook that {does}')
    lines = text.lines(tree, '/var/lib/dpkg/diversions')
    for line in lines[::3]:
        # Three lines each: what is diverted, where to, and by whom.
        if line.text in _DIVERTED:
            yield found.at(line, 'it is diverted: a new kernel is not booted')


def _redhat(tree: files.FileTree) -> Iterator[rule.Finding]:
    if not tree.glob('/usr/lib/kernel/install.d/*.install'):
        yield found.in_file(
            '/usr/lib/kernel/install.d',
            'there are no hooks that make an initramfs and a boot entry',
        )
    for path in tree.glob('/etc/kernel/install.d/*.install'):
        if tree.lstat(path).link == '/dev/null':
            yield found.in_file(path, 'a hook for new kernels is masked')
    for line in text.said(tree, '/etc/sysconfig/kernel'):
        name, _, value = line.text.partition('=')
        if name.strip() == 'UPDATEDEFAULT' and text.unquote(value) != 'yes':
            yield found.at(line, 'a new kernel is not the default')
    for path in ('/etc/dnf/dnf.conf', '/etc/yum.conf'):
        for line in text.said(tree, path):
            if _EXCLUDED.match(line.text):
                yield found.at(line, 'kernels are not updated')


def _packages(subject: view.ImageView, family: str) -> Iterator[rule.Finding]:
    names = {package.name for package in packages.of(subject)}
    if family != 'debian':
        return
    versioned = sorted(name for name in names if _VERSIONED.match(name))
    if versioned and not any(
        _META.fullmatch(name) and not _NOT_META.fullmatch(name)
        for name in names
    ):
        yield found.said(
            f'{versioned[-1]} is installed, but no package that brings newer '
            'kernels'
        )
