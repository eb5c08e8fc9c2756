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

import re

import hypothesis
import pytest
from hypothesis import strategies

from image_pipeline.probes import protocol

NONCE = '0123456789abcdef'
BOOT = 'cafe0000'
TEXTS = strategies.text(
    alphabet=strategies.characters(codec='utf-8'), max_size=900
)


def frames(name: str, text: str, nonce: str = NONCE) -> list[bytes]:
    return protocol.encode(nonce, BOOT, name, protocol.Answer(text=text))


def receive(console: bytes) -> dict[str, str]:
    receiver = protocol.Receiver(NONCE)
    receiver.feed(console)
    return {name: one.text for name, one in receiver.answers().items()}


@hypothesis.given(
    strategies.dictionaries(
        strategies.from_regex(r'[A-Z]{1,8}-[0-9]{2}', fullmatch=True),
        TEXTS,
        max_size=4,
    )
)
def test_what_is_sent_is_what_is_received(answers: dict[str, str]) -> None:
    lines = [line for name in answers for line in frames(name, answers[name])]
    assert receive(b'\r\n'.join(lines)) == answers


@hypothesis.given(
    TEXTS,
    strategies.lists(
        strategies.tuples(
            strategies.integers(min_value=0, max_value=5000),
            strategies.binary(min_size=1, max_size=60),
        ),
        max_size=6,
    ),
)
def test_noise_anywhere_never_changes_an_answer(
    text: str, noise: list[tuple[int, bytes]]
) -> None:
    console = b'\n'.join(frames('HYG-05', text))
    for at, message in noise:
        at %= len(console) + 1
        console = console[:at] + message + console[at:]
    # Lost, or right; never wrong.
    assert receive(console) in ({}, {'HYG-05': text})


@hypothesis.given(TEXTS, strategies.data())
def test_bytes_lost_or_flipped_never_change_an_answer(
    text: str, data: strategies.DataObject
) -> None:
    console = bytearray(b'\n'.join(frames('HYG-05', text)))
    at = data.draw(strategies.integers(0, len(console) - 1))
    if data.draw(strategies.booleans()):
        del console[at]
    else:
        console[at] ^= data.draw(strategies.integers(1, 255))
    assert receive(bytes(console)) in ({}, {'HYG-05': text})


@hypothesis.given(TEXTS, strategies.integers(min_value=0, max_value=8000))
def test_second_round_makes_up_for_a_front_that_was_cut_off(
    text: str, cut: int
) -> None:
    once = b'\n'.join(frames('HYG-05', text)) + b'\n'
    assert receive((once + once)[min(cut, len(once)) :]) == {'HYG-05': text}


def test_kernel_message_inside_a_frame_costs_that_frame_only() -> None:
    lines = frames('EGI-CI-01', 'x' * 1000)
    assert len(lines) > 3
    hit = (
        lines[1][:80] + b'[    9.1] random: crng init done\r\n' + lines[1][80:]
    )
    receiver = protocol.Receiver(NONCE)
    receiver.feed(b'\n'.join([lines[0], hit, *lines[2:]]))
    assert receiver.answers() == {}
    assert receiver.damaged == 1
    receiver.feed(b'\n'.join(lines))
    assert receiver.answers()['EGI-CI-01'].text == 'x' * 1000


def test_what_was_received_stays_when_the_log_is_cut_later() -> None:
    lines = frames('EGI-CI-01', 'y' * 600)
    receiver = protocol.Receiver(NONCE)
    receiver.feed(b'\n'.join(lines[:2]))
    receiver.feed(b'\n'.join(lines[2:]))
    assert receiver.answers()['EGI-CI-01'].text == 'y' * 600


def test_frames_of_another_instance_are_not_ours() -> None:
    lines = frames('HYG-05', 'theirs', nonce='f' * 16)
    assert receive(b'\n'.join(lines)) == {}


def test_answers_of_two_boots_are_kept_apart() -> None:
    receiver = protocol.Receiver(NONCE)
    for boot, text in (('aaaaaaaa', 'first'), ('bbbbbbbb', 'second')):
        answer = protocol.Answer(text=text)
        receiver.feed(b'\n'.join(protocol.encode(NONCE, boot, 'X', answer)))
    assert receiver.boots == ('aaaaaaaa', 'bbbbbbbb')
    assert receiver.answers()['X'].text == 'second'
    assert receiver.answers('aaaaaaaa')['X'].text == 'first'


def test_status_and_truncation_travel_with_an_answer() -> None:
    long = 'z' * 20000
    lines = protocol.encode(
        NONCE, BOOT, 'X', protocol.Answer(text=long, status=3)
    )
    receiver = protocol.Receiver(NONCE)
    receiver.feed(b'\n'.join(lines))
    answer = receiver.answers()['X']
    assert (answer.status, answer.whole) == (3, False)
    assert long.startswith(answer.text) and len(answer.text) > 6000


@pytest.mark.parametrize('length', [0, 1, 170, 171, 172, 342, 6156])
def test_answers_at_the_edges_of_chunks_arrive(length: int) -> None:
    lines = frames('X', 'e' * length)
    assert receive(b'\n'.join(lines)) == {'X': 'e' * length}
    assert all(len(line) < 400 for line in lines)


def test_frame_with_a_right_sum_and_no_base64_is_no_answer() -> None:
    line = frames('X', 'abc')[0]
    body = re.sub(rb' [^ ]+@$', b' YWJ=YQ', line.split(b' ', 2)[2])
    forged = b'@image-pipeline@ %s %s@' % (protocol._sum(body), body)
    assert receive(forged) == {}


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [
        ('326.55 356.09\n', 29.5),
        ('1 1\n', 0.0),
        ('', None),
        ('1\n', None),
        ('one two\n', None),
        ('0 nan\n', None),
        ('0 inf\n', None),
    ],
)
def test_seconds_that_the_questions_took_are_the_guest_s(
    text: str, seconds: float | None
) -> None:
    answers = {protocol.ASKED: protocol.Answer(text=text)}
    assert protocol.asking(answers) == seconds


def test_guest_need_not_say_how_long_the_questions_took() -> None:
    assert protocol.asking({}) is None
