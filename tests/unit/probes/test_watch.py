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

import itertools

import pytest

from image_pipeline import exceptions
from image_pipeline.probes import console, protocol, registry, watch

NONCE = '0123456789abcdef'
PROBES = registry.select(['HYG-05', 'EGI-LAYOUT-03'])
LIMITS = watch.Limits(total=100, silence=20, answer=5)
FINISHED = (
    b'Cloud-init v. 22 finished at x. Datasource DataSourceConfigDrive [x]\n'
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watching(clock: Clock) -> watch.Watch:
    return watch.Watch(NONCE, PROBES, limits=LIMITS, clock=clock)


def answer(*names: str) -> bytes:
    return b''.join(
        line + b'\n'
        for name in names
        for line in protocol.encode(
            NONCE, '0' * 8, name, protocol.Answer(text='x')
        )
    )


ALL = answer('hello', *(probe.id for probe in PROBES))


def test_all_answers_end_the_watch_at_once(
    watching: watch.Watch, clock: Clock
) -> None:
    assert watching.look(b'Linux version 6', running=True) is None
    clock.now = 12
    heard = watching.look(b'Linux version 6\n' + ALL, running=True)
    assert heard and heard.diagnosis is None
    assert heard.seconds == 12
    assert {probe.id for probe in PROBES} <= heard.answers.keys()


def test_answers_count_even_if_the_machine_stopped_then(
    watching: watch.Watch,
) -> None:
    heard = watching.look(ALL, running=False)
    assert heard and heard.diagnosis is None


def test_panic_ends_the_watch_at_once(watching: watch.Watch) -> None:
    heard = watching.look(b'Kernel panic - not syncing: x', running=True)
    assert heard and heard.diagnosis
    assert heard.diagnosis.cause is console.Cause.KERNEL_PANIC
    assert heard.seconds == 0


def test_guest_that_answers_is_alive_whatever_it_printed(
    watching: watch.Watch,
) -> None:
    seen = b'grub rescue>\n' + answer('hello')
    assert watching.look(seen, running=True) is None


def test_silence_ends_the_watch_before_the_time_limit(
    watching: watch.Watch, clock: Clock
) -> None:
    assert watching.look(b'Linux version 6', running=True) is None
    clock.now = 20
    assert watching.look(b'Linux version 6', running=True) is None
    clock.now = 21
    heard = watching.look(b'Linux version 6', running=True)
    assert heard and heard.diagnosis
    assert heard.diagnosis.cause is console.Cause.HANG


def test_log_that_is_cut_off_at_its_front_is_not_silent(
    watching: watch.Watch, clock: Clock
) -> None:
    for number in range(6):
        # Always the same length, as an API that gives the last bytes does.
        assert watching.look(b'%09d' % number, running=True) is None
        clock.now += 15


def test_chatter_does_not_outlast_the_time_limit(
    watching: watch.Watch, clock: Clock
) -> None:
    heard = None
    for number in itertools.count():
        heard = watching.look(b'systemd[1]: %d' % number, running=True)
        if heard:
            break
        clock.now += 10
    assert heard and heard.diagnosis
    assert heard.diagnosis.cause is console.Cause.TIME_LIMIT
    assert clock.now == 110


def test_user_data_that_does_not_run_is_missed_soon(
    watching: watch.Watch, clock: Clock
) -> None:
    assert watching.look(FINISHED, running=True) is None
    clock.now = 6
    heard = watching.look(FINISHED, running=True)
    assert heard and heard.diagnosis
    assert heard.diagnosis.cause is console.Cause.NO_ANSWER


def test_listening_looks_until_all_is_known_and_tells_milestones() -> None:
    consoles = iter([b'', b'SeaBIOS', b'SeaBIOS\nLinux version 6', ALL])
    waits: list[float] = []
    reached: list[str] = []
    heard = watch.listen(
        watch.Watch(NONCE, PROBES, limits=LIMITS),
        read=lambda: next(consoles),
        running=lambda: True,
        wait=waits.append,
        reached=reached.append,
    )
    assert heard.diagnosis is None
    assert waits == [watch.INTERVAL] * 3
    assert reached == [
        'power-on',
        'the start of the firmware',
        'the start of the kernel',
    ]


def test_interruption_ends_listening() -> None:
    def wait(seconds: float) -> None:
        raise exceptions.Interrupted('interrupted by SIGINT')

    with pytest.raises(exceptions.Interrupted):
        watch.listen(
            watch.Watch(NONCE, PROBES, limits=LIMITS),
            read=lambda: b'',
            running=lambda: True,
            wait=wait,
            reached=lambda name: None,
        )


def test_answer_is_given_to_each_probe_that_shares_its_question(
    clock: Clock,
) -> None:
    shared = registry.select(['EGI-SSH-02', 'EGI-SSH-05'])
    watching = watch.Watch(NONCE, shared, limits=LIMITS, clock=clock)
    heard = watching.look(answer('EGI-SSH-02', 'LIVE-IDENTITY'), running=True)
    assert heard
    assert heard.answers.keys() == {one.id for one in shared}
    assert heard.answers['EGI-SSH-05'] == heard.answers['EGI-SSH-02']


def test_seconds_that_the_questions_took_are_heard(
    watching: watch.Watch,
) -> None:
    took = b'\n'.join(
        protocol.encode(
            NONCE,
            '0' * 8,
            protocol.ASKED,
            protocol.Answer(text='10.0 14.5\n'),
        )
    )
    heard = watching.look(took + b'\n' + ALL, running=True)
    assert heard and heard.asking == 4.5


def test_answers_of_the_boot_before_are_not_taken(clock: Clock) -> None:
    watching = watch.Watch(
        NONCE, PROBES, limits=LIMITS, clock=clock, after='0' * 8
    )
    assert watching.look(ALL, running=True) is None
    again = ALL + b''.join(
        line + b'\n'
        for name in ('hello', *(probe.id for probe in PROBES))
        for line in protocol.encode(
            NONCE, '1' * 8, name, protocol.Answer(text='y')
        )
    )
    heard = watching.look(again, running=True)
    assert heard and heard.boot == '1' * 8
    assert {one.text for one in heard.answers.values()} == {'y'}


def test_boot_that_answered_is_named(watching: watch.Watch) -> None:
    heard = watching.look(ALL, running=True)
    assert heard and heard.boot == '0' * 8
