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

import os

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.stages import zerofree
from image_pipeline.testing import fakes
from image_pipeline.testing.conformance import stage

BLOCK = 4096
#: As dumpe2fs 1.47 prints it, shortened.
DUMP = """\
Filesystem features:      has_journal ext_attr {features}
Block count:              256
Free blocks:              156
First block:              0
Block size:               4096

Group 0: (Blocks 0-255) csum 0xbe27
  Block bitmap at 2 (+2)
  Free blocks: {free}
  Free inodes: 13-64
"""


def make_disk(folder, dirty=b'', size=256 * BLOCK):
    """Make a disk without a partition table that seems to be ext4."""
    path = folder / 'disk.raw'
    content = bytearray(size)
    content[1080:1082] = b'\x53\xef'
    content[10 * BLOCK : 11 * BLOCK] = b'u' * BLOCK
    content[150 * BLOCK : 150 * BLOCK + len(dirty)] = dirty
    path.write_bytes(content)
    return artifact.Artifact(
        kind=artifact.DISK,
        path=path,
        digest='',
        size=size,
        properties={'virtual_size': size},
    )


def arrange(folder, disk=None, host=None, features='', free='100-255'):
    host = host or fakes.FakeHost()
    host.answer('dumpe2fs', stdout=DUMP.format(features=features, free=free))
    return fakes.stage_context(
        folder,
        host=host,
        inputs={artifact.DISK: disk or make_disk(folder)},
    )


def run(context):
    made = zerofree.ZerofreeStage(zerofree.ZerofreeOptions()).run(context)
    return next(iter(made))


class TestZerofreeRun(stage.StageRunConformance):
    name = 'zerofree'

    def arrange(self, folder, host):
        disk = make_disk(folder, b'deleted')
        context = arrange(folder, disk, host)
        return zerofree.ZerofreeStage(zerofree.ZerofreeOptions()), context


def test_clean_disk_is_passed_on_as_it_is(tmp_path):
    context = arrange(tmp_path)
    assert run(context) is context.inputs[artifact.DISK]
    assert list(context.work_dir.iterdir()) == []
    assert 'is clean' in context.log.read_text()


def test_dirty_disk_is_copied_without_its_free_blocks(tmp_path):
    disk = make_disk(tmp_path, b'deleted secret')
    context = arrange(tmp_path, disk)
    made = run(context)
    before, after = disk.path.read_bytes(), made.path.read_bytes()
    assert made.path != disk.path
    assert b'secret' in before
    assert after[: 100 * BLOCK] == before[: 100 * BLOCK]
    assert not any(after[100 * BLOCK :])
    assert os.stat(made.path).st_blocks * 512 <= 100 * BLOCK
    assert made.properties == disk.properties
    assert f'first at byte {150 * BLOCK}' in context.log.read_text()


def test_clean_copy_is_clean(tmp_path):
    (tmp_path / '1').mkdir()
    (tmp_path / '2').mkdir()
    made = run(arrange(tmp_path / '1', make_disk(tmp_path, b'deleted')))
    again = arrange(tmp_path / '2', made)
    assert run(again) is made


def test_used_blocks_between_free_ones_stay(tmp_path):
    disk = make_disk(tmp_path, b'd')
    made = run(arrange(tmp_path, disk, free='1-9, 11, 150'))
    before, after = disk.path.read_bytes(), made.path.read_bytes()
    kept = slice(10 * BLOCK, 11 * BLOCK)
    assert after[kept] == before[kept] == b'u' * BLOCK
    assert after[150 * BLOCK] == 0


def test_other_file_systems_are_passed_on(tmp_path):
    disk = make_disk(tmp_path, b'deleted')
    with disk.path.open('r+b') as file:
        file.write(bytes(2048))
    context = arrange(tmp_path, disk)
    assert run(context) is disk
    assert context.host.calls == []
    assert 'no ext file system' in context.log.read_text()


@pytest.mark.parametrize(
    ('features', 'what'),
    [('needs_recovery', 'not unmounted cleanly'), ('bigalloc', 'clusters')],
)
def test_file_system_that_cannot_be_judged_is_refused(
    tmp_path, features, what
):
    context = arrange(tmp_path, features=features)
    with pytest.raises(exceptions.StageFailed, match=what) as refused:
        run(context)
    assert refused.value.hint


def test_damaged_file_system_is_a_clear_error(tmp_path):
    host = fakes.FakeHost()
    host.answer(
        'dumpe2fs',
        stderr='dumpe2fs: Bad magic number',
        returncode=1,
    )
    context = fakes.stage_context(
        tmp_path, host=host, inputs={artifact.DISK: make_disk(tmp_path)}
    )
    with pytest.raises(exceptions.StageFailed, match='is damaged'):
        run(context)


def test_file_system_larger_than_its_partition_is_refused(tmp_path):
    context = arrange(tmp_path, free='100-999')
    with pytest.raises(exceptions.StageFailed, match='larger than'):
        run(context)


def test_output_that_is_not_understood_is_an_error(tmp_path):
    host = fakes.FakeHost()
    host.answer('dumpe2fs', stdout='something else')
    context = fakes.stage_context(
        tmp_path, host=host, inputs={artifact.DISK: make_disk(tmp_path)}
    )
    with pytest.raises(exceptions.StageFailed, match='not understood'):
        run(context)
