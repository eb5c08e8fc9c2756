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

"""Enter a mount namespace's own /dev, /proc and TMP_DIR, then run a program.

It is started by ``unshare``, as the first process of new mount and PID
namespaces: whatever the program mounts or starts ends with it.  It also
takes every variable out of the environment that was not meant for it.
"""

import argparse
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from image_pipeline.host import process

#: Names of the variables that the program gets, with colons between.
KEEP_VARIABLE = 'IMAGE_PIPELINE_KEEP'
#: What programs expect in /dev: (name, major, minor); Linux's
#: Documentation/admin-guide/devices.txt.
_NODES = (
    ('null', 1, 3),
    ('zero', 1, 5),
    ('full', 1, 7),
    ('random', 1, 8),
    ('urandom', 1, 9),
    ('tty', 5, 0),
)
_LINKS = (
    ('fd', '/proc/self/fd'),
    ('stdin', '/proc/self/fd/0'),
    ('stdout', '/proc/self/fd/1'),
    ('stderr', '/proc/self/fd/2'),
    ('ptmx', 'pts/ptmx'),
)


def command(
    argv: Sequence[str],
    *,
    python: str,
    folder: Path,
    memory: int,
    own_dev: bool,
) -> list[str]:
    """Return the command line that runs a program in namespaces of its own.

    :param argv: the program's command line.
    :param python: the interpreter that has this package.
    :param folder: what becomes the program's folder for temporary files.
    :param memory: bytes of a tmpfs there; 0: none, the folder itself.
    :param own_dev: whether it gets a /dev of its own; the host's devices
        (loop, device mapper) are not in there.
    """
    options = [f'--memory={memory}', f'--folder={folder}']
    if own_dev:
        options.append('--own-dev')
    return [
        # Our own death, even by kill -9, ends unshare, and that the rest.
        *('setpriv', '--pdeathsig', 'KILL'),
        'unshare',
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        '--mount-proc',
        *('--propagation', 'private'),
        *(python, '-P', '-m', 'image_pipeline.dib.namespace'),
        *options,
        '--',
        *argv,
    ]


def kept(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that were meant for the program.

    :param environment: all of them; :data:`KEEP_VARIABLE` names those.
    """
    names = environment.get(KEEP_VARIABLE, '').split(':')
    names.append(process.RUN_VARIABLE)
    return {name: environment[name] for name in names if name in environment}


def make_dev(host: process.Runner, path: Path = Path('/dev')) -> None:
    """Mount a /dev that has no device of the host's.

    DIB binds /dev into the tree that it builds, and removes that tree: with
    the host's own, a bind that stayed would cost the host its devices.

    :param host: runs mount.
    :param path: where.
    """
    host.run(['mount', '-t', 'tmpfs', '-o', 'mode=755,size=4m', 'dev', path])
    for name, major, minor in _NODES:
        os.mknod(path / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        (path / name).chmod(0o666)
    for name, target in _LINKS:
        (path / name).symlink_to(target)
    for name in ('pts', 'shm'):
        (path / name).mkdir()
    options = 'newinstance,ptmxmode=0666,mode=620,gid=5'
    host.run(['mount', '-t', 'devpts', '-o', options, 'devpts', path / 'pts'])
    host.run(['mount', '-t', 'tmpfs', '-o', 'mode=1777', 'shm', path / 'shm'])


def main(arguments: Sequence[str]) -> None:
    """Set the namespace up and become the program.

    :param arguments: options, ``--``, the program's command line.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument('--folder', type=Path, required=True)
    parser.add_argument('--memory', type=int, default=0)
    parser.add_argument('--own-dev', action='store_true')
    parser.add_argument('argv', nargs='+')
    given = parser.parse_args(arguments)
    host = process.Host()
    if given.memory:
        options = f'mode=755,size={given.memory}'
        host.run(['mount', '-t', 'tmpfs', '-o', options, 'tree', given.folder])
    if given.own_dev:
        make_dev(host)
    # It may be inside of the folder that was mounted just now.
    Path(os.environ['TMP_DIR']).mkdir(exist_ok=True)
    os.umask(0o022)
    # bash's own programs, not those of the folder that we were started in.
    os.chdir('/')
    os.execvpe(given.argv[0], given.argv, kept(os.environ))  # noqa: S606


if __name__ == '__main__':
    main(sys.argv[1:])
