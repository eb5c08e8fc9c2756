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

"""The file itself, and what lies beside it, are spoilt; one rule says so."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from image_pipeline.disk import safety
from image_pipeline.host import process
from image_pipeline.testing import images, mutations
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()


def converted(*arguments: str, name: str = 'disk.qcow2'):
    """Make a qcow2 file of the image."""

    def spoil(path: Path) -> Path:
        target = path.with_name(name)
        HOST.run(
            ['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', *arguments,
             path, target]
        )  # fmt: skip
        path.unlink()
        return target

    return spoil


def snapshot(path: Path) -> Path:
    target = converted('-c')(path)
    HOST.run(['qemu-img', 'snapshot', '-c', 'before', target])
    return target


def wrong_checksum(path: Path) -> None:
    """Write a checksum of something else beside it."""
    digits = hashlib.sha512(b'something else').hexdigest()
    path.with_name('SHA512SUMS').write_text(f'{digits}  {path.name}\n')


def ova(*order: str, subformat: str = 'streamOptimized', manifest: str = ''):
    """Put an OVA of the image beside it."""

    def spoil(path: Path) -> None:
        disk = path.with_suffix('.vmdk')
        HOST.run(
            ['qemu-img', 'convert', '-f', 'raw', '-O', 'vmdk', '-o',
             f'subformat={subformat}', path, disk]
        )  # fmt: skip
        content = {
            'disk.ovf': b'<Envelope/>',
            'disk.vmdk': disk.read_bytes(),
        }
        disk.unlink()
        content['disk.mf'] = ''.join(
            f'SHA256({name})= {manifest or hashlib.sha256(data).hexdigest()}\n'
            for name, data in content.items()
        ).encode()
        with tarfile.open(path.with_suffix('.ova'), 'w') as tar:
            for name in order or ('disk.ovf', 'disk.mf', 'disk.vmdk'):
                entry = tarfile.TarInfo(name)
                entry.size = len(content[name])
                tar.addfile(entry, io.BytesIO(content[name]))

    return spoil


F = 'EGI-FMT-0'
MUTATIONS = {
    '01 not compressed': Mutation(
        rule=f'{F}1', spoil=converted(), severity='warning'
    ),
    '01 version 2': Mutation(
        rule=f'{F}1',
        spoil=converted('-c', '-o', 'compat=0.10'),
        severity='warning',
    ),
    '02 snapshot': Mutation(rule=f'{F}2', spoil=snapshot),
    '03 qcow2 by the name of raw': Mutation(
        rule=f'{F}3', spoil=converted('-c', name='other.raw')
    ),
    '03 qcow2 by a vague name': Mutation(
        rule=f'{F}3', spoil=converted('-c', name='disk.img'), severity='info'
    ),
    '04 checksum of another file': Mutation(
        rule=f'{F}4', spoil=wrong_checksum
    ),
    'OVA-01 disk first': Mutation(
        rule='EGI-OVA-01',
        spoil=ova('disk.vmdk', 'disk.ovf', 'disk.mf'),
        severity='warning',
    ),
    'OVA-01 wrong manifest': Mutation(
        rule='EGI-OVA-01', spoil=ova(manifest='0' * 64)
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)


@pytest.mark.parametrize('compression', ['zlib', 'zstd'])
def test_compressed_image_of_either_kind_is_sound(
    sound, tmp_path, compression
):
    path = images.copy(sound, tmp_path / 'disk.raw')
    packed = converted('-c', '-o', f'compression_type={compression}')(path)
    assert mutations.audit(packed).failed == ()


def test_checksums_and_an_ova_that_are_right_are_sound(sound, tmp_path):
    path = images.copy(sound, tmp_path / 'disk.raw')
    ova()(path)
    digits = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / 'SHA256SUMS').write_text(f'{digits} *disk.raw\n')
    found = mutations.audit(path)
    outcomes = {result.rule: result.outcome for result in found.results}
    assert outcomes['EGI-FMT-04'] == outcomes['EGI-OVA-01'] == 'pass'


def sgdisk(*arguments: str):
    return lambda path: HOST.run(['sgdisk', *arguments, path], ok=(0, 2, 3, 4))


def raw(path: Path) -> None:
    with path.open('wb') as file:
        file.truncate(8 << 20)


def dos(path: Path) -> None:
    raw(path)
    table = bytearray(512)
    table[446 + 4 : 446 + 16] = bytes.fromhex('83feffff0008000000200000')
    table[510:] = b'\x55\xaa'
    images.patch(path, 0, bytes(table))


def create(*arguments: str):
    return lambda path: HOST.run(
        ['qemu-img', 'create', '-q', '-f', 'qcow2', *arguments, path, '1M']
    )


def compressed(path: Path) -> None:
    source = path.with_name('source')
    raw(source)
    HOST.run(
        ['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-c', '-o',
         'compression_type=zstd', source, path]
    )  # fmt: skip


def backed(path: Path) -> None:
    raw(path.with_name('base'))
    create('-F', 'raw', '-b', str(path.with_name('base')))(path)


def data_file(path: Path) -> None:
    create('-o', f'data_file={path.with_name("data")}')(path)


def ext4(path: Path) -> None:
    raw(path)
    HOST.run(['mke2fs', '-q', '-F', '-t', 'ext4', path])


def gpt(path: Path) -> None:
    raw(path)
    sgdisk('--new=1:2048:4095')(path)


def hybrid(path: Path) -> None:
    gpt(path)
    sgdisk('--hybrid=1')(path)


def bad_flag(path: Path) -> None:
    dos(path)
    images.patch(path, 446, b'\1')


#: What oslo.utils says of files that real tools made: format, and the check
#: that fails.
VECTORS = {
    'plain': (create(), 'qcow2', None),
    'zstd': (compressed, 'qcow2', None),
    'extended_l2': (
        create('-o', 'extended_l2=on'), 'qcow2', 'unknown_features',
    ),
    'data_file': (data_file, 'qcow2', 'data_file'),
    'backing_file': (backed, 'qcow2', 'backing_file'),
    'ext4': (ext4, 'raw', None),
    'gpt': (gpt, 'gpt', None),
    'hybrid': (hybrid, 'gpt', 'mbr'),
    'dos': (dos, 'gpt', None),
    'boot flag': (bad_flag, 'gpt', 'mbr'),
}  # fmt: skip


@pytest.mark.parametrize('name', list(VECTORS))
def test_what_glance_would_say_of_a_file_is_known(name, tmp_path):
    make, detected, failure = VECTORS[name]
    path = tmp_path / 'x'
    make(path)
    found = safety.judge(path)
    assert found.formats == (detected,)
    assert [check for check, _ in found.failures] == (
        [] if failure is None else [failure]
    )
