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

"""A tiny bootable image for tests of clouds: it boots in seconds, emulated.

A kernel of Debian's for clouds, an initramfs with busybox and a script, and
syslinux on a FAT file system.  Nothing of it needs root, a loop device or a
mount.  The guest takes its lease by DHCP, reads a config drive or asks the
metadata service, and runs its user data, so that the probes of
:data:`PROBES` pass in it.
"""

import fcntl
import gzip
import hashlib
import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

from image_pipeline import artifact, exceptions
from image_pipeline.disk import pack_fat
from image_pipeline.host import process

MIB = 1 << 20
#: Bytes of its disk.
SIZE = 42 * MIB
_START = MIB
#: How it may go wrong: what its kernel is told, by the way.
WAYS: Mapping[str, str] = {
    'good': '',
    # Its first process ends at once.
    'panic': 'tiny=panic',
    # There is no such disk, and the initramfs has no such program.
    'no-root': 'rdinit=/none root=/dev/vda9',
    # It asks nobody for an address.
    'no-network': 'tiny=no-network',
    # It asks nobody for its metadata.
    'no-metadata': 'tiny=no-metadata',
    # It says no word after the kernel.
    'silent': 'tiny=silent',
    'emergency': 'tiny=emergency',
    # It switches itself off.
    'off': 'tiny=off',
    # It has no cloud-init.
    'login': 'tiny=login',
    # It forgets its user data.
    'no-user-data': 'tiny=no-user-data',
    # All of its instances have one machine id.
    'clone': 'tiny=clone',
}
#: The probes that pass in it.
PROBES = (
    'BOOT-01',
    'EGI-CI-01',
    'EGI-CI-03',
    'EGI-SEC-03',
    'EGI-SSH-01',
    'HYG-05',
    'HYG-09',
    'LIVE-MEMORY',
    'OS-CI-07',
    'OS-NET-01',
    'OS-NET-02',
)
#: MiB of memory that it boots with.
MEMORY_MIB = 128
#: The programs that :func:`build` runs, and Debian's packages of them.
EXECUTABLES = {
    'apt-get': 'apt',
    'apt-cache': 'apt',
    'dpkg-deb': 'dpkg',
    'mkfs.vfat': 'dosfstools',
    'mcopy': 'mtools',
    'mmd': 'mtools',
    'qemu-img': 'qemu-utils',
    'syslinux': 'syslinux',
}
_META_PACKAGE = 'linux-image-cloud-amd64'
_BUSYBOX = 'busybox-static'
_MBR = tuple(
    Path('/usr/lib', name)
    for name in ('syslinux/mbr/mbr.bin', 'SYSLINUX/mbr.bin')
)
_INIT = Path(__file__).with_name('tiny_init.sh')
# In the order in which they are loaded: what one needs comes before it.
_MODULES = (
    'virtio_ring', 'virtio', 'virtio_pci_legacy_dev',
    'virtio_pci_modern_dev', 'virtio_pci', 'virtio_blk', 'failover',
    'net_failover', 'virtio_net', 'scsi_common', 'scsi_mod', 'libata',
    'ata_piix', 'ahci', 'sd_mod', 'cdrom', 'sr_mod', 'isofs', 'button',
    'evdev',
)  # fmt: skip


def build(
    folder: Path, *, way: str = 'good', host: process.Runner | None = None
) -> Path:
    """Return the image, made if it is not in the folder yet.

    Several processes may call it at once; one of them makes it.

    :param folder: where images and what they are made of are kept.
    :param way: how it goes wrong, one of :data:`WAYS`.
    :param host: runs the tools.
    :returns: a qcow2 file.
    :raises StageFailed: a program is missing.
    :raises CommandFailed: a program failed.
    """
    arguments = WAYS[way]
    host = host or process.Host()
    for name, package in EXECUTABLES.items():
        if host.which(name) is None:
            raise exceptions.StageFailed(
                f'{name} is missing', hint=f'install the package {package}'
            )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        package = _kernel_package(host)
        source = Path(__file__).read_bytes() + _INIT.read_bytes()
        made_of = hashlib.sha256(package.encode() + source).hexdigest()[:12]
        image = folder / f'tiny-{way}-{made_of}.qcow2'
        if not image.exists():
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                _make(
                    Path(scratch),
                    image,
                    kernel=_fetched(folder, package, host),
                    busybox=_fetched(folder, _BUSYBOX, host),
                    arguments=arguments,
                    host=host,
                )
    return image


def cache_folder() -> Path:
    """Return where tests keep it from one session to the next."""
    home = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(home) / 'image-pipeline' / 'tiny'


def as_artifact(path: Path) -> artifact.Artifact:
    """Return the image as the stages hand one on.

    :param path: of :func:`build`.
    """
    data = path.read_bytes()
    return artifact.Artifact(
        kind=artifact.IMAGE,
        path=path,
        digest=f'sha256:{hashlib.sha256(data).hexdigest()}',
        size=len(data),
        properties={
            'format': 'qcow2',
            'virtual_size': SIZE,
            'sha512': hashlib.sha512(data).hexdigest(),
        },
    )


def _kernel_package(host: process.Runner) -> str:
    """Return the package that the meta package stands for now."""
    said = host.run(
        ['apt-cache', 'depends', _META_PACKAGE], env={'LC_ALL': 'C'}
    ).stdout
    for line in said.splitlines():
        word, _, name = line.strip().partition(' ')
        if word == 'Depends:' and name.startswith('linux-image-'):
            return name
    raise exceptions.StageFailed(
        f'apt knows no package {_META_PACKAGE}', hint='run `apt-get update`'
    )


def _fetched(folder: Path, package: str, host: process.Runner) -> Path:
    """Return a folder with a package's files, fetched if need be."""
    kept = folder / package
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=folder) as name:
            scratch = Path(name)
            host.run(
                [
                    'apt-get', '-q', '-o', 'APT::Sandbox::User=root',
                    'download', package,
                ],
                cwd=scratch,
                timeout=300,
            )  # fmt: skip
            (fetched,) = scratch.glob('*.deb')
            host.run(['dpkg-deb', '-x', fetched, scratch / 'tree'])
            (scratch / 'tree').rename(kept)
    return kept


def _make(
    scratch: Path,
    image: Path,
    *,
    kernel: Path,
    busybox: Path,
    arguments: str,
    host: process.Runner,
) -> None:
    tree = scratch / 'tree'
    tree.mkdir()
    (vmlinuz,) = (kernel / 'boot').glob('vmlinuz-*')
    (tree / 'vmlinuz').write_bytes(vmlinuz.read_bytes())
    (tree / 'initrd').write_bytes(_initramfs(kernel, busybox))
    (tree / 'syslinux.cfg').write_text(
        'SERIAL 0 115200\nDEFAULT tiny\nPROMPT 0\nTIMEOUT 1\nLABEL tiny\n'
        ' LINUX /vmlinuz\n INITRD /initrd\n APPEND console=ttyS0,115200 '
        f'tsc=unstable quiet {arguments}\n'
    )
    disk = scratch / 'disk.raw'
    with disk.open('wb') as file:
        file.truncate(SIZE)
        file.write(_boot_sector())
    pack_fat.write(
        disk,
        offset=_START,
        size=SIZE - _START - MIB,
        label='TINY',
        volume_id='7149cafe',
        tree=tree,
        timestamp=int(vmlinuz.stat().st_mtime),
        host=host,
    )
    host.run(['syslinux', '--install', '--offset', str(_START), disk])
    done = scratch / 'disk.qcow2'
    host.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', disk, done])
    done.chmod(0o644)
    done.rename(image)


def _boot_sector() -> bytes:
    """Return the master boot record: code, and one partition to start."""
    for path in _MBR:
        if path.exists():
            code = path.read_bytes()
            break
    else:
        raise exceptions.StageFailed(
            'there is no boot code for a disk',
            hint='install the package syslinux-common',
        )
    # Type 0x0c: FAT32, found by its sector alone.
    entry = struct.pack(
        '<B3sB3sII', 0x80, b'\xfe\xff\xff', 0x0C, b'\xfe\xff\xff',
        _START // 512, (SIZE - _START - MIB) // 512,
    )  # fmt: skip
    return code[:440].ljust(446, b'\0') + entry.ljust(64, b'\0') + b'\x55\xaa'


def _initramfs(kernel: Path, busybox: Path) -> bytes:
    found = {path.name.split('.')[0]: path for path in kernel.rglob('*.ko*')}
    modules = [found[name] for name in _MODULES if name in found]
    (program,) = busybox.rglob('bin/busybox')
    files: dict[str, bytes | None] = {
        'bin': None,
        'bin/busybox': program.read_bytes(),
        # What the probes ask for, and busybox lacks.
        'bin/getent': b'#!/bin/sh\nexec cat "/etc/$1"\n',
        'dev': None,
        'etc': None,
        'etc/passwd': b'root:x:0:0:root:/root:/bin/sh\n'
        b'debian:x:1000:1000::/home/debian:/bin/sh\n',
        'init': _INIT.read_bytes(),
        'modules': None,
        'modules/order': ''.join(
            f'{path.name}\n' for path in modules
        ).encode(),
        **{f'modules/{path.name}': path.read_bytes() for path in modules},
    }
    archive = b''.join(
        _entry(name, content, number)
        for number, (name, content) in enumerate(files.items(), 1)
    )
    archive += _entry('TRAILER!!!', b'', 0)
    return gzip.compress(archive, compresslevel=6, mtime=0)


def _entry(name: str, content: bytes | None, inode: int) -> bytes:
    """Return a file, or a folder, in the kernel's format of cpio."""
    mode = 0o40755 if content is None else 0o100755
    data = content or b''
    raw = os.fsencode(name) + b'\0'
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    head = b'070701' + b''.join(b'%08X' % field for field in fields) + raw
    head += bytes(-len(head) % 4)
    return head + data + bytes(-len(data) % 4)
