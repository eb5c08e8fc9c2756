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

"""A console that a cloud gives in pieces becomes one text that only grows."""

import hypothesis
from hypothesis import strategies

from image_pipeline.hypervisors import nova_console

LINES = b''.join(b'[%5d] line %d of the console\n' % (n, n) for n in range(99))


def test_whole_console_is_taken_as_it_grows() -> None:
    console = nova_console.Gathered()
    for end in (10, 10, 500, len(LINES)):
        console.feed(LINES[:end])
        assert console.text == LINES[:end]


def test_end_of_a_console_is_put_behind_what_was_seen() -> None:
    console = nova_console.Gathered()
    console.feed(LINES[:1000])
    console.feed(LINES[600:1900])
    console.feed(LINES[1500:])
    assert console.text == LINES


def test_shorter_piece_of_what_was_seen_adds_nothing() -> None:
    console = nova_console.Gathered()
    console.feed(LINES)
    for piece in (LINES[:50], LINES[-50:], LINES[500:900], b''):
        console.feed(piece)
        assert console.text == LINES


def test_what_was_lost_is_marked() -> None:
    console = nova_console.Gathered()
    console.feed(LINES[:100])
    console.feed(LINES[2000:2500])
    console.feed(LINES[2000:3000])
    assert console.text == LINES[:100] + nova_console.GAP + LINES[2000:3000]


def test_log_that_begins_anew_is_put_behind_the_old_one() -> None:
    console = nova_console.Gathered()
    console.feed(b'SeaBIOS\nboot one\nlogin: ')
    console.restarted()
    # Its last words, then the same firmware, then another boot.
    console.feed(b'SeaBIOS\nboot one\nlogin: \nbye\n')
    console.feed(b'SeaBIOS\n')
    console.feed(b'SeaBIOS\nboot two\n')
    assert console.text == (
        b'SeaBIOS\nboot one\nlogin: \nbye\n'
        + nova_console.AGAIN
        + b'SeaBIOS\nboot two\n'
    )


def test_log_that_goes_on_after_a_restart_is_one_text() -> None:
    console = nova_console.Gathered()
    console.feed(b'SeaBIOS\nboot one\n')
    console.restarted()
    console.feed(b'SeaBIOS\nboot one\nSeaBIOS\nboot two\n')
    assert console.text == b'SeaBIOS\nboot one\nSeaBIOS\nboot two\n'


def test_console_that_prints_without_end_is_not_kept_without_end() -> None:
    console = nova_console.Gathered()
    for number in range(40):
        console.feed(b'%d' % number + b'x' * (1 << 20))
    assert len(console.text) < 20 << 20


@hypothesis.given(
    strategies.lists(strategies.binary(max_size=600), max_size=12),
    strategies.integers(min_value=20, max_value=400),
)
def test_text_only_grows_whatever_the_cloud_gives(
    printed: list[bytes], window: int
) -> None:
    console = nova_console.Gathered()
    whole = b''
    for piece in printed:
        whole += piece
        before = console.text
        console.feed(whole[-window:])
        assert console.text.startswith(before)


@hypothesis.given(
    strategies.lists(strategies.integers(min_value=0, max_value=200)),
    strategies.integers(min_value=300, max_value=500),
)
def test_nothing_is_lost_where_the_pieces_overlap(
    printed: list[int], window: int
) -> None:
    console = nova_console.Gathered()
    end = 0
    for length in printed:
        end += length
        console.feed(LINES[:end][-window:])
    assert console.text == LINES[:end]
