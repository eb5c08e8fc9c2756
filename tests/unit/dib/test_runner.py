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

from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.dib import runner
from image_pipeline.testing import fakes

_RUNNING = 'dib-run-parts Running /tmp/in_target.d/install.d/10-foo\n'


def _run(
    folder: Path, host: fakes.FakeHost, **told: object
) -> runner.Composed:
    return runner.run(
        ['tiny'],
        environment={'_LIB': '/lib', 'ARCH': 'amd64', 'TOKEN': 'hunter2'},
        found={'tiny': folder / 'tiny'},
        work_dir=folder,
        memory=0,
        own_dev=True,
        host=host,
        log=folder / 'log',
        progress=told.get('progress', lambda *words: None),
    )


def _make_disk(folder: Path) -> None:
    (folder / 'disk.raw').write_text('disk')


def test_memory_is_taken_only_where_there_is_plenty() -> None:
    plenty = 'MemTotal: 1 kB\nMemAvailable:   20971520 kB\n'
    assert runner.memory_for_tree(plenty) == int((20 << 30) * 0.4)
    assert runner.memory_for_tree('MemAvailable:  2097152 kB\n') == 0
    assert runner.memory_for_tree('') == 0


def test_nothing_secret_is_on_the_command_line(tmp_path: Path) -> None:
    host = fakes.FakeHost()
    host.answer(effect=lambda call: _make_disk(tmp_path))
    _run(tmp_path, host)
    assert 'hunter2' not in ' '.join(host.argvs[0])
    assert host.calls[0].env['TOKEN'] == 'hunter2'


def test_no_element_is_added(tmp_path: Path) -> None:
    host = fakes.FakeHost()
    host.answer(effect=lambda call: _make_disk(tmp_path))
    _run(tmp_path, host)
    assert '-n' in host.argvs[0]
    assert host.argvs[0][-1] == 'tiny'


def test_each_script_is_told(tmp_path: Path) -> None:
    told: list[tuple[object, ...]] = []
    host = fakes.FakeHost()
    host.answer(stdout=_RUNNING, effect=lambda call: _make_disk(tmp_path))
    _run(tmp_path, host, progress=lambda *words: told.append(words))
    assert told == [(1, None, 'phase:install.d 10-foo')]


def test_the_log_ends_with_the_seconds_of_each_phase(tmp_path: Path) -> None:
    host = fakes.FakeHost()
    host.answer(
        stdout=f'{_RUNNING}dib-run-parts 10-foo completed\n',
        effect=lambda call: _make_disk(tmp_path),
    )
    _run(tmp_path, host)
    lines = (tmp_path / 'log').read_text().splitlines()[-2:]
    assert [line.partition(':')[0] for line in lines] == ['install.d', 'all']


def test_a_failure_names_script_and_element(tmp_path: Path) -> None:
    script = tmp_path / 'tiny/install.d/10-foo'
    script.parent.mkdir(parents=True)
    script.touch()
    host = fakes.FakeHost()
    host.answer(stdout=f'{_RUNNING}the reason\n', returncode=3)
    with pytest.raises(exceptions.CommandFailed) as failed:
        _run(tmp_path, host)
    assert str(failed.value) == (
        'install.d/10-foo of the element tiny failed with exit status 3'
    )
    assert failed.value.tail == ('the reason',)
    assert failed.value.log == str(tmp_path / 'log')


@pytest.mark.parametrize(
    'why',
    [
        'Could not connect to m.example:80 (192.0.2.1). - connect (111: '
        'Connection refused)',
        "Temporary failure resolving 'm.example'",
        "Could not resolve 'm.example'",
        'Unable to connect to m.example:http:',
        '503  Service Unavailable [IP: 192.0.2.1 80]',
    ],
)
def test_a_mirror_that_cannot_be_reached_is_worth_trying_again(
    tmp_path: Path, why: str
) -> None:
    host = fakes.FakeHost()
    host.answer(
        stdout=f'{_RUNNING}Reading package lists...\n'
        f'E: Failed to fetch http://m.example/dists/x/InRelease  {why}\n'
        'E: Some index files failed to download.\n',
        returncode=25,
    )
    with pytest.raises(exceptions.Unavailable) as failed:
        _run(tmp_path, host)
    assert 'the mirror m.example could not be reached' in str(failed.value)
    assert why.rstrip(':') in str(failed.value)
    assert 'install.d/10-foo failed with exit status 25' in str(failed.value)
    assert failed.value.tail[-1] == 'E: Some index files failed to download.'
    assert failed.value.log == str(tmp_path / 'log')
    assert '[mirrors]' in str(failed.value.hint)


@pytest.mark.parametrize(
    'line',
    [
        'E: Failed to fetch http://m.example/a.deb  404  Not Found',
        'E: Failed to fetch http://m.example/a.deb  Hash Sum mismatch',
        'E: Unable to locate package nonesuch',
    ],
)
def test_a_mirror_that_answers_is_no_mirror_that_is_down(
    tmp_path: Path, line: str
) -> None:
    host = fakes.FakeHost()
    host.answer(stdout=f'{_RUNNING}{line}\n', returncode=100)
    with pytest.raises(exceptions.CommandFailed):
        _run(tmp_path, host)


def test_a_failure_outside_scripts_says_the_last_line(tmp_path: Path) -> None:
    host = fakes.FakeHost()
    host.answer(stdout='Terminating...\n', returncode=1)
    with pytest.raises(exceptions.CommandFailed, match='Terminating'):
        _run(tmp_path, host)


def test_success_without_a_disk_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(exceptions.CommandFailed, match='made no disk'):
        _run(tmp_path, fakes.FakeHost())
