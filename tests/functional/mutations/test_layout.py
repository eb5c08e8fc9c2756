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

"""The layout of the disk is spoilt; one rule says so."""

import struct
import subprocess
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from image_pipeline.audit import registry, report, rule
from image_pipeline.disk import checksums, partitions
from image_pipeline.host import process
from image_pipeline.testing import images, mutations
from image_pipeline.testing.disks import MIB, Content
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
ESP, BIOS, GAP, ROOT = (
    images.ESP_START,
    images.BIOS_START,
    images.GAP_START,
    images.ROOT_START,
)
SUPERBLOCK = ROOT + 1024
#: What a boot entry that is sound but for one thing has, too.
CONSOLES = 'console=tty0 console=ttyS0,115200'


def run(*argv: object) -> None:
    HOST.run([str(word) for word in argv])


def sgdisk(*arguments: str) -> Callable[[Path], object]:
    return lambda path: run('sgdisk', *arguments, path)


def patch(offset: int, data: bytes) -> Callable[[Path], object]:
    return lambda path: images.patch(path, offset, data)


def superblock(offset: int, form: str, change: Callable[[int], int]):
    """Change a field of the root's superblock; its checksum stays right."""

    def spoil(path: Path) -> None:
        with path.open('r+b') as file:
            file.seek(SUPERBLOCK)
            data = bytearray(file.read(1024))
            (value,) = struct.unpack_from(form, data, offset)
            struct.pack_into(form, data, offset, change(value))
            crc = checksums.crc32c(0xFFFFFFFF, bytes(data[:1020]))
            struct.pack_into('<I', data, 1020, crc)
            file.seek(SUPERBLOCK)
            file.write(data)

    return spoil


def swap_in_gap(path: Path) -> None:
    """Make a swap partition before the root."""
    run('sgdisk', f'--new=4:{GAP // 512}:{ROOT // 512 - 1}', path)
    area = path.with_suffix('.swap')
    with area.open('wb') as file:
        file.truncate(ROOT - GAP)
    run('mkswap', area)
    images.patch(path, GAP, area.read_bytes())
    area.unlink()


def hybrid(path: Path) -> None:
    """Put a partition into the boot record too; its code stays."""
    with path.open('rb') as file:
        code = file.read(440)
    run('sgdisk', '--hybrid=1', path)
    images.patch(path, 0, code)


def bare_file_system(path: Path) -> None:
    """Leave nothing but the root's own bytes."""
    data = path.read_bytes()[ROOT : images.ROOT_END]
    path.write_bytes(data)


def logical_root(path: Path) -> None:
    """Put the root into an extended partition of a DOS table."""
    code = path.read_bytes()[:440]
    run('sgdisk', '--zap-all', path)
    images.patch(path, 0, code)
    subprocess.run(
        ['sfdisk', '--quiet', path],
        input=f'label: dos\n'
        f'start={ESP // 512}, size={(BIOS - ESP) // 512}, type=ef\n'
        f'start={(ROOT - MIB) // 512}, size={18 * 2048}, type=5\n'
        f'start={ROOT // 512}, size={17 * 2048}, type=83\n',
        text=True,
        check=True,
        capture_output=True,
        env={'PATH': process.search_path()},
    )


def dirty_fat(path: Path) -> None:
    """Clear the bit of the FAT that says that it was unmounted."""
    with path.open('rb') as file:
        file.seek(ESP + 14)
        (reserved,) = struct.unpack('<H', file.read(2))
    images.patch(path, ESP + reserved * 512 + 3, b'\x7f')


def raid(place: int, version: str) -> Callable[[Path], object]:
    """Write a software RAID superblock into the BIOS boot partition."""
    major = 0 if version == '0.90' else 1
    data = struct.pack('<II', 0xA92B4EFC, major) + bytes(248)
    return patch(place, data)


def entry(number: int) -> int:
    """Return where a partition's entry is in the first GPT."""
    return 1024 + 128 * (number - 1)


def grub(line: str) -> Mapping[str, Content]:
    """Return a grub.cfg with one more line."""
    before = images.FILES['/boot/grub/grub.cfg']
    assert isinstance(before, str)
    return {'/boot/grub/grub.cfg': f'{before}{line}\n'}


def fstab(line: str) -> Mapping[str, Content]:
    """Return a fstab with one more line."""
    before = images.FILES['/etc/fstab']
    assert isinstance(before, str)
    return {'/etc/fstab': f'{before}{line}\n'}


LABEL = b'LABELONE' + struct.pack('<QII8s', 1, 0, 32, b'LVM2 001')
LUKS1 = b'LUKS\xba\xbe\x00\x01'
L = 'EGI-LAYOUT-'
ONE, FIVE, SIX, EIGHT = (
    frozenset({f'{L}{n}'}) for n in ('01', '05', '06', '08')
)
#: What is free is not read there, or may not be what is said.
BITMAPS = frozenset({'EGI-SIZE-03'})

MUTATIONS = {
    '01 bare file system': Mutation(
        rule=f'{L}01',
        spoil=bare_file_system,
        also=frozenset({f'{L}09'}),
        where=1024 + 56,
    ),
    '01 file system over the table': Mutation(
        rule=f'{L}01', spoil=patch(0x8000, b'\1CD001\1'), where=0x8001
    ),
    '02 volume in the BIOS boot partition': Mutation(
        rule=f'{L}02', spoil=patch(BIOS + 512, LABEL), where=BIOS + 512
    ),
    '02 type left over': Mutation(
        rule=f'{L}02',
        spoil=sgdisk('--typecode=2:8e00'),
        also=FIVE,
        severity='warning',
        where=entry(2),
    ),
    '02 mapper in fstab': Mutation(
        rule=f'{L}02',
        files=fstab('/dev/mapper/vg-data /data ext4 nofail 0 2'),
        severity='warning',
        where='/etc/fstab',
    ),
    '02 mapper on the command line': Mutation(
        rule=f'{L}02',
        files=grub(f'linux /boot/vmlinuz root=/dev/mapper/vg-root {CONSOLES}'),
        severity='warning',
        where='/boot/grub/grub.cfg',
    ),
    '02 devices remembered': Mutation(
        rule=f'{L}02',
        files={'/etc/lvm/devices/system.devices': 'VERSION=1.1.2\n'},
        severity='warning',
        where='/etc/lvm/devices/system.devices',
    ),
    '03 swap partition': Mutation(
        rule=f'{L}03',
        spoil=swap_in_gap,
        also=FIVE,
        where=GAP + 4086,
        severity='warning',
    ),
    '03 swap of 64 KiB pages': Mutation(
        rule=f'{L}03',
        spoil=patch(BIOS + 65526, b'SWAPSPACE2'),
        where=BIOS + 65526,
        severity='warning',
    ),
    '03 hibernated': Mutation(
        rule=f'{L}03',
        spoil=patch(BIOS + 4086, b'S1SUSPEND\0'),
        where=BIOS + 4086,
        severity='warning',
    ),
    '03 type': Mutation(
        rule=f'{L}03',
        spoil=sgdisk('--typecode=2:8200'),
        also=FIVE,
        where=entry(2),
        severity='warning',
    ),
    '03 swap file': Mutation(
        rule=f'{L}03',
        files={'/swapfile': 'x'},
        where='/swapfile',
        severity='warning',
    ),
    '03 swap file in /var': Mutation(
        rule=f'{L}03',
        files={'/var/swap.1': 'x'},
        where='/var/swap.1',
        severity='warning',
    ),
    '03 fstab': Mutation(
        rule=f'{L}03',
        files=fstab('/extra none swap sw 0 0'),
        where='/etc/fstab',
        severity='warning',
    ),
    '03 unit': Mutation(
        rule=f'{L}03',
        files={'/etc/systemd/system/extra.swap': '[Swap]\nWhat=/extra\n'},
        where='/etc/systemd/system/extra.swap',
        severity='warning',
    ),
    '03 resume on the command line': Mutation(
        rule=f'{L}03',
        files=grub(f'linux /boot/vmlinuz resume=LABEL=swap {CONSOLES}'),
        where='/boot/grub/grub.cfg',
        severity='warning',
    ),
    '03 resume in the initramfs': Mutation(
        rule=f'{L}03',
        files={'/etc/initramfs-tools/conf.d/resume': 'RESUME=UUID=1\n'},
        where='/etc/initramfs-tools/conf.d/resume',
        severity='warning',
    ),
    '04 LUKS1': Mutation(
        rule=f'{L}04', spoil=patch(BIOS, LUKS1 + bytes(504)), where=BIOS
    ),
    '04 second header of LUKS2': Mutation(
        rule=f'{L}04',
        spoil=patch(BIOS + 0x4000, b'SKUL\xba\xbe\x00\x02'),
        where=BIOS + 0x4000,
    ),
    '04 type': Mutation(
        rule=f'{L}04',
        spoil=lambda path: run(
            'sgdisk', f'--typecode=2:{partitions.LUKS}', path
        ),
        also=FIVE,
        where=entry(2),
    ),
    '04 encrypt flag': Mutation(
        rule=f'{L}04',
        mke2fs=('-O', 'encrypt'),
        severity='warning',
        where=SUPERBLOCK + 96,
    ),
    '04 crypttab': Mutation(
        rule=f'{L}04',
        files={'/etc/crypttab': '# a comment\ndata /dev/disk/by-id/x none\n'},
        where='/etc/crypttab',
    ),
    '05 one more partition': Mutation(
        rule=f'{L}05',
        spoil=sgdisk(f'--new=4:{GAP // 512}:{ROOT // 512 - 1}'),
        severity='warning',
        where=entry(4),
    ),
    '05 /home by itself': Mutation(
        rule=f'{L}05',
        files=fstab(f'UUID={images.ROOT_UUID} /home ext4 defaults 0 2'),
        severity='warning',
        where='/etc/fstab',
    ),
    '06 something behind the root': Mutation(
        rule=f'{L}06',
        spoil=sgdisk(
            '--typecode=2:ef02',
            f'--new=4:{images.ROOT_END // 512}:+64K',
            '--typecode=4:ef02',
        ),
        where=entry(4),
    ),
    '06 logical root': Mutation(
        rule=f'{L}06', spoil=logical_root, where=(ROOT - MIB) + 446
    ),
    '07 RAID 1.2': Mutation(
        rule=f'{L}07', spoil=raid(BIOS + 4096, '1.2'), where=BIOS + 4096
    ),
    '07 RAID 1.1': Mutation(
        rule=f'{L}07', spoil=raid(BIOS, '1.1'), where=BIOS
    ),
    '07 RAID 1.0': Mutation(
        rule=f'{L}07', spoil=raid(GAP - 8192, '1.0'), where=GAP - 8192
    ),
    '07 RAID 0.90': Mutation(
        rule=f'{L}07', spoil=raid(GAP - 65536, '0.90'), where=GAP - 65536
    ),
    '07 type': Mutation(
        rule=f'{L}07',
        spoil=sgdisk('--typecode=2:fd00'),
        also=FIVE,
        where=entry(2),
    ),
    '07 bcache': Mutation(
        rule=f'{L}07',
        spoil=patch(
            BIOS + 4096 + 24,
            uuid.UUID('c68573f6-4e1a-45ca-8265-f57f48ba6d81').bytes,
        ),
        where=BIOS + 4096 + 24,
    ),
    '07 arrays known': Mutation(
        rule=f'{L}07',
        files={'/etc/mdadm/mdadm.conf': 'HOMEHOST x\nARRAY /dev/md0\n'},
        where='/etc/mdadm/mdadm.conf',
    ),
    '07 paths known': Mutation(
        rule=f'{L}07',
        files={'/etc/multipath/wwids': '# wwids\n/3600/\n'},
        where='/etc/multipath/wwids',
    ),
    '08 hybrid MBR': Mutation(rule=f'{L}08', spoil=hybrid),
    '08 boot flag': Mutation(
        rule=f'{L}08', spoil=patch(446, b'\1'), where=446
    ),
    '08 protective start': Mutation(
        rule=f'{L}08', spoil=patch(454, b'\2'), where=446
    ),
    '08 header checksum': Mutation(
        rule=f'{L}08', spoil=patch(512 + 8 + 8, b'\xff'), where=512 + 16
    ),
    '08 entries checksum': Mutation(
        rule=f'{L}08', spoil=patch(1024 + 120, b'x'), where=1024
    ),
    '08 no backup': Mutation(
        rule=f'{L}08',
        spoil=patch(images.SIZE - 512, bytes(512)),
        where=images.SIZE - 512,
    ),
    '08 backup not at the end': Mutation(
        rule=f'{L}08',
        spoil=lambda path: path.open('r+b').truncate(images.SIZE + MIB),
        where=512 + 32,
    ),
    '08 no table but the backup': Mutation(
        rule=f'{L}08', spoil=patch(512, bytes(512)), where=512
    ),
    '08 not aligned': Mutation(
        rule=f'{L}08',
        spoil=sgdisk(
            '--set-alignment=1',
            '--delete=2',
            f'--new=2:{BIOS // 512 + 1}:{GAP // 512 - 1}',
            '--typecode=2:ef02',
        ),
        severity='warning',
        where=entry(2),
    ),
    '08 cut short': Mutation(
        rule=f'{L}08',
        spoil=lambda path: path.open('r+b').truncate(images.ROOT_END - MIB),
        also=frozenset(),
    ),
    '09 device in fstab': Mutation(
        rule=f'{L}09',
        files=fstab('/dev/vdb1 /mnt auto nofail 0 2'),
        also=frozenset({'EGI-ONE-04'}),
        where='/etc/fstab',
    ),
    '09 device on the command line': Mutation(
        rule=f'{L}09',
        files=grub(f'linux /boot/vmlinuz root=/dev/sda1 {CONSOLES}'),
        where='/boot/grub/grub.cfg',
    ),
    '09 loop device in grub.cfg': Mutation(
        rule=f'{L}09',
        files=grub(f'linux /boot/vmlinuz root=/dev/loop0p3 {CONSOLES}'),
        where='/boot/grub/grub.cfg',
    ),
    '09 unknown UUID on the command line': Mutation(
        rule=f'{L}09',
        files=grub(f'linux /boot/vmlinuz root=UUID=dead-beef {CONSOLES}'),
        where='/boot/grub/grub.cfg',
    ),
    '09 unknown UUID to search for': Mutation(
        rule=f'{L}09',
        files=grub('search --no-floppy --fs-uuid --set=root dead-beef'),
        where='/boot/grub/grub.cfg',
    ),
    '09 unknown label in fstab': Mutation(
        rule=f'{L}09',
        files=fstab('LABEL=nowhere /boot ext4 defaults 0 2'),
        where='/etc/fstab',
    ),
    '09 device in a boot entry': Mutation(
        rule=f'{L}09',
        files={
            '/boot/loader/entries/a.conf': 'options root=/dev/nvme0n1p3 '
            f'{CONSOLES}\n'
        },
        where='/boot/loader/entries/a.conf',
    ),
    '10 metadata_csum_seed for an old GRUB': Mutation(
        rule=f'{L}10',
        mke2fs=('-O', 'metadata_csum_seed'),
        where=SUPERBLOCK + 96,
    ),
    '10 orphan_file for an old e2fsck': Mutation(
        rule=f'{L}10',
        mke2fs=('-O', 'orphan_file'),
        files={
            '/var/lib/dpkg/status': 'Package: e2fsprogs\nStatus: install ok '
            'installed\nVersion: 1.46.2-2\n'
        },
        where=SUPERBLOCK + 92,
    ),
    '10 meta_bg': Mutation(
        rule=f'{L}10',
        mke2fs=('-O', 'meta_bg,^resize_inode'),
        where=SUPERBLOCK + 96,
        unknown=BITMAPS,
    ),
    '10 casefold': Mutation(
        rule=f'{L}10', mke2fs=('-O', 'casefold'), where=SUPERBLOCK + 96
    ),
    '11 not unmounted': Mutation(
        rule=f'{L}11',
        spoil=superblock(0x3A, '<H', lambda value: value & ~1),
        where=SUPERBLOCK + 0x3A,
    ),
    '11 errors seen': Mutation(
        rule=f'{L}11',
        spoil=superblock(0x3A, '<H', lambda value: value | 2),
        where=SUPERBLOCK + 0x3A,
    ),
    '11 journal': Mutation(
        rule=f'{L}11',
        spoil=superblock(96, '<I', lambda value: value | 4),
        where=SUPERBLOCK + 96,
        unknown=BITMAPS,
    ),
    '11 orphans': Mutation(
        rule=f'{L}11',
        spoil=superblock(0xE8, '<I', lambda value: 12),
        where=SUPERBLOCK + 0xE8,
    ),
    '11 orphan file in use': Mutation(
        rule=f'{L}11',
        spoil=superblock(100, '<I', lambda value: value | 0x10000),
        where=SUPERBLOCK + 100,
    ),
    '11 mounted often': Mutation(
        rule=f'{L}11',
        spoil=superblock(0x34, '<H', lambda value: 30),
        severity='info',
        where=SUPERBLOCK + 0x34,
    ),
    '11 superblock checksum': Mutation(
        rule=f'{L}11',
        spoil=patch(SUPERBLOCK + 1020, b'\0\0\0\0'),
        where=SUPERBLOCK + 1020,
    ),
    '11 group descriptors': Mutation(
        rule=f'{L}11',
        spoil=patch(ROOT + 2048 + 30, b'\0\0'),
        where=ROOT + 2048,
    ),
    '11 FAT not unmounted': Mutation(
        rule=f'{L}11', spoil=patch(ESP + 0x25, b'\1'), where=ESP + 0x25
    ),
    '11 second entry of the FAT': Mutation(rule=f'{L}11', spoil=dirty_fat),
}


def about_the_disk(found: report.Report) -> list[report.Result]:
    return [
        result
        for result in found.results
        if registry.get(result.rule).subject is rule.Subject.IMAGE
    ]


@pytest.mark.parametrize(
    'arguments',
    [
        ('-O', 'qcow2', '-c', '-o', 'compression_type=zlib'),
        ('-O', 'qcow2', '-c', '-o', 'compression_type=zstd'),
        ('-O', 'qcow2', '-c', '-o', 'compat=0.10'),
        ('-O', 'qcow2', '-o', 'cluster_size=512'),
        ('-O', 'qcow2', '-c', '-o', 'cluster_size=2M,compression_type=zstd'),
        ('-O', 'qcow2', '-o', 'preallocation=metadata'),
    ],
    ids=' '.join,
)
def test_qcow2_of_an_image_gets_the_report_of_the_raw(
    sound, tmp_path, arguments
):
    spoilt = images.copy(sound, tmp_path / 'disk.raw')
    swap_in_gap(spoilt)
    packed = tmp_path / 'disk.qcow2'
    run('qemu-img', 'convert', '-f', 'raw', *arguments, spoilt, packed)
    raw, qcow2 = (mutations.audit(path) for path in (spoilt, packed))
    assert (raw.format, qcow2.format) == ('raw', 'qcow2')
    # What is said of the file itself differs, and must.
    assert about_the_disk(qcow2) == about_the_disk(raw)
    assert f'{L}03' in qcow2.failed


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)
