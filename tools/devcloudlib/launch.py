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


"""Starting a devcloud in namespaces of its own, and ending it."""

import contextlib
import ctypes
import ipaddress
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from devcloudlib import (
    config,
    control,
    errors,
    instance,
    network,
    packages,
    resources,
    saved,
)

# <sched.h>; os.unshare comes with Python 3.12.
_CLONE_NEWNS = 0x00020000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000

#: Seconds for everything to be ready, on a machine that does other things.
_READY = 900
#: Seconds for a devcloud to end by itself.
_END = 60


def start(
    cloud: instance.Instance,
    *,
    wanted: ipaddress.IPv4Network | None,
    say: Callable[[str], None],
) -> None:
    """Start a devcloud, and wait until it is ready.

    :param cloud: the devcloud.
    :param wanted: the network that it is to have, or None.
    :param say: told what goes on, a line at a time.
    :raises DevcloudError: if it cannot be; then nothing runs.
    """
    lacking = packages.missing()
    if lacking:
        raise errors.DevcloudError(
            f'{len(lacking)} packages are missing: {" ".join(lacking)}',
            'install them: tools/devcloud install',
        )
    holder = cloud.hold()
    try:
        chosen = _settings(cloud, wanted)
        _prepare(cloud, say)
        network.disconnect(chosen)
        network.check(chosen.network)
        pid = _spawn(cloud, holder)
        (cloud.run / 'pid').write_text(f'{pid}\n')
        try:
            network.connect(chosen, pid)
            _wait(cloud, say)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            network.disconnect(chosen)
            raise
    finally:
        os.close(holder)


def stop(cloud: instance.Instance) -> bool:
    """End a devcloud, and remove what the host has of it.

    :param cloud: the devcloud.
    :return: whether it ran.
    """
    ran = cloud.running
    if ran:
        pid = cloud.pid()
        os.kill(pid, signal.SIGTERM)
        if not _ended(cloud, _END):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            if not _ended(cloud, _END):
                raise errors.DevcloudError(
                    f'process {pid} does not end',
                    'look what it waits for: cat /proc/PID/stack',
                )
    with contextlib.suppress(errors.DevcloudError):
        network.disconnect(cloud.settings())
    return ran


def inside(cloud: instance.Instance, argv: list[str]) -> None:
    """Become a program that runs inside of a devcloud.

    :param cloud: the devcloud; it runs.
    :param argv: the program and its arguments.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_') or name == 'OS_CLOUD'
    }
    environment.setdefault('OS_CLOUD', 'devcloud')
    environment['OS_CLIENT_CONFIG_FILE'] = str(cloud.clouds_yaml)
    enter = [
        *('nsenter', f'--target={cloud.pid()}'),
        *('--net', '--mount', '--pid', f'--wd={Path.cwd()}', '--'),
    ]
    os.execvpe(enter[0], [*enter, *argv], environment)  # noqa: S606


def _settings(
    cloud: instance.Instance, wanted: ipaddress.IPv4Network | None
) -> instance.Settings:
    if not (cloud.root / 'settings.json').exists():
        free = wanted or network.choose(cloud.root)
        network.check(free)
        return cloud.choose(free)
    chosen = cloud.settings()
    if wanted not in (None, chosen.network):
        raise errors.DevcloudError(
            f'the devcloud in {cloud.root} has the network {chosen.network}, '
            f'not {wanted}',
            'its databases know it by that; to make it anew: devcloud reset '
            '--all',
        )
    return chosen


def _prepare(cloud: instance.Instance, say: Callable[[str], None]) -> None:
    if not (cloud.state / 'synchronised').exists():
        # Half a state is none.
        shutil.rmtree(cloud.state, ignore_errors=True)
        if saved.restore(cloud):
            say('from the saved state')
    cloud.state.mkdir(parents=True, exist_ok=True)
    cloud.log.mkdir(parents=True, exist_ok=True)
    config.write_all(cloud)
    resources.write_clouds_yaml(cloud)


def _spawn(cloud: instance.Instance, holder: int) -> int:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        # No exception may leave a copy of this program running.
        try:
            os.close(reader)
            _become_supervisor(cloud, holder, writer)
        except BaseException as error:
            os.write(writer, f'{error}'.encode())
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer.isdigit():
        raise errors.DevcloudError(
            f'no namespaces: {answer or "nothing was said"}',
            'devcloud needs a kernel with namespaces, and root with '
            'CAP_SYS_ADMIN (a container: --privileged)',
        )
    return int(answer)


def _become_supervisor(
    cloud: instance.Instance, holder: int, writer: int
) -> None:
    os.setsid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS | _CLONE_NEWPID | _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f'unshare: {os.strerror(number)}')
    first = os.fork()
    if first:
        os.write(writer, str(first).encode())
        os._exit(0)
    os.close(writer)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    log = os.open(
        cloud.log / 'supervisor.log',
        os.O_WRONLY | os.O_CREAT | os.O_APPEND,
        0o600,
    )
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.set_inheritable(holder, True)
    os.chdir('/')
    program = Path(__file__).parents[1] / 'devcloud'
    os.execv(  # noqa: S606
        sys.executable,
        [
            *(sys.executable, str(program)),
            *(f'--state-dir={cloud.root}', '_supervise'),
        ],
    )


def _wait(cloud: instance.Instance, say: Callable[[str], None]) -> None:
    seen = 0
    deadline = time.monotonic() + _READY
    while time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            status = control.ask(cloud, do='status')
        except errors.DevcloudError as error:
            if _alive(cloud):
                continue
            raise errors.DevcloudError(
                'it ended while it was starting',
                f'the reason may be in {cloud.log / "supervisor.log"}',
            ) from error
        for line in status['lines'][seen:]:
            say(line)
        seen = len(status['lines'])
        if status['failure']:
            raise errors.DevcloudError(*status['failure'])
        if status['ready']:
            return
    raise errors.DevcloudError(
        f'not ready after {_READY} s', f'its logs are in {cloud.log}'
    )


def _alive(cloud: instance.Instance) -> bool:
    pid = (cloud.run / 'pid').read_text().strip()
    try:
        stat = Path('/proc', pid, 'stat').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    # proc(5): the state comes after the name, which may have anything in it.
    return stat.rpartition(')')[2].split()[0] not in 'ZX'


def _ended(cloud: instance.Instance, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not cloud.running:
            return True
        time.sleep(0.1)
    return False
