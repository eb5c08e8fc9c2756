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


"""The saved state: databases and keys as they are when they are new."""

import contextlib
import hashlib
import shutil
import subprocess
from pathlib import Path

from devcloudlib import instance, packages

#: What is saved, under the state folder.
_WHAT = ('mysql', 'keys', 'synchronised')


def save(cloud: instance.Instance) -> None:
    """Save the state of a devcloud; its MariaDB is stopped.

    :param cloud: the devcloud.
    """
    cloud.saved.mkdir(exist_ok=True)
    for old in cloud.saved.iterdir():
        # Of other packages, or of an earlier devcloud.
        old.unlink()
    file = _file(cloud)
    new = file.with_name('new')
    new.touch(0o600)
    if _tar(cloud, '--create', '--file', new, *_WHAT):
        new.rename(file)
    else:
        # The next one is slower to start; that is all.
        new.unlink()


def restore(cloud: instance.Instance) -> bool:
    """Give a devcloud without a state the saved one, if it still fits.

    :param cloud: the devcloud; it does not run.
    :return: whether there was one.
    """
    file = _file(cloud)
    if not file.exists():
        return False
    cloud.state.mkdir(parents=True, exist_ok=True)
    if not _tar(cloud, '--extract', '--file', file):
        shutil.rmtree(cloud.state)
        file.unlink()
        return False
    return True


def forget(cloud: instance.Instance, *, everything: bool = False) -> None:
    """Remove what the services of a devcloud have kept.

    :param cloud: the devcloud; it does not run.
    :param everything: its network, its passwords and the saved state too.
    """
    for folder in (cloud.state, cloud.log, cloud.etc):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
    cloud.override({})
    if everything:
        # The lock stays, for somebody may be waiting for it.
        shutil.rmtree(cloud.saved, ignore_errors=True)
        (cloud.root / 'settings.json').unlink(missing_ok=True)
        cloud.clouds_yaml.unlink(missing_ok=True)


def _tar(cloud: instance.Instance, *argv: str | Path) -> bool:
    # Most of it is zeros, which the fastest level does away with.
    command = ['tar', '-I', 'gzip -1', '-C', cloud.state, *argv]
    return subprocess.run(command, check=False).returncode == 0


def _file(cloud: instance.Instance) -> Path:
    # The databases know their own path, address and passwords; the tables
    # are those of the packages; the rest is ours.
    known = hashlib.sha256()
    known.update((cloud.root / 'settings.json').read_bytes())
    known.update(str(cloud.root).encode())
    known.update(packages.versions().encode())
    for module in sorted(Path(__file__).parent.glob('*.py')):
        known.update(module.read_bytes())
    return cloud.saved / f'{known.hexdigest()[:16]}.tar.gz'
