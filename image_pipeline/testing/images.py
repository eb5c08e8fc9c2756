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

"""A small sound image, made with real tools, to be spoilt by tests.

No rule of ours fires in it.  A mutation test changes one thing and expects
one rule::

    image = images.build(folder / 'disk.raw', host=process.Host(),
                         files={'/etc/fstab': '/dev/vda3 / ext4'})
"""

import dataclasses
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from image_pipeline.host import process
from image_pipeline.testing import disks, sound_boot, sound_system
from image_pipeline.testing.disks import MIB, Content, File, Folder, Link

#: The programs that :func:`build` runs.
EXECUTABLES = ('mke2fs', 'mkfs.vfat', 'mmd', 'mcopy', 'sgdisk')
SIZE = 32 * MIB
#: Where the partitions begin, in bytes: ESP, BIOS boot, a gap, the root.
ESP_START, BIOS_START, GAP_START = 1 * MIB, 9 * MIB, 10 * MIB
ROOT_START, ROOT_END = 14 * MIB, 31 * MIB
ROOT_UUID = '11111111-2222-4333-8444-555555555555'
ESP_UUID = 'ABCD-1234'
KERNEL = sound_boot.KERNEL

_COMMAND_LINE = f'root=UUID={ROOT_UUID} ro console=tty0 console=ttyS0,115200'
#: The files of the sound image.
FILES: Mapping[str, Content] = {
    **sound_system.FILES,
    **sound_boot.FILES,
    '/etc/fstab': f'UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n'
    f'UUID={ESP_UUID} /boot/efi vfat umask=0077 0 1\n'
    'tmpfs /tmp tmpfs nosuid,nodev 0 0\n'
    '/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0\n',
    '/etc/os-release': Link('../usr/lib/os-release'),
    '/usr/lib/os-release': 'ID=debian\nVERSION_ID="12"\n'
    # No test depends on the day on which it runs.
    'SUPPORT_END=9999-12-31\n',
    '/etc/image-build': 'recipe=sound\nrun=20260131T120000Z-1\n'
    'date=2026-01-31T12:00:00Z\n',
    '/etc/default/grub': 'GRUB_TIMEOUT=0\n'
    'GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"\n',
    '/etc/hostname': 'localhost\n',
    '/etc/crypttab': '# <target name> <source device> <key file>\n',
    '/etc/initramfs-tools/conf.d/resume': 'RESUME=none\n',
    '/boot/efi': None,
    '/boot/grub/grub.cfg': 'set timeout=0\n'
    '# /dev/sda1 is only a comment\n'
    "menuentry 'Debian GNU/Linux' {\n"
    "  set root='hd0,gpt3'\n"
    '  search --no-floppy --fs-uuid --set=root '
    f'--hint-bios=hd0,gpt3 {ROOT_UUID}\n'
    f'  linux /boot/vmlinuz-{KERNEL} {_COMMAND_LINE}\n'
    f'  initrd /boot/initrd.img-{KERNEL}\n'
    '}\n',
    '/bin': Link('usr/bin'),
    '/lib': Link('usr/lib'),
    '/usr/bin/true': 'ELF\n',
    '/var/lib/dpkg/status': 'Package: grub-common\n'
    'Status: install ok installed\nVersion: 2.06-13+deb12u1\n\n'
    'Package: e2fsprogs\n'
    'Status: install ok installed\nVersion: 1.47.0-2\n',
}
_ESP_FILES = {
    'EFI/BOOT/BOOTX64.EFI': sound_boot.efi_program(),
    'EFI/debian/grub.cfg': f'search.fs_uuid {ROOT_UUID} root\n'.encode(),
}


def build(
    path: Path,
    *,
    host: process.Runner,
    files: Mapping[str, Content] | None = None,
    without: Iterable[str] = (),
    mke2fs: Iterable[str] = (),
) -> Path:
    """Make the image: GPT with ESP, BIOS boot partition and an ext4 root.

    :param path: where; it is a sparse raw file.
    :param host: runs the tools.
    :param files: to add to :data:`FILES`, or to put in their places.
    :param without: those of :data:`FILES` to leave out.
    :param mke2fs: further arguments of mke2fs.
    :returns: ``path``.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        tree = Path(scratch) / 'tree'
        left = {
            name: content
            for name, content in FILES.items()
            if name not in set(without)
        }
        _write(tree, left | dict(files or {}))
        with path.open('wb') as file:
            file.truncate(SIZE)
        host.run(
            [
                'sgdisk',
                f'--new=1:{ESP_START // 512}:{BIOS_START // 512 - 1}',
                '--typecode=1:ef00',
                f'--new=2:{BIOS_START // 512}:{GAP_START // 512 - 1}',
                '--typecode=2:ef02',
                f'--new=3:{ROOT_START // 512}:{ROOT_END // 512 - 1}',
                '--typecode=3:8304',
                path,
            ]
        )
        host.run(
            [
                'mke2fs', '-q', '-F', '-t', 'ext4', '-L', 'cloudimg-rootfs',
                '-U', ROOT_UUID, '-d', tree, '-m', '0',
                '-E', f'offset={ROOT_START}', *mke2fs, path,
                f'{(ROOT_END - ROOT_START) // 1024}k',
            ]
        )  # fmt: skip
        esp = Path(scratch) / 'esp'
        _make_esp(esp, Path(scratch), host)
        patch(path, ESP_START, esp.read_bytes())
        patch(path, 0, sound_boot.boot_record())
        patch(path, BIOS_START, sound_boot.CORE)
    return path


def in_memory(
    files: Mapping[str, Content] | None = None,
    without: Iterable[str] = (),
) -> disks.MemoryView:
    """Return a view of the sound image's files, without an image.

    It serves rules that ask for nothing but files; it costs no time.

    :param files: to add to :data:`FILES`, or to put in their places.
    :param without: those of :data:`FILES` to leave out.
    """
    left = {
        name: content
        for name, content in FILES.items()
        if name not in set(without)
    }
    return disks.MemoryView(
        disks.MemoryDisk(disks.gpt_disk([])), left | dict(files or {})
    )


def changed(path: str, old: str, new: str) -> dict[str, Content]:
    """Return a file of the sound image with other words in it.

    :param path: of :data:`FILES`.
    :param old: words that must be there.
    :param new: what takes their place.
    """
    content = FILES[path]
    said = content.content if isinstance(content, File) else content
    if not isinstance(said, str) or old not in said:
        raise ValueError(f'{path} does not say {old!r}')
    text = said.replace(old, new)
    if isinstance(content, File):
        return {path: dataclasses.replace(content, content=text)}
    return {path: text}


def patch(path: Path, offset: int, data: bytes) -> None:
    """Write bytes into a file.

    :param path: the file.
    :param offset: where, in bytes.
    :param data: what.
    """
    with path.open('r+b') as file:
        file.seek(offset)
        file.write(data)


def copy(source: Path, target: Path) -> Path:
    """Copy an image, to spoil the copy.

    :param source: the image.
    :param target: where to.
    :returns: ``target``.
    """
    with source.open('rb') as old, target.open('wb') as new:
        while data := old.read(MIB):
            if data.count(0) == len(data):
                new.seek(len(data), 1)
            else:
                new.write(data)
        new.truncate()
    return target


def _write(tree: Path, files: Mapping[str, Content]) -> None:
    for name, content in files.items():
        path = tree / name.lstrip('/')
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None or isinstance(content, Folder):
            path.mkdir(exist_ok=True)
        elif isinstance(content, Link):
            path.symlink_to(content.target)
        else:
            data = content.content if isinstance(content, File) else content
            path.write_bytes(data.encode() if isinstance(data, str) else data)
            path.chmod(0o644)
        if isinstance(content, File | Folder):
            _set(path, content)


def _set(path: Path, content: File | Folder) -> None:
    os.chown(path, content.uid, content.gid)
    path.chmod(content.mode)
    if isinstance(content, File) and content.mtime:
        os.utime(path, (content.mtime, content.mtime))


def _make_esp(path: Path, scratch: Path, host: process.Runner) -> None:
    with path.open('wb') as file:
        file.truncate(BIOS_START - ESP_START)
    host.run(
        [
            'mkfs.vfat',
            '-F',
            '16',
            '-s',
            '1',
            '-i',
            ESP_UUID.replace('-', ''),
            path,
        ]
    )
    host.run(['mmd', '-i', path, '::EFI', '::EFI/BOOT', '::EFI/debian'])
    for name, content in _ESP_FILES.items():
        source = scratch / 'file'
        source.write_bytes(content)
        host.run(['mcopy', '-i', path, source, f'::{name}'])
