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

"""BOOT-03: kernel, modules and initramfs are there, and belong together."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import booting, found, rule, view
from image_pipeline.audit.guest import boot_paths, initramfs, kernels, text
from image_pipeline.disk import files


class Boot03(rule.Rule):
    """Kernel, modules and initramfs are there, and belong together."""

    id = 'BOOT-03'
    severity = rule.Severity.ERROR
    statement = (
        'what is booted is there: kernel, modules and initramfs of one version'
    )
    rationale = (
        'A kernel without its initramfs or its modules panics, or finds no '
        'disk and no network.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices; kernel documentation, '
        '"initramfs buffer format"; boot loader specification'
    )
    satisfied_by = ('element:one-initramfs', 'element:cloud-kernel')
    remedy = (
        'reinstall the kernel package in the image, so that its hooks make '
        'the initramfs and the boot entries'
    )
    fix = rule.Fix.BUILD_ONLY
    implies = frozenset({'BOOT-05', 'VIRT-03'})
    probe = 'BOOT-03'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is missing, damaged, or of another version."""
        tree = subject.files
        loads = list(boot_paths.loads(tree))
        for load in loads:
            if boot_paths.find(tree, load) is None:
                yield _missing(load)
        there = [one for one in booting.kernels_of(subject) if one.image]
        if not there and not boot_paths.unified(tree):
            yield found.said('there is no kernel')
        elif not loads and not boot_paths.unified(tree):
            yield found.said('no boot loader has an entry that loads a kernel')
        for kernel in there:
            if not kernel.rescue:
                yield from _of_kernel(subject, kernel)
        yield from _saved(tree)


def _missing(load: boot_paths.Load) -> rule.Finding:
    """Give a file that is not there; only the first entry must boot."""
    what = 'kernel' if load.is_kernel else 'initramfs'
    return found.at(
        load.line,
        f'the {what} that it names is not there',
        data=load.path,
        severity=None if load.entry == 0 else rule.Severity.WARNING,
    )


def _of_kernel(
    subject: view.ImageView, kernel: kernels.Kernel
) -> Iterator[rule.Finding]:
    image = kernel.image
    if image is None:
        return
    if image.format is None:
        yield found.in_file(image.path, 'it is no kernel')
    if image.version and image.version != kernel.version:
        yield found.in_file(
            image.path,
            f'it is kernel {image.version}, not {kernel.version}',
        )
    if kernel.modules is None:
        yield found.in_file(
            image.path, f'there are no modules for {kernel.version}'
        )
    elif not _has_index(subject.files, kernel.modules):
        yield found.in_file(
            f'{kernel.modules}/modules.dep',
            'there is none, or it is empty: no module can be loaded',
        )
    if kernel.initramfs is not None:
        yield from _of_initramfs(subject, kernel, kernel.initramfs)


def _of_initramfs(
    subject: view.ImageView, kernel: kernels.Kernel, path: str
) -> Iterator[rule.Finding]:
    if initramfs.format_of(subject.files, path) is None:
        yield found.in_file(path, 'it is no initramfs')
        return
    damage = booting.damage_of(subject, path)
    if damage is not None:
        yield found.in_file(path, damage.removeprefix(f'{path} '))
        return
    versions = booting.initramfs_of(subject, path).module_versions
    if versions and kernel.version not in versions:
        yield found.in_file(
            path,
            f'it has modules for {", ".join(sorted(versions))}, not for '
            f'{kernel.version}',
        )


def _has_index(tree: files.FileTree, folder: str) -> bool:
    try:
        return tree.stat(f'{folder}/modules.dep').size > 0
    except OSError:
        return False


def _saved(tree: files.FileTree) -> Iterator[rule.Finding]:
    """Give the default of grubenv, if there is no such entry."""
    entries = {
        path.rpartition('/')[2].removesuffix('.conf')
        for path in tree.glob('/boot/loader/entries/*.conf')
    }
    for path in ('/boot/grub2/grubenv', '/boot/grub/grubenv'):
        for line in text.said(tree, path):
            name, _, value = line.text.partition('=')
            if name != 'saved_entry' or not entries or value in entries:
                continue
            if value and not value.isdecimal():
                yield found.at(
                    line,
                    'there is no such entry: the first one is booted',
                    severity=rule.Severity.WARNING,
                )
