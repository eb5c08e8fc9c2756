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

"""File systems that would make a walk endless: bounded, and told.

``IMAGE_PIPELINE_MANY`` says how many files (a million by hand takes a minute
to be made and seconds to be read).
"""

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from image_pipeline.audit import rule, view
from image_pipeline.disk import reader
from image_pipeline.host import process

HOST = process.Host()
COUNT = int(os.environ.get('IMAGE_PIPELINE_MANY', '30000'))
FOLDERS = 30
#: Bytes of address space that a census may take beside what there is.
MEMORY = 512 << 20


def xfs(path: Path, folders: int, files: int) -> Path:
    """Make an XFS with folders, and as many files in each."""
    empty = path.with_name('empty')
    empty.touch()
    lines = ['/boot', '0 0', 'd--755 0 0', 'etc d--755 0 0']
    lines += [f'fstab ---644 0 0 {empty}', '$', 'usr d--755 0 0', '$']
    for number in range(folders):
        lines += [f'{number:05} d--755 0 0']
        lines += [f'file-{one:07} ---644 0 0 {empty}' for one in range(files)]
        lines += ['$']
    proto = path.with_name('proto')
    proto.write_text('\n'.join([*lines, '$', '']))
    with path.open('wb') as file:
        file.truncate((320 << 20) + folders * files * 1024 * 4)
    HOST.run(['mkfs.xfs', '-q', '-i', 'maxpct=80', '-p', proto, path])
    return path


def apart(look: Callable[[], bool]) -> bool:
    """Look in a child that may not take much memory; tell what it saw."""
    child = os.fork()
    if not child:
        seen = False
        try:
            pages = int(Path('/proc/self/statm').read_text().split()[0])
            limit = pages * resource.getpagesize() + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            seen = look()
        finally:
            os._exit(0 if seen else 1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def test_many_small_files_are_seen_or_said_to_be_too_many(tmp_path):
    path = xfs(tmp_path / 'disk.raw', FOLDERS, COUNT // FOLDERS)

    def look() -> bool:
        with reader.open_disk(path) as disk:
            census = view.ImageView(disk).census
            if census.truncated:
                return 100_000 < len(census.entries) < COUNT
            return len(census.entries) > COUNT and not census.unread

    assert apart(look)


def ext4(path: Path, *commands: str) -> Path:
    """Make an ext4 with a few folders, and do something to it."""
    tree = path.with_name('tree')
    for name in ('etc', 'usr/lib', 'usr/share'):
        (tree / name).mkdir(parents=True)
    (tree / 'etc/fstab').touch()
    (tree / 'usr/lib/file').write_text('x')
    with path.open('wb') as file:
        file.truncate(8 << 20)
    HOST.run(['mke2fs', '-q', '-F', '-t', 'ext4', '-d', tree, path])
    for command in commands:
        HOST.run(['debugfs', '-w', '-R', command, path])
    return path


@pytest.mark.parametrize(
    ('commands', 'why'),
    [
        (('ln /usr /usr/lib/again',), 'twice'),
        (('ln / /usr/lib/root',), 'twice'),
        (('sif /usr/share size 0x7fffffff0000',), 'bytes'),
        (('sif /usr/share block[0] 0',), 'extent tree'),
    ],
    ids=['circle', 'root below itself', 'size', 'extents'],
)
def test_folder_that_cannot_be_is_told_and_the_rest_is_seen(
    tmp_path, commands, why
):
    path = ext4(tmp_path / 'disk.raw', *commands)
    with reader.open_disk(path) as disk:
        census = view.ImageView(disk).census
        found = {entry.path for entry in census.entries}
        assert {'/etc/fstab', '/usr/lib/file', '/usr/share'} <= found
        assert len(found) == len(census.entries) < 20
        with pytest.raises(rule.CannotTell, match=why):
            census.need_whole()
