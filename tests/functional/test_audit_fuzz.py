"""Damaged images through all readers: told, never more.

Each image is read and judged in a process of its own, which may take neither
long nor much memory, nor die.  ``IMAGE_PIPELINE_FUZZ`` says how many images
(about a hundred in CI), ``IMAGE_PIPELINE_FUZZ_SEED`` which; ten thousand of
one seed take half an hour::

    IMAGE_PIPELINE_FUZZ=10000 pytest -s tests/functional/test_audit_fuzz.py
"""

import contextlib
import os
import random
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.audit import profile, registry, rule, runner, view
from image_pipeline.disk import reader
from image_pipeline.host import process
from image_pipeline.testing import images

COUNT = int(os.environ.get('IMAGE_PIPELINE_FUZZ', '80'))
SEED = int(os.environ.get('IMAGE_PIPELINE_FUZZ_SEED', '1'))
#: Of a form's images, one of so many is cut short instead of spoilt.
CUT = 6
#: Seconds and bytes that one image may take; the usual is 0.1 s.
SECONDS, MEMORY = 60, 1 << 30
HOST = process.Host()
JUDGED, REFUSED, DEFECT = 0, 1, 2


@pytest.fixture(scope='module')
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('sound')
    return images.build(folder / 'disk.raw', host=HOST)


@pytest.fixture(scope='module')
def sound_xfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a disk that is an XFS with folders of every form."""
    folder = tmp_path_factory.mktemp('xfs')
    (folder / 'fstab').write_text('LABEL=root / xfs defaults 0 1\n')
    (folder / 'large').write_bytes(random.Random(1).randbytes(300_000))
    lines = [
        '/boot', '0 0', 'd--755 0 0',
        'etc d--755 0 0', f'fstab ---644 0 0 {folder}/fstab',
        'mtab l--777 0 0 ../proc/self/mounts', '$',
        'usr d--755 0 0', f'large -u-755 0 0 {folder}/large',
    ]  # fmt: skip
    for count in (3, 60, 400, 3000):
        lines += [f'of-{count} d--755 0 0']
        lines += [
            f'a-name-that-is-long-{number:05} ---644 0 0 {folder}/fstab'
            for number in range(count)
        ]
        lines += ['$']
    (folder / 'proto').write_text('\n'.join([*lines, '$', '$', '']))
    path = folder / 'disk.raw'
    with path.open('wb') as file:
        file.truncate(320 << 20)
    HOST.run(
        ['mkfs.xfs', '-q', '-L', 'root', '-m', f'uuid={images.ROOT_UUID}',
         '-p', folder / 'proto', path]
    )  # fmt: skip
    HOST.run(
        ['xfs_db', '-x', '-c', 'path /etc/fstab',
         '-c', 'attr_set -s selinux -v 30', '-c', 'path /usr/large',
         '-c', 'attr_set -u note -v 3000', path]
    )  # fmt: skip
    return path


def pack(image_format: str, *options: str) -> Callable[[Path, Path], Path]:
    def convert(raw: Path, folder: Path) -> Path:
        path = folder / f'disk.{image_format}'
        HOST.run(
            ['qemu-img', 'convert', '-f', 'raw', '-O', image_format,
             *options, raw, path]
        )  # fmt: skip
        return path

    return convert


FORMS: dict[str, Callable[[Path, Path], Path]] = {
    'raw': lambda raw, folder: images.copy(raw, folder / 'disk.raw'),
    'qcow2 plain': pack('qcow2'),
    'qcow2 zlib': pack('qcow2', '-c'),
    'qcow2 zstd': pack('qcow2', '-c', '-o', 'compression_type=zstd'),
    'vmdk': pack('vmdk'),
    'vmdk compressed': pack('vmdk', '-o', 'subformat=streamOptimized'),
    'vhd': pack('vpc'),
    'vhdx': pack('vhdx', '-o', 'block_size=1M'),
    'vdi': pack('vdi'),
    'xfs': pack('qcow2'),
}


def look(path: Path) -> None:
    """Read every file of an image, as far as it can be read."""
    with reader.open_disk(path) as disk:
        image = view.ImageView(disk)
        tree = image.files
        for entry in image.census.entries:
            try:
                tree.xattrs(entry.path)
                if entry.stat.type is entry.stat.type.FILE:
                    tree.read_bytes(entry.path, 1 << 20)
            except (OSError, exceptions.ImageUnreadable):
                continue


def judge(path: Path, egi: profile.Profile) -> int:
    """Read and judge an image; return how it ended."""
    with contextlib.suppress(exceptions.ImageUnreadable, rule.CannotTell):
        look(path)
    try:
        report = runner.run(path, egi)
    except exceptions.ImageUnreadable:
        return REFUSED
    return DEFECT if 'the rule itself failed' in str(report) else JUDGED


def size() -> int:
    """Return the bytes of this process's address space; proc(5), statm."""
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    return pages * resource.getpagesize()


def judge_apart(path: Path, egi: profile.Profile) -> int:
    """Judge an image in a child, and return the child's end."""
    child = os.fork()
    if not child:
        end = DEFECT
        try:
            # What other tests left of threads and maps in this process is
            # not the image's.
            limit = size() + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            signal.alarm(SECONDS)
            end = judge(path, egi)
        finally:
            os._exit(end)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def used_sectors(whole: bytes) -> list[int]:
    return [
        start // 512
        for start in range(0, len(whole), 512)
        if whole.count(0, start, start + 512) < min(512, len(whole) - start)
    ]


def flips(
    whole: bytes, used: list[int], chance: random.Random
) -> dict[int, int]:
    """Choose bytes where there is something, mostly among the tables."""
    near = used[: max(len(used) // 8, 1)]
    found = {}
    for _ in range(chance.choice((1, 2, 5, 20))):
        sector = chance.choice(near if chance.random() < 0.7 else used)
        place = min(sector * 512 + chance.randrange(512), len(whole) - 1)
        found[place] = chance.choice(
            (0, 0xFF, 0x7F, whole[place] ^ 1 << chance.randrange(8))
        )
    return found


@pytest.mark.parametrize('form', list(FORMS))
def test_damaged_image_is_judged_or_refused(sound, sound_xfs, tmp_path, form):
    egi = profile.load('egi', registry.rules())
    path = FORMS[form](sound_xfs if form == 'xfs' else sound, tmp_path)
    # Here, so that no child has to import what this one has.
    assert judge(path, egi) == JUDGED
    whole = path.read_bytes()
    used = used_sectors(whole)
    chance = random.Random(f'{SEED} {form}')
    ends = {JUDGED: 0, REFUSED: 0}
    for number in range(max(COUNT // len(FORMS), CUT)):
        spoilt: dict[int, int] = {}
        if number % CUT == 1:
            os.truncate(path, chance.randrange(len(whole)))
        else:
            spoilt = flips(whole, used, chance)
            for place, value in spoilt.items():
                images.patch(path, place, bytes([value]))
        end = judge_apart(path, egi)
        if end not in ends:
            keep = os.environ.get('IMAGE_PIPELINE_FUZZ_KEEP')
            if keep:
                shutil.copyfile(path, keep)
            pytest.fail(f'image {number} of {form}: {spoilt}: {end}')
        ends[end] += 1
        if spoilt:
            for place in spoilt:
                images.patch(path, place, whole[place : place + 1])
        else:
            path.write_bytes(whole)
    print(f'{form}: {ends[JUDGED]} judged, {ends[REFUSED]} refused')
    assert ends[JUDGED], 'every image was refused at once'
