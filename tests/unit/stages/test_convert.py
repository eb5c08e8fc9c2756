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

import dataclasses
import errno
import os

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.disk import qcow2_writer, reader
from image_pipeline.host import cancellation
from image_pipeline.stages import convert
from image_pipeline.testing import fakes
from image_pipeline.testing.conformance import stage


def make_disk(folder, content=b'text ' * 40000, size=1 << 20):
    path = folder / 'disk.raw'
    path.write_bytes(content)
    os.truncate(path, size)
    return artifact.Artifact(
        kind=artifact.DISK, path=path, digest='', size=size
    )


def run(folder, image_format='qcow2', disk=None, recorded=None, **options):
    folder.mkdir(exist_ok=True)
    disk = disk or make_disk(folder)
    context = fakes.stage_context(
        folder,
        inputs={artifact.DISK: disk},
        format=image_format,
        recorded=recorded,
    )
    made = convert.ConvertStage(convert.ConvertOptions(**options)).run(context)
    return next(iter(made))


def problems(folder, image_format='qcow2', **options):
    made = convert.ConvertStage(convert.ConvertOptions(**options))
    context = fakes.plan_context(folder, format=image_format)
    return [problem.message for problem in made.check(context)]


class TestConvertRun(stage.StageRunConformance):
    name = 'convert'

    def arrange(self, folder, host):
        context = fakes.stage_context(
            folder,
            host=host,
            inputs={artifact.DISK: make_disk(folder)},
            format='qcow2',
        )
        return convert.ConvertStage(convert.ConvertOptions()), context


@pytest.mark.parametrize(
    ('options', 'compression', 'level'),
    [
        ({}, 'zstd', 4),
        ({'fast': True}, 'zstd', 1),
        ({'compat': True}, 'zlib', 6),
        ({'compat': True, 'fast': True}, 'zlib', 1),
        ({'level': 9}, 'zstd', 9),
    ],
)
def test_qcow2_says_how_it_was_compressed(
    tmp_path, options, compression, level
):
    image = run(tmp_path, **options)
    found = image.properties
    assert found['format'] == 'qcow2'
    assert found['virtual_size'] == 1 << 20
    assert found['compressed'] is True
    assert (found['compression'], found['level']) == (compression, level)
    assert found['cluster_size'] == 65536
    with reader.open_disk(image.path) as disk:
        assert disk.read(0, 1 << 20) == (tmp_path / 'disk.raw').read_bytes()


def test_digests_are_those_of_the_file(tmp_path):
    import hashlib

    image = run(tmp_path)
    content = image.path.read_bytes()
    assert image.digest == f'sha256:{hashlib.sha256(content).hexdigest()}'
    assert image.properties['sha512'] == hashlib.sha512(content).hexdigest()
    assert image.size == len(content)


@pytest.mark.parametrize('fast', [False, True])
def test_same_disk_gives_the_same_file(tmp_path, fast):
    one = run(tmp_path / '1', fast=fast)
    other = run(tmp_path / '2', fast=fast)
    assert one.digest == other.digest


def test_raw_image_is_the_disk_itself(tmp_path):
    image = run(tmp_path, 'raw')
    assert image.path.samefile(tmp_path / 'disk.raw')
    assert image.properties['format'] == 'raw'
    assert image.properties['compressed'] is False


def test_raw_image_is_copied_where_it_cannot_be_linked(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EXDEV, 'Invalid cross-device link')

    monkeypatch.setattr(os, 'link', refuse)
    image = run(tmp_path, 'raw')
    disk = tmp_path / 'disk.raw'
    assert image.path.read_bytes() == disk.read_bytes()
    assert not image.path.samefile(disk)


def test_raw_disk_that_is_not_what_its_digest_says_is_refused(tmp_path):
    disk = dataclasses.replace(
        make_disk(tmp_path), digest='sha256:' + 'a' * 64
    )
    with pytest.raises(exceptions.DigestMismatch):
        run(tmp_path, 'raw', disk)


def test_progress_is_told_in_bytes(tmp_path):
    recorded = fakes.Recorded()
    run(tmp_path, recorded=recorded)
    assert {unit for _, _, unit in recorded.progress} == {'B'}


@pytest.mark.parametrize(
    ('size', 'said', 'what'),
    [
        (1 << 20, 1 << 21, 'cut short'),
        (1000, 1000, 'cut short'),
        (0, 0, 'empty'),
    ],
)
def test_truncated_disk_is_a_clear_error(tmp_path, size, said, what):
    disk = dataclasses.replace(make_disk(tmp_path, size=size), size=said)
    with pytest.raises(exceptions.ImageUnreadable, match=what):
        run(tmp_path, disk=disk)
    assert list((tmp_path / 'work').iterdir()) == []


def test_directory_as_disk_is_a_clear_error(tmp_path):
    disk = artifact.Artifact(
        kind=artifact.DISK, path=tmp_path, digest='', size=0
    )
    with pytest.raises(exceptions.ImageUnreadable, match='directory'):
        run(tmp_path, disk=disk)


def test_qcow2_as_disk_is_refused(tmp_path):
    image = run(tmp_path / 'first')
    disk = dataclasses.replace(image, kind=artifact.DISK)
    with pytest.raises(exceptions.ImageUnreadable, match='not a raw disk'):
        run(tmp_path / 'second', disk=disk)


def test_full_disk_is_a_clear_error_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(qcow2_writer._Writer, 'finish', full)
    with pytest.raises(exceptions.StageFailed, match='No space') as error:
        run(tmp_path)
    assert 'free some space' in error.value.hint
    assert list((tmp_path / 'work').iterdir()) == []


def test_cancelled_run_leaves_nothing(tmp_path):
    token = cancellation.CancellationToken()
    context = fakes.stage_context(
        tmp_path,
        inputs={artifact.DISK: make_disk(tmp_path)},
        format='qcow2',
        cancelled=token,
    )
    token.cancel('SIGINT')
    with pytest.raises(exceptions.Interrupted):
        convert.ConvertStage(convert.ConvertOptions()).run(context)
    assert list(context.work_dir.iterdir()) == []


def test_level_that_zlib_does_not_have_is_a_problem(tmp_path):
    assert problems(tmp_path, level=19) == []
    assert problems(tmp_path, compat=True, level=10) == [
        'zlib has levels up to 9, not 10'
    ]


def test_fast_and_level_exclude_each_other(tmp_path):
    assert len(problems(tmp_path, fast=True, level=2)) == 1


def test_format_of_a_target_that_cannot_be_made_is_a_problem(tmp_path):
    assert problems(tmp_path, 'vmdk') == [
        'images of the format vmdk cannot be made'
    ]


def test_identity_knows_the_library_that_compresses(tmp_path):
    def keys(image_format, **options):
        made = convert.ConvertStage(convert.ConvertOptions(**options))
        context = fakes.plan_context(tmp_path, format=image_format)
        return set(made.fingerprint(context))

    assert keys('qcow2') == {'zstd'}
    assert keys('qcow2', compat=True) == {'zlib'}
    assert keys('raw') == set()
