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

from image_pipeline.dib import output


def _read(*lines: str) -> output.Reader:
    times = iter(range(100))
    reader = output.Reader(clock=lambda: float(next(times)))
    for line in lines:
        reader.line(line)
    return reader


def test_a_script_has_its_phase_and_its_seconds() -> None:
    reader = _read(
        'dib-run-parts Running /tmp/in_target.d/install.d/10-foo',
        'words',
        'dib-run-parts 10-foo completed',
    )
    assert reader.scripts == [
        output.Script(phase='install.d', name='10-foo', seconds=1.0)
    ]
    assert reader.running is None


def test_scripts_outside_the_image_are_seen_too() -> None:
    reader = _read('dib-run-parts Running /x/dib_build.AbC/hooks/root.d/08-a')
    assert reader.running == ('root.d', '08-a')


def test_time_stamps_are_no_part_of_a_line() -> None:
    reader = _read(
        '2026-01-02 03:04:05.678 | dib-run-parts Running /h/root.d/1-a',
        '2026-01-02 03:04:05.679 | the reason',
    )
    assert reader.running == ('root.d', '1-a')
    assert list(reader.tail) == ['the reason']


def test_the_last_words_are_those_of_the_script_that_failed() -> None:
    reader = _read(
        'dib-run-parts Running /h/root.d/1-a',
        'of the first',
        'dib-run-parts 1-a completed',
        'dib-run-parts Running /h/root.d/2-b',
        'of the second',
        'Unmount /h/mnt/proc',
        '',
    )
    assert list(reader.tail) == ['of the second']


def test_phases_add_their_scripts_up_in_order() -> None:
    reader = _read(
        'dib-run-parts Running /h/root.d/1-a',
        'dib-run-parts 1-a completed',
        'dib-run-parts Running /h/install.d/1-b',
        'dib-run-parts 1-b completed',
        'dib-run-parts Running /h/root.d/2-c',
        'dib-run-parts 2-c completed',
    )
    assert reader.phases() == {'root.d': 2.0, 'install.d': 1.0}


def test_who_listens_is_told_when_a_script_begins() -> None:
    told: list[tuple[str, str, int]] = []
    reader = output.Reader(lambda *what: told.append(what))
    reader.line('dib-run-parts Running /h/root.d/1-a')
    reader.line('dib-run-parts 1-a completed')
    reader.line('dib-run-parts Running /h/root.d/2-b')
    assert told == [('root.d', '1-a', 1), ('root.d', '2-b', 2)]
