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

"""Read which kernels a guest has, and what each can drive.

A kernel is an image in /boot (or, where a distribution puts it there, beside
its modules), a folder of modules and an initramfs.  The three are joined by
the version in their names; a bzImage says its version itself, too.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping

from image_pipeline.audit.guest import kernel_image
from image_pipeline.disk import files

#: Where modules are; /lib is a link to /usr/lib, or it is not.
MODULE_FOLDERS = ('/usr/lib/modules', '/lib/modules')
#: Kernel images by the distributions' names: Debian's, Red Hat's and SUSE's,
#: those of other machines than PCs, and kernel-install's own layout.
_IMAGES = (
    '/boot/vmlinuz-*',
    '/boot/Image-*',
    '/boot/vmlinux-*',
    '/boot/kernel-*',
    '/boot/*/*/linux',
    '/boot/efi/*/*/linux',
    '/efi/*/*/linux',
)
#: What package managers and boot loaders leave beside them.
_NOT_IMAGES = re.compile(r'\.(old|bak|hmac|sig|gz\.sig|dpkg-\w+|rpm\w+)$|~$')
#: An initramfs by its kernel's version: initramfs-tools', dracut's as Red
#: Hat and as SUSE call it, mkinitcpio's, and beside the modules.
_INITRAMFS = (
    '/boot/initrd.img-{}',
    '/boot/initramfs-{}.img',
    '/boot/initrd-{}',
    '/boot/initrd-{}.img',
    '/boot/initramfs-{}',
    '/usr/lib/modules/{}/initrd',
)
#: modules.dep of a kernel with every driver has about 600 KB.
_MOST_INDEX = 8 << 20
_MODULE = re.compile(r'([^/\s]+)\.ko(?:\.(?:xz|zst|gz))?$')
#: File systems whose module is called otherwise.
_FILE_SYSTEM_MODULES = {'iso9660': 'isofs'}
#: Options of drivers, for kernels that do not list what is built in.
_OPTIONS = {
    'ahci': 'SATA_AHCI',
    'hv_storvsc': 'HYPERV_STORAGE',
    'isofs': 'ISO9660_FS',
    'nvme': 'BLK_DEV_NVME',
    'sd_mod': 'BLK_DEV_SD',
    'sr_mod': 'BLK_DEV_SR',
    'vmw_pvscsi': 'VMWARE_PVSCSI',
    'xen_blkfront': 'XEN_BLKDEV_FRONTEND',
    'xen_netfront': 'XEN_NETDEV_FRONTEND',
    'scsi_mod': 'SCSI',
    'virtio_scsi': 'SCSI_VIRTIO',
    'virtio_rng': 'HW_RANDOM_VIRTIO',
    **{
        name: f'{name.upper()}_FS' for name in ('ext4', 'xfs', 'btrfs', 'vfat')
    },
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kernel:
    """A kernel with what belongs to it.

    :param version: as ``uname -r`` says it.
    :param image: None if there are only modules.
    :param modules: the folder of its modules, or None.
    :param initramfs: the path of its initramfs, or None.
    :param rescue: whether it is only there for emergencies.
    """

    version: str
    image: kernel_image.Image | None
    modules: str | None
    initramfs: str | None
    rescue: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drivers:
    """What a kernel can drive.

    :param version: the kernel's.
    :param folder: of its modules.
    :param builtin: names of what is built in, with ``_`` for ``-``.
    :param modules: paths below the folder, by name.
    :param config: /boot/config-*, without ``CONFIG_``.
    """

    version: str
    folder: str
    builtin: frozenset[str]
    modules: Mapping[str, str]
    config: Mapping[str, str]

    def is_builtin(self, name: str) -> bool:
        """Tell whether a driver is part of the kernel itself.

        :param name: of the module, such as ``virtio_blk``.
        """
        name = normal(name)
        if name in self.builtin:
            return True
        option = _OPTIONS.get(name, name.upper())
        return self.config.get(option) == 'y'

    def has(self, name: str) -> bool:
        """Tell whether there is a driver, built in or as a module.

        :param name: of the module, such as ``virtio_blk``.
        """
        return normal(name) in self.modules or self.is_builtin(name)

    def has_file_system(self, kind: str) -> bool:
        """Tell whether a file system can be mounted.

        :param kind: as ``mount -t`` has it, such as ``iso9660``.
        """
        return self.has(_FILE_SYSTEM_MODULES.get(kind, kind))


def normal(name: str) -> str:
    """Return a module's name as ``lsmod`` shows it.

    :param name: with ``-`` or ``_``.
    """
    return name.replace('-', '_')


def module_name(path: str) -> str | None:
    """Return the name of the module in a file, or None if it is none.

    :param path: such as ``kernel/fs/ext4/ext4.ko.xz``.
    """
    match = _MODULE.search(path)
    return normal(match[1]) if match else None


def module_folder(tree: files.FileTree, version: str) -> str | None:
    """Return the folder of a kernel's modules, or None.

    :param tree: the image's files.
    :param version: the kernel's.
    """
    for parent in MODULE_FOLDERS:
        if tree.is_folder(f'{parent}/{version}'):
            return f'{parent}/{version}'
    return None


def module_versions(tree: files.FileTree) -> list[str]:
    """Return the versions that there are modules for, oldest first.

    A folder that has nothing but what was built for a kernel that is gone
    (``updates``, ``extra``) counts too: it is what was left.

    :param tree: the image's files.
    """
    found: set[str] = set()
    for parent in MODULE_FOLDERS:
        try:
            names = tree.listdir(parent)
        except OSError:
            continue
        found |= {name for name in names if tree.is_folder(f'{parent}/{name}')}
    return sorted(found, key=_order)


def drivers(tree: files.FileTree, version: str) -> Drivers | None:
    """Return what a kernel can drive, or None if it has no modules.

    :param tree: the image's files.
    :param version: the kernel's.
    """
    folder = module_folder(tree, version)
    if folder is None:
        return None
    modules = {}
    for path in _index(tree, f'{folder}/modules.dep'):
        path = path.partition(':')[0]
        name = module_name(path)
        if name:
            modules[name] = path
    builtin = {
        module_name(path) for path in _index(tree, f'{folder}/modules.builtin')
    }
    return Drivers(
        version=version,
        folder=folder,
        builtin=frozenset(name for name in builtin if name),
        modules=modules,
        config=config(tree, version),
    )


def config(tree: files.FileTree, version: str) -> dict[str, str]:
    """Return a kernel's configuration, without ``CONFIG_``.

    :param tree: the image's files.
    :param version: the kernel's.
    """
    for path in (
        f'/boot/config-{version}',
        f'/usr/lib/modules/{version}/config',
        f'/lib/modules/{version}/config',
    ):
        found = {}
        for line in _index(tree, path):
            if line.startswith('CONFIG_'):
                name, _, value = line[7:].partition('=')
                found[name] = value.strip('"')
        if found:
            return found
    return {}


def images(tree: files.FileTree) -> Iterator[tuple[str, str]]:
    """Give each kernel image's path, and the version in its name.

    :param tree: the image's files.
    """
    for pattern in _IMAGES:
        for path in tree.glob(pattern):
            if _NOT_IMAGES.search(path) or not tree.is_file(path):
                continue
            if path.endswith('/linux'):
                yield path, path.split('/')[-2]
            else:
                yield path, path.rpartition('/')[2].partition('-')[2]


def kernels(tree: files.FileTree) -> tuple[Kernel, ...]:
    """Return the kernels, oldest first; modules without an image are one.

    :param tree: the image's files.
    """
    found: dict[str, Kernel] = {}
    for path, named in images(tree):
        image = kernel_image.read(tree, path)
        rescue = 'rescue' in named
        version = named
        if image.version and not rescue:
            # Arch calls the image after the package: vmlinuz-linux.
            folder = module_folder(tree, named)
            version = named if folder else image.version
        found.setdefault(
            version,
            Kernel(
                version=version,
                image=image,
                modules=module_folder(tree, version),
                initramfs=_initramfs(tree, path, named),
                rescue=rescue,
            ),
        )
    for version in module_versions(tree):
        found.setdefault(version, _without_image(tree, version))
    return tuple(sorted(found.values(), key=lambda k: _order(k.version)))


def _without_image(tree: files.FileTree, version: str) -> Kernel:
    folder = module_folder(tree, version)
    path = f'{folder}/vmlinuz'
    return Kernel(
        version=version,
        image=kernel_image.read(tree, path) if tree.is_file(path) else None,
        modules=folder,
        initramfs=_initramfs(tree, path, version),
    )


def _initramfs(tree: files.FileTree, image: str, version: str) -> str | None:
    folder = image.rpartition('/')[0]
    beside = (
        [f'{folder}/initrd', f'{folder}/initrd.img']
        if image.endswith('/linux')
        else []
    )
    for path in (*beside, *(name.format(version) for name in _INITRAMFS)):
        if tree.is_file(path):
            return path
    return None


def _order(version: str) -> list[tuple[int, str]]:
    """Return a key that sorts 6.9 before 6.10."""
    return [
        (int(part), '') if part.isdecimal() else (-1, part)
        for part in re.findall(r'\d+|\D+', version)
    ]


def _index(tree: files.FileTree, path: str) -> list[str]:
    """Return the lines of one of a kernel's lists, which may be long."""
    try:
        return tree.read_text(path, _MOST_INDEX).splitlines()
    except OSError:
        return []
