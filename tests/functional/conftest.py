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

"""What the functional tests share: disks."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope='session')
def small_disk(shared_folder: Path) -> Path:
    """A raw GPT disk of 64 MiB with an ESP and an ext4 root; read-only.

    Made by other programs than ours, from a tree with a few files and links.
    """
    folder = shared_folder / 'small-disk'
    folder.mkdir(exist_ok=True)
    disk = folder / 'disk.raw'
    with (folder / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not disk.exists():
            _make_small_disk(folder, folder / 'new.raw')
            (folder / 'new.raw').rename(disk)
            disk.chmod(0o444)
    return disk


def _make_small_disk(folder: Path, disk: Path) -> None:
    tree = folder / 'tree'
    (tree / 'etc').mkdir(parents=True)
    (tree / 'boot').mkdir()
    (tree / 'etc' / 'os-release').write_text('ID=small\n')
    (tree / 'etc' / 'absolute').symlink_to('/etc/os-release')
    (tree / 'etc' / 'loop').symlink_to('loop')
    (tree / 'etc' / 'outside').symlink_to('../../../../etc/os-release')
    with disk.open('wb') as file:
        file.truncate(64 << 20)
    esp, root, end = 2048, 2048 + (8 << 11), (64 << 11) - 2048
    _run(
        'sgdisk',
        *('-n', f'1:{esp}:{root - 1}', '-t', '1:EF00'),
        *('-n', f'2:{root}:{end - 1}', '-t', '2:8304'),
        disk,
    )
    _run(
        'mke2fs',
        *('-q', '-F', '-t', 'ext4', '-L', 'cloudimg-rootfs'),
        *('-E', f'offset={root * 512},root_owner=0:0', '-d', tree),
        disk,
        f'{(end - root) // 2}k',
    )
    fat = folder / 'esp.fat'
    with fat.open('wb') as file:
        file.truncate((root - esp) * 512)
    _run('mkfs.vfat', '-n', 'ESP', fat)
    with disk.open('r+b') as file:
        file.seek(esp * 512)
        file.write(fat.read_bytes())
    fat.unlink()


def _run(*argv: str | os.PathLike[str]) -> None:
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        env=dict(os.environ) | {'PATH': f'{os.environ["PATH"]}:/usr/sbin'},
    )
    assert done.returncode == 0, done.stdout + done.stderr
