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

"""Images with flipped bits through all readers: told, never more.

Each image is judged in a process of its own, which may take neither long
nor much memory, nor die.  ``IMAGE_PIPELINE_FUZZ`` says how many images (a
few hundred in CI), ``IMAGE_PIPELINE_FUZZ_SEED`` which.
"""

import os
import random
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.audit import profile, registry, runner
from image_pipeline.host import process
from image_pipeline.testing import images

COUNT = int(os.environ.get('IMAGE_PIPELINE_FUZZ', '200'))
SEED = int(os.environ.get('IMAGE_PIPELINE_FUZZ_SEED', '1'))
#: Seconds and bytes that one image may take; the usual is 0.05 s.
SECONDS, MEMORY = 30, 1 << 30
HOST = process.Host()
JUDGED, REFUSED, DEFECT = 0, 1, 2


@pytest.fixture(scope='module')
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('sound')
    return images.build(folder / 'disk.raw', host=HOST)


def pack(raw: Path, *options: str) -> Path:
    path = raw.with_suffix('.qcow2')
    HOST.run(
        ['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', *options, raw,
         path]
    )  # fmt: skip
    return path


FORMS: dict[str, Callable[[Path], Path]] = {
    'raw': lambda raw: raw,
    'qcow2 plain': pack,
    'qcow2 zlib': lambda raw: pack(raw, '-c'),
    'qcow2 zstd': lambda raw: pack(raw, '-c', '-o', 'compression_type=zstd'),
}


def judge(path: Path, egi: profile.Profile) -> int:
    """Judge an image; return how it ended."""
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
def test_image_with_flipped_bits_is_judged_or_refused(sound, tmp_path, form):
    egi = profile.load('egi', registry.rules())
    path = FORMS[form](images.copy(sound, tmp_path / 'disk.raw'))
    whole = path.read_bytes()
    used = [
        start // 512
        for start in range(0, len(whole), 512)
        if whole.count(0, start, start + 512) < min(512, len(whole) - start)
    ]
    chance = random.Random(f'{SEED} {form}')
    ends: dict[int, int] = {}
    for number in range(COUNT // len(FORMS)):
        flipped = flips(whole, used, chance)
        for place, value in flipped.items():
            images.patch(path, place, bytes([value]))
        end = judge_apart(path, egi)
        ends[end] = ends.get(end, 0) + 1
        if end not in (JUDGED, REFUSED):
            keep = os.environ.get('IMAGE_PIPELINE_FUZZ_KEEP')
            if keep:
                images.copy(path, Path(keep))
            pytest.fail(f'image {number} of {form}: {flipped}: {end}')
        for place in flipped:
            images.patch(path, place, whole[place : place + 1])
    assert ends.get(JUDGED), 'every image was refused at once'


@pytest.mark.parametrize('form', list(FORMS))
def test_image_cut_anywhere_is_judged_or_refused(sound, tmp_path, form):
    egi = profile.load('egi', registry.rules())
    path = FORMS[form](images.copy(sound, tmp_path / 'disk.raw'))
    chance = random.Random(f'{SEED} {form}')
    length = path.stat().st_size
    cuts = sorted(
        (chance.randrange(length) for _ in range(COUNT // 10)), reverse=True
    )
    for cut in cuts:
        os.truncate(path, cut)
        assert judge_apart(path, egi) in (JUDGED, REFUSED), cut
