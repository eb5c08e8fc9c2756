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

"""diskimage-builder really runs, in its namespaces, on a tiny system.

The system is a folder with a few files, so nothing is downloaded and no
script runs inside it; everything around it is real.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.host import cancellation, loops, process
from image_pipeline.stages import compose, registry
from image_pipeline.testing import fakes

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason='diskimage-builder needs root'
)

_LAYOUT = """
- tree_image:
    name: image0
- tree_gpt:
    base: image0
    name: gpt
    partitions:
      - name: root
        type: "8304"
        mkfs:
          name: mkfs_root
          mount:
            mount_point: /
            fstab:
              options: defaults
"""
_STATUS = """Package: tiny
Status: install ok installed
Architecture: all
Source: tiny-src (2.0)
Version: 1.0

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1.0
"""
_ROOT = """#!/bin/bash
set -eu
cd $TARGET_ROOT
mkdir -p dev/pts etc proc root run sys tmp var/log var/lib/dpkg usr/lib
env > usr/lib/environment-of-the-build
cat > var/lib/dpkg/status <<'EOF'
%s
EOF
"""


class _Elements:
    """A folder of elements that a test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def script(self, element: str, path: str, text: str) -> None:
        file = self.folder / element / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def write(self, element: str, path: str, text: str) -> None:
        file = self.folder / element / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def elements(tmp_path: Path) -> _Elements:
    made = _Elements(tmp_path / 'elements')
    made.write('tiny-os', 'element-provides', 'operating-system\nblock-device')
    made.write('tiny-os', 'block-device-default.yaml', _LAYOUT)
    made.script('tiny-os', 'root.d/10-make-files', _ROOT % _STATUS)
    made.script(
        'tiny-os',
        'cleanup.d/999-finished',
        '#!/bin/bash\ntouch "$TMP_BUILD_DIR/tree-finished"\n',
    )
    return made


#: What stages journaled: their loop devices go by it.
_RECORDED = fakes.Recorded()


@pytest.fixture
def leftovers(tmp_path: Path) -> Iterator[None]:
    """Fail a test that leaves mounts or loop devices."""

    _RECORDED.undo.clear()
    yield
    assert str(tmp_path) not in Path('/proc/self/mountinfo').read_text()
    marks = [str(one.arguments['mark']) for one in _RECORDED.undo]
    _until(lambda: not _attached(str(tmp_path), *marks))


def _compose(
    tmp_path: Path,
    names: list[str],
    *,
    secrets: dict[str, str] | None = None,
    cancelled: cancellation.CancellationToken | None = None,
    run_id: str = 'run-of-a-test',
    **options: object,
) -> dict[str, artifact.Artifact]:
    stage = registry.make(
        'compose',
        {'elements': names, 'element_path': ['elements']}
        | ({'secrets': list(secrets)} if secrets else {})
        | options,
    )
    assert isinstance(stage, compose.ComposeStage)
    token = cancelled or cancellation.CancellationToken()
    context = fakes.stage_context(
        tmp_path,
        host=process.Host(
            run_id=run_id,
            cancelled=token,
            redact=process.Redactor(list((secrets or {}).values())),
        ),
        cancelled=token,
        secrets=secrets,
        recorded=_RECORDED,
        recipe_file=tmp_path / 'recipe.yaml',
        which=process.Host().which,
        is_root=True,
    )
    assert list(stage.check(context.plan)) == []
    return {made.kind: made for made in stage.run(context)}


def _debugfs(disk: Path, command: str) -> str:
    return subprocess.run(
        ['debugfs', '-R', command, f'{disk}?offset={1 << 20}'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.usefixtures('leftovers')
def test_elements_become_a_disk_and_a_list_of_packages(
    tmp_path: Path, elements: _Elements
) -> None:
    made = _compose(tmp_path, ['tiny-os'])
    disk = made[artifact.DISK].path
    checked = subprocess.run(
        ['e2fsck', '-fn', f'{disk}?offset={1 << 20}'], capture_output=True
    )
    assert checked.returncode == 0, checked.stdout
    fstab = _debugfs(disk, 'cat /etc/fstab')
    assert fstab.startswith('UUID=')
    assert fstab.endswith(' / ext4 defaults 0 2\n')
    assert json.loads(made[artifact.PACKAGES].path.read_text()) == [
        {
            'name': 'tiny',
            'version': '1.0',
            'architecture': 'all',
            'source': 'tiny-src',
            'source_version': '2.0',
        }
    ]
    assert list((tmp_path / 'work/build').iterdir()) == []


@pytest.mark.usefixtures('leftovers')
def test_elements_see_no_variable_that_was_not_meant_for_them(
    tmp_path: Path,
    elements: _Elements,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('AMBIENT_VARIABLE', 'of whoever runs this')
    monkeypatch.setenv('DIB_AMBIENT_VARIABLE', 'of whoever runs this')
    made = _compose(
        tmp_path,
        ['tiny-os'],
        environment={'DIB_WANTED': 'yes', 'A_FLAG': True},
    )
    seen = _debugfs(
        made[artifact.DISK].path, 'cat /usr/lib/environment-of-the-build'
    )
    assert 'AMBIENT_VARIABLE' not in seen
    assert 'DIB_WANTED=yes\n' in seen
    assert 'A_FLAG=1\n' in seen


@pytest.mark.usefixtures('leftovers')
def test_a_failing_script_is_named_with_its_element_and_last_words(
    tmp_path: Path, elements: _Elements
) -> None:
    elements.script(
        'broken',
        'extra-data.d/50-break',
        '#!/bin/bash\necho "the reason"\nexit 7\n',
    )
    with pytest.raises(exceptions.CommandFailed) as failed:
        _compose(tmp_path, ['tiny-os', 'broken'])
    assert 'extra-data.d/50-break of the element broken' in str(failed.value)
    assert 'the reason' in failed.value.tail
    assert failed.value.log == str(tmp_path / 'stage.log')
    assert not (tmp_path / 'work/disk.raw').exists()


@pytest.mark.usefixtures('leftovers')
def test_a_secret_reaches_the_element_but_neither_log_nor_image(
    tmp_path: Path, elements: _Elements
) -> None:
    elements.script(
        'careful',
        'extra-data.d/50-use-it',
        '#!/bin/bash\necho "token: $DIB_TOKEN"\n[ ${#DIB_TOKEN} -eq 14 ]\n',
    )
    # The script of tiny-os writes its environment into the image.
    elements.script(
        'tiny-os', 'root.d/90-forget', '#!/bin/bash\n'
        'rm $TARGET_ROOT/usr/lib/environment-of-the-build\n'
    )  # fmt: skip
    _compose(
        tmp_path,
        ['tiny-os', 'careful'],
        secrets={'DIB_TOKEN': 'hunter2hunter2'},
    )
    log = (tmp_path / 'stage.log').read_text()
    assert 'token: ***' in log
    assert 'hunter2' not in log


@pytest.mark.usefixtures('leftovers')
def test_a_secret_that_an_element_wrote_into_the_image_is_refused(
    tmp_path: Path, elements: _Elements
) -> None:
    with pytest.raises(exceptions.StageFailed, match='DIB_TOKEN') as failed:
        _compose(
            tmp_path, ['tiny-os'], secrets={'DIB_TOKEN': 'hunter2hunter2'}
        )
    assert 'hunter2' not in str(failed.value)


@pytest.mark.usefixtures('leftovers')
def test_an_unfinished_tree_is_not_packed(
    tmp_path: Path, elements: _Elements
) -> None:
    (elements.folder / 'tiny-os/cleanup.d/999-finished').unlink()
    with pytest.raises(exceptions.CommandFailed):
        _compose(tmp_path, ['tiny-os'])
    assert list((tmp_path / 'work').glob('*.raw*')) == []


_STOCK = """
- local_loop:
    name: image0
    mkfs:
      name: mkfs_root
      mount:
        mount_point: /
        fstab:
          options: defaults
"""


@pytest.mark.skipif(
    not Path('/dev/loop-control').exists(), reason='needs loop devices'
)
@pytest.mark.usefixtures('leftovers')
def test_a_layout_of_stock_nodes_is_left_to_dib(
    tmp_path: Path, elements: _Elements
) -> None:
    (tmp_path / 'layout.yaml').write_text(_STOCK)
    made = _compose(
        tmp_path,
        ['tiny-os'],
        block_device='layout.yaml',
        minimum_size='200MiB',
    )
    disk = made[artifact.DISK]
    assert not disk.properties['packed']
    assert disk.size == 0 or disk.size == disk.path.stat().st_size
    _run_e2fsck(disk.path)
    fstab = subprocess.run(
        ['debugfs', '-R', 'cat /etc/fstab', disk.path],
        capture_output=True,
        text=True,
    ).stdout
    assert fstab.startswith('LABEL=cloudimg-rootfs / ext4')


@pytest.mark.skipif(
    not Path('/dev/loop-control').exists(), reason='needs loop devices'
)
@pytest.mark.usefixtures('leftovers')
def test_a_failure_with_stock_nodes_leaves_no_loop_device(
    tmp_path: Path, elements: _Elements
) -> None:
    (tmp_path / 'layout.yaml').write_text(_STOCK)
    elements.script('tiny-os', 'cleanup.d/50-die', '#!/bin/bash\nexit 1\n')
    with pytest.raises(exceptions.CommandFailed):
        _compose(
            tmp_path,
            ['tiny-os'],
            block_device='layout.yaml',
            minimum_size='200MiB',
        )


@pytest.mark.skipif(
    not Path('/dev/loop-control').exists(), reason='needs loop devices'
)
@pytest.mark.usefixtures('leftovers')
def test_loop_devices_that_were_left_are_detached(tmp_path: Path) -> None:
    names = [f'loops-{uuid.uuid4().hex}' for _ in range(2)]
    ours, other = (tmp_path / name / 'disk' for name in names)
    for file in (ours, other):
        file.parent.mkdir()
        file.write_bytes(bytes(1 << 20))
    subprocess.run(['losetup', '--find', ours], check=True)
    subprocess.run(['losetup', '--find', other], check=True)
    loops.detach(names[0])
    _until(lambda: not _attached(str(ours)))
    assert _attached(str(other))
    loops.detach(names[1])


@pytest.mark.skipif(
    not Path('/dev/loop-control').exists(), reason='needs loop devices'
)
@pytest.mark.usefixtures('leftovers')
def test_loop_devices_that_a_kill_left_are_detached_by_reap(
    tmp_path: Path, elements: _Elements, pipeline: Any
) -> None:
    (tmp_path / 'layout.yaml').write_text(_STOCK)
    elements.script(
        'tiny-os',
        'cleanup.d/50-wait',
        f'#!/bin/bash\ntouch {tmp_path}/waits\nsleep 600\n',
    )
    recipe = tmp_path / 'recipe.yaml'
    recipe.write_text(
        'version: 1\nimage: {name: tiny}\nstages:\n'
        '- compose: {elements: [tiny-os], element_path: [elements],\n'
        '    block_device: layout.yaml, minimum_size: 200MiB}\n'
    )
    with pipeline.start('bake', recipe) as running:
        waits = tmp_path / 'waits'
        _until(lambda: waits.exists() or running.poll() is not None)
        assert running.poll() is None, running.communicate()
        running.kill()
    told = pipeline('reap', '--dry-run', '-f', 'json').out
    mark = re.search(r'loop devices of (loops-\w+)', told)
    assert mark, told
    assert _attached(mark[1])
    done = pipeline('reap')
    assert done.status == 0, done.err
    _until(lambda: not _attached(mark[1]))
    assert pipeline('reap', '-f', 'json').json == []


@pytest.mark.usefixtures('leftovers')
def test_cancelling_stops_everything_at_once(
    tmp_path: Path, elements: _Elements
) -> None:
    elements.script(
        'slow', 'extra-data.d/50-wait', '#!/bin/bash\necho waits\nsleep 600\n'
    )
    token = cancellation.CancellationToken()
    log, run_id = tmp_path / 'stage.log', str(uuid.uuid4())

    def cancel() -> None:
        try:
            _until(lambda: log.exists() and 'waits' in log.read_text())
        finally:
            token.cancel('SIGINT')

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(exceptions.Interrupted):
        _compose(
            tmp_path,
            ['tiny-os', 'slow'],
            cancelled=token,
            run_id=run_id,
        )
    thread.join()
    assert process.kill_run(run_id) == []


@pytest.mark.usefixtures('leftovers')
def test_nothing_survives_a_kill_of_the_pipeline(
    tmp_path: Path, elements: _Elements
) -> None:
    elements.script(
        'slow', 'extra-data.d/50-wait', '#!/bin/bash\necho waits\nsleep 600\n'
    )
    run_id = str(uuid.uuid4())
    script = (
        'import runpy, sys; from pathlib import Path;'
        f'made = runpy.run_path({__file__!r});'
        'made["_compose"](Path(sys.argv[1]), ["tiny-os", "slow"],'
        ' run_id=sys.argv[2])'
    )
    log = tmp_path / 'stage.log'
    with subprocess.Popen(
        [sys.executable, '-c', script, tmp_path, run_id],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        while not log.exists() or 'waits' not in log.read_text():
            assert running.poll() is None
            time.sleep(0.1)
        running.send_signal(signal.SIGKILL)
    _until(lambda: not _processes(run_id))


def _until(condition: Callable[[], bool]) -> None:
    """Wait for what the kernel does in its own time."""
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, 'it did not happen'
        time.sleep(0.1)


def _attached(*parts: str) -> list[str]:
    """The files behind this host's loop devices with these in their paths."""
    found = []
    for file in Path('/sys/block').glob('loop*/loop/backing_file'):
        with contextlib.suppress(OSError):
            found.append(file.read_text())
    return [file for file in found if any(part in file for part in parts)]


def _run_e2fsck(disk: Path) -> None:
    done = subprocess.run(['e2fsck', '-fn', disk], capture_output=True)
    assert done.returncode == 0, done.stdout


def _processes(run_id: str) -> list[int]:
    mark = f'{process.RUN_VARIABLE}={run_id}'.encode()
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            if mark in (folder / 'environ').read_bytes().split(b'\0'):
                found.append(int(folder.name))
        except OSError:
            continue
    return found
