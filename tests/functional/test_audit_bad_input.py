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

"""Files that are no sound image: one clear message, the right exit status.

The audit runs as a user runs it; no answer may have a traceback.
"""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from image_pipeline.audit import registry, rule
from image_pipeline.host import process
from image_pipeline.testing import images, mutations
from image_pipeline.testing.disks import MIB, Link

HOST = process.Host()
#: Where the second header of LUKS 2 may be.
LUKS2 = images.BIOS_START + 0x4000
PROGRAM = Path(sys.executable).with_name('image-pipeline')


def audit(*argv: object) -> 'subprocess.CompletedProcess[str]':
    done = subprocess.run(
        [PROGRAM, 'audit', *map(str, argv)],
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert 'Traceback' not in done.stderr + done.stdout
    return done


def refused(*argv: object) -> str:
    done = audit(*argv)
    assert done.returncode == 2, done
    assert done.stdout == ''
    return done.stderr


@pytest.fixture(scope='module')
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('sound')
    return images.build(folder / 'disk.raw', host=HOST)


@pytest.fixture(scope='module')
def packed(sound: Path) -> Path:
    path = sound.with_suffix('.qcow2')
    HOST.run(
        ['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-c', sound, path]
    )
    return path


def test_sound_image_is_reported_as_json(sound):
    done = audit(sound, '-f', 'json', '--profile', mutations.PROFILE)
    assert done.returncode == 0
    (report,) = json.loads(done.stdout)
    assert report['image'] == str(sound)
    assert report['summary']['fail'] == report['summary']['unknown'] == 0
    assert report['summary']['pass'] > 20
    assert set(report['results'][0]) == {
        'rule', 'severity', 'outcome', 'evidence', 'remedy'
    }  # fmt: skip
    assert done.stderr == ''


def test_sound_image_is_reported_as_a_table_and_as_yaml(sound):
    table = audit(sound, '--passed').stdout
    assert 'EGI-LAYOUT-11' in table and 'pass' in table
    assert audit(sound, '-f', 'yaml').stdout.startswith('- image: ')


def test_bad_image_has_status_3_and_says_where(sound, tmp_path):
    bad = images.copy(sound, tmp_path / 'bad.raw')
    images.patch(bad, LUKS2, b'SKUL\xba\xbe\x00\x02')
    done = audit(sound, bad, '-f', 'json', '--profile', mutations.PROFILE)
    assert done.returncode == 3
    first, second = json.loads(done.stdout)
    assert first['summary']['fail'] == 0
    (failed,) = [r for r in second['results'] if r['outcome'] == 'fail']
    assert failed['rule'] == 'EGI-LAYOUT-04'
    assert failed['evidence'][0]['offset'] == LUKS2


def test_one_rule_alone_is_judged(sound):
    (report,) = json.loads(
        audit(sound, '--rule', 'EGI-LAYOUT-04', '-f', 'json').stdout
    )
    assert [r['rule'] for r in report['results']] == ['EGI-LAYOUT-04']


def test_waived_failure_has_status_0(sound, tmp_path):
    bad = images.copy(sound, tmp_path / 'bad.raw')
    images.patch(bad, LUKS2, b'SKUL\xba\xbe\x00\x02')
    waivers = tmp_path / 'w.yaml'
    waivers.write_text(
        'version: 1\nwaivers:\n- rule: EGI-LAYOUT-04\n'
        '  reason: the site wants it\n  expires: 9999-01-01\n'
    )
    done = audit(bad, '--waivers', waivers)
    assert done.returncode == 0
    assert 'the site wants it' in done.stdout


def test_expired_waiver_is_refused_at_its_line(sound, tmp_path):
    waivers = tmp_path / 'w.yaml'
    waivers.write_text(
        'version: 1\nwaivers:\n- rule: EGI-LAYOUT-04\n'
        '  reason: once\n  expires: 2020-01-01\n'
    )
    error = refused(sound, '--waivers', waivers)
    assert f'{waivers}:5' in error
    assert 'expired on 2020-01-01' in error


def test_unknown_rule_and_profile_are_guessed_at(sound):
    assert 'did you mean "EGI-LAYOUT-' in refused(
        sound, '--rule', 'EGI-LAYOUT-O1'
    )
    assert 'did you mean "egi"' in refused(sound, '--profile', 'egu')


def test_missing_file_directory_empty_file_and_device(tmp_path):
    empty = tmp_path / 'empty'
    empty.touch()
    assert 'no such file' in refused(tmp_path / 'x')
    assert 'is a directory' in refused(tmp_path)
    assert 'is empty' in refused(empty)
    assert 'device or a pipe' in refused('/dev/zero')


def test_sound_images_are_judged_beside_one_that_cannot_be_read(
    sound, tmp_path
):
    done = audit(tmp_path / 'x', sound, '-f', 'json')
    assert done.returncode == 2
    assert len(json.loads(done.stdout)) == 1
    assert 'no such file' in done.stderr


def test_backing_file_is_refused_unread(tmp_path, sound):
    secret = tmp_path / 'secret'
    secret.write_text('of the host' * 100)
    path = tmp_path / 'x.qcow2'
    HOST.run(
        ['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', secret,
         path]
    )  # fmt: skip
    assert 'backing file' in refused(path)


def test_data_file_is_refused(tmp_path):
    path = tmp_path / 'x.qcow2'
    HOST.run(
        ['qemu-img', 'create', '-q', '-f', 'qcow2', '-o',
         f'data_file={tmp_path}/data.raw', path, '1M']
    )  # fmt: skip
    assert 'another file' in refused(path)


def test_extended_l2_is_refused(tmp_path):
    path = tmp_path / 'x.qcow2'
    HOST.run(
        ['qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'extended_l2=on',
         path, '1M']
    )  # fmt: skip
    assert 'features that are not known' in refused(path)


def test_vmdk_that_names_a_file_of_the_host_is_refused(tmp_path, sound):
    path = tmp_path / 'x.vmdk'
    HOST.run(
        ['qemu-img', 'convert', '-f', 'raw', '-O', 'vmdk', '-o',
         'subformat=monolithicFlat', sound, path]
    )  # fmt: skip
    path.write_text(path.read_text().replace('x-flat.vmdk', '/etc/passwd'))
    error = refused(path)
    assert "'/etc/passwd' is not a file beside it" in error
    assert 'qemu-img convert -f vmdk' in error


@pytest.mark.parametrize('kept', [0.1, 0.5, 0.9, 0.99])
def test_qcow2_cut_short_is_refused(packed, tmp_path, kept):
    path = tmp_path / 'x.qcow2'
    data = packed.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    assert 'cut short' in refused(path)


def aes(path: Path) -> None:
    HOST.run(
        ['qemu-img', 'create', '-q', '-f', 'qcow2', '--object',
         'secret,id=s,data=abcdefghijklmnop', '-o',
         'encrypt.format=aes,encrypt.key-secret=s', path, '1M']
    )  # fmt: skip


def luks(path: Path) -> None:
    # Not by qemu-img: it times key derivation, and gives up at random where
    # the clock of a thread is coarse.  docs/interop/qcow2.rst of QEMU: the
    # method is at byte 32, the extensions come after the header, and that of
    # LUKS has the place of its own header, in clusters of its own.
    HOST.run(['qemu-img', 'create', '-q', '-f', 'qcow2', path, '1M'])
    with path.open('r+b') as file:
        end = file.seek(0, os.SEEK_END)
        place = -(-end // 65536) * 65536
        file.seek(place)
        file.write(b'LUKS\xba\xbe\x00\x01'.ljust(65536, b'\0'))
        file.seek(32)
        file.write(struct.pack('>I', 2))
        file.seek(100)
        (length,) = struct.unpack('>I', file.read(4))
        file.seek(length)
        others = file.read(512)
        file.seek(length)
        file.write(struct.pack('>IIQQ', 0x0537BE77, 16, place, 65536))
        file.write(others)


@pytest.mark.parametrize('encrypt', [aes, luks])
def test_encrypted_qcow2_fails_for_its_encryption(tmp_path, encrypt):
    path = tmp_path / 'x.qcow2'
    encrypt(path)
    done = audit(path, '-f', 'json')
    assert done.returncode == 3
    (report,) = json.loads(done.stdout)
    outcomes = {
        r['rule']: r['outcome']
        for r in report['results']
        if registry.get(r['rule']).subject is rule.Subject.IMAGE
    }
    assert outcomes.pop('EGI-LAYOUT-04') == 'fail'
    assert 'pass' not in outcomes.values()


def test_raw_image_cut_short_says_that_partitions_are_past_its_end(
    sound, tmp_path
):
    path = images.copy(sound, tmp_path / 'x.raw')
    with path.open('r+b') as file:
        file.truncate(images.ROOT_START + 4 * MIB)
    done = audit(path)
    assert done.returncode == 3
    assert 'partition 3 ends at byte' in done.stdout


def test_partition_past_the_end_is_told(tmp_path, sound):
    path = images.copy(sound, tmp_path / 'x.raw')
    # The last sector of partition 3, in both tables.
    for table in (1024, images.SIZE - 33 * 512):
        images.patch(path, table + 256 + 40, struct.pack('<Q', 1 << 50))
    done = audit(path)
    assert done.returncode == 3
    assert 'EGI-LAYOUT-08' in done.stdout
    assert f'the disk at {images.SIZE}' in done.stdout


def test_circle_of_links_in_the_image_is_no_trouble(tmp_path):
    path = images.build(
        tmp_path / 'x.raw',
        host=HOST,
        files={
            '/swapfile': Link('/swapfile'),
            '/etc/mdadm/mdadm.conf': Link('/etc/multipath/wwids'),
            '/etc/multipath/wwids': Link('../mdadm/mdadm.conf'),
            '/boot/loader/entries': Link('.'),
        },
    )
    assert audit(path).returncode == 0


def test_fstab_that_is_a_circle_or_a_folder_is_no_trouble(tmp_path):
    for number, fstab in enumerate((Link('fstab'), None)):
        path = images.build(
            tmp_path / f'{number}.raw', host=HOST, files={'/etc/fstab': fstab}
        )
        assert audit(path).returncode in (0, 3)


def test_link_out_of_the_image_stays_inside(tmp_path):
    outside = tmp_path / 'crypttab'
    outside.write_text('data /dev/disk/by-id/x none\n')
    path = images.build(
        tmp_path / 'x.raw',
        host=HOST,
        files={'/etc/crypttab': Link(f'../../../../../..{outside}')},
    )
    # The image has no such file; the host's is not read.
    assert audit(path, '--rule', 'EGI-LAYOUT-04').returncode == 0


@pytest.mark.parametrize(
    ('offset', 'length'),
    [(1024, 1024), (1024 + 64, 32), (2048, 4096), (2048, MIB)],
    ids=['superblock', 'features', 'descriptors', 'all tables'],
)
def test_corrupt_ext4_is_told_and_is_no_pass(sound, tmp_path, offset, length):
    path = images.copy(sound, tmp_path / 'x.raw')
    noise = b'\xa5\x5a\x3c' * length
    images.patch(path, images.ROOT_START + offset, noise[:length])
    done = audit(path)
    assert done.returncode == 3
    assert 'EGI-LAYOUT-11' in done.stdout or 'unknown' in done.stdout


def test_binary_file_that_is_no_image_is_told(tmp_path):
    path = tmp_path / 'x'
    path.write_bytes(os.urandom(MIB))
    done = audit(path)
    assert done.returncode == 3
    assert 'EGI-LAYOUT-01' in done.stdout


def test_audit_needs_no_rights_and_changes_nothing(sound):
    before = (sound.stat().st_mtime_ns, sound.read_bytes())
    sound.chmod(0o444)
    assert audit(sound).returncode == 0
    assert (sound.stat().st_mtime_ns, sound.read_bytes()) == before
