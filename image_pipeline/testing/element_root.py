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

"""A root of its own to run the scripts of an element in.

A script runs as diskimage-builder would run it, but sees the host's programs,
read-only, and otherwise only the tree that the test prepared.  In a tree of
another distribution it sees the programs and units of that one: by name, for
the programs, and with the host's coreutils.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from image_pipeline import elements
from image_pipeline.audit import view
from image_pipeline.disk import files as disk_files
from image_pipeline.disk import folder
from image_pipeline.host import process
from image_pipeline.testing import disks

#: What a script sees; one in cleanup.d runs on the host.  /mnt is the own
#: /usr of the tree, in this namespace.
_ENTER = r"""
set -eu
root=$1 script=$2 hooks=$3 tools=$4
shift 4
for link in bin sbin lib lib64; do
    [ -e "$root/$link" ] || [ ! -L /$link ] || cp -a /$link "$root/$link"
done
mkdir -p "$root"/{usr/local,proc,dev,tmp,hooks,tools}
mount --bind "$root/usr" /mnt
for part in bin sbin lib lib32 lib64 libexec share; do
    [ -d "/usr/$part" ] || continue
    mkdir -p "$root/usr/$part"
    mount --bind "/usr/$part" "$root/usr/$part"
    mount -o remount,ro,bind "$root/usr/$part"
done
if [ -d /mnt/lib/systemd/system ]; then
    mount --bind /mnt/lib/systemd/system "$root/usr/lib/systemd/system"
fi
mount -t tmpfs tmpfs "$root/tools"
ln -s $(type -P $tools) "$root/tools"
for folder in /mnt/bin /mnt/sbin; do
    find $folder -maxdepth 1 -type f -size -64k \
        -exec install -m 755 -t "$root/tools" {} +
done
mount -t proc proc "$root/proc"
touch "$root/dev/null"
mount --bind /dev/null "$root/dev/null"
mount --bind "$hooks" "$root/hooks"
chroot=$(type -P chroot)
for one in $script; do
    case "$one" in
        cleanup.d/*) env -i "$@" PATH=/usr/sbin:/usr/bin "$hooks/$one" ;;
        *) env -i "$@" "$chroot" "$root" "/hooks/$one" ;;
    esac || { status=$?; echo "$one failed" >&2; exit $status; }
done
"""
#: The host's programs that a script finds in another distribution's tree.
_TOOLS = (
    'awk basename bash cat chmod chown cmp cp cut date dirname env expr find '
    'grep head id install ln ls mkdir mktemp mv readlink rm rmdir sed sh sort '
    'systemctl tail tee touch tr truncate uname uniq usermod wc xargs'
)


@dataclasses.dataclass(frozen=True)
class Root:
    """A tree that scripts are run in; it takes root.

    :param path: its folder.
    :param distribution: what ``DISTRO_NAME`` says.
    :param own_programs: whether scripts find only what the tree has in its
        ``/usr``, beside plain tools.
    """

    path: Path
    distribution: str = 'debian'
    own_programs: bool = False

    def write(self, name: str, text: str = '') -> Path:
        """Make a file, and the folders above it.

        :param name: its path in the tree.
        :param text: what is in it.
        """
        file = self.path / name.lstrip('/')
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def fill(self, content: Mapping[str, disks.Content]) -> None:
        """Make files, folders and links.

        :param content: by path, as for an image in memory.
        """
        for name, one in content.items():
            path = self.path / name.lstrip('/')
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(one, disks.Link):
                path.symlink_to(one.target)
            elif one is None or isinstance(one, disks.Folder):
                path.mkdir(exist_ok=True)
            else:
                said = one.content if isinstance(one, disks.File) else one
                data = said.encode() if isinstance(said, str) else said
                path.write_bytes(data)
                mode = one.mode if isinstance(one, disks.File) else 0o644
                path.chmod(mode)

    def read(self, name: str) -> str:
        """Return what is in a file.

        :param name: its path in the tree.
        """
        return (self.path / name.lstrip('/')).read_text()

    def files(self, name: str) -> list[str]:
        """Return the paths of all files and links below a folder.

        :param name: the folder's path in the tree.
        """
        return sorted(
            str(path.relative_to(self.path))
            for path in (self.path / name.lstrip('/')).rglob('*')
            if not path.is_dir() or path.is_symlink()
        )

    def image(self) -> view.ImageView:
        """Return the tree as an image, for rules to judge."""
        return TreeView(self.path)

    def run(
        self, element: str, script: str, **variables: str
    ) -> process.Completed:
        """Run a script of an element of ours.

        :param element: its name.
        :param script: its phase and name, such as ``install.d/10-do-it``;
            several are separated by spaces.
        :param variables: what the environment of the build has.
        """
        return self._run(script, elements.path() / element, variables)

    def enter(self, program: str, **variables: str) -> process.Completed:
        """Run a program of the tree in the tree.

        :param program: its path there.
        :param variables: its environment.
        """
        return self._run(program, self.path, variables)

    def _run(
        self, script: str, hooks: Path, variables: Mapping[str, str]
    ) -> process.Completed:
        path = '/tools'
        if not self.own_programs:
            path += ':/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin'
        environment = {
            'PATH': path,
            'ARCH': 'amd64',
            'DISTRO_NAME': self.distribution,
            'TARGET_ROOT': str(self.path),
            'LC_ALL': 'C',
            # The host's systemd is nobody to talk to.
            'SYSTEMD_OFFLINE': '1',
            **variables,
        }
        return process.Host().run(
            [
                'unshare', '--mount', '--pid', '--fork', 'bash', '-c',
                _ENTER, 'enter',
                self.path, script, hooks, _TOOLS,
                *(f'{name}={value}' for name, value in environment.items()),
            ],
            ok=range(256),
        )  # fmt: skip

    def run_all(self, element: str, **variables: str) -> None:
        """Run every script of an element, in the order of the phases.

        :param element: its name.
        :param variables: what the environment of the build has.
        :raises AssertionError: one of them failed.
        """
        found = ' '.join(scripts(elements.path() / element))
        done = self.run(element, found, **variables)
        said = f'{element}: {done.stdout}{done.stderr}'
        assert done.returncode == 0, said


class TreeView(view.ImageView):
    """A folder of the host, as an image without a disk.

    :param path: the folder.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(disks.MemoryDisk(disks.gpt_disk([])))
        self._files = disk_files.FileTree(folder.FolderFiles(path))


def scripts(element: Path) -> Iterator[str]:
    """Give the scripts of an element in the order in which they run.

    :param element: its folder.
    """
    for phase in (
        'pre-install.d', 'install.d', 'post-install.d', 'pre-finalise.d',
        'finalise.d', 'cleanup.d',
    ):  # fmt: skip
        for script in sorted((element / phase).glob('*')):
            if os.access(script, os.X_OK):
                yield f'{phase}/{script.name}'
