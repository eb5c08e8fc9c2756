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


import io
import itertools
import random

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import remote

KIB = 1 << 10
DATA = random.Random(4).randbytes(3 * remote.BLOCK * 30 + 17)


class Elsewhere:
    """Data somewhere else, that notes what is asked of it."""

    def __init__(self, data=DATA):
        self.data = data
        self.asked = []
        self.error = None

    def __call__(self, offset, length):
        if self.error:
            raise self.error
        self.asked.append((offset, length))
        return self.data[offset : offset + length]


@pytest.fixture
def elsewhere():
    return Elsewhere()


@pytest.fixture
def file(elsewhere, tmp_path):
    with remote.RemoteFile(
        elsewhere, len(DATA), folder=tmp_path, name='x'
    ) as found:
        yield found


def test_gives_what_is_there(file):
    assert file.read(100, 5000) == DATA[100:5100]


def test_gives_the_same_from_anywhere_in_any_order(file):
    places = random.Random(7)
    for _ in range(300):
        offset = places.randrange(len(DATA))
        length = places.randrange(1, 300 * KIB)
        assert file.read(offset, length) == DATA[offset : offset + length]


def test_is_short_at_the_end_and_empty_past_it(file):
    assert file.read(len(DATA) - 5, 50) == DATA[-5:]
    assert file.read(len(DATA), 1) == b''
    assert file.read(-1, 1) == b''


def test_asks_for_nothing_twice(file, elsewhere):
    for _ in range(2):
        stream = io.BytesIO()
        place = 0
        while piece := file.read(place, 10_000):
            stream.write(piece)
            place += len(piece)
        assert stream.getvalue() == DATA
    assert file.fetched == len(DATA)
    seen = sorted(elsewhere.asked)
    for (offset, length), (following, _) in itertools.pairwise(seen):
        assert offset + length <= following


def test_asks_for_more_at_once_as_long_as_it_is_read_on(file, elsewhere):
    for place in range(0, len(DATA), 64 * KIB):
        file.read(place, 64 * KIB)
    lengths = [length for _, length in elsewhere.asked]
    assert lengths[1] == 2 * lengths[0]
    assert max(lengths) == 4 << 20 or len(lengths) < 8
    assert file.requests == len(elsewhere.asked) < 10


def test_a_jump_asks_for_little_again(file, elsewhere):
    file.read(0, 1)
    file.read(256 * KIB, 1)
    file.read(4 << 20, 1)
    assert elsewhere.asked[-1] == (4 << 20, elsewhere.asked[0][1])


def test_what_is_near_is_expected_with_one_request(file, elsewhere):
    places = [0, 200 * KIB, 100 * KIB, 5 << 20]
    file.expect((place, place + 10) for place in places)
    assert len(elsewhere.asked) == 2
    for place in places:
        assert file.read(place, 10) == DATA[place : place + 10]
    assert file.requests == 2


def test_what_is_here_or_nowhere_is_not_expected(file, elsewhere):
    file.read(0, 10)
    before = list(elsewhere.asked)
    file.expect([(5, 10), (-5, 3), (len(DATA) + 5, len(DATA) + 9)])
    assert elsewhere.asked == before


def test_what_fetching_raised_is_told_ever_after(file, elsewhere):
    elsewhere.error = exceptions.Unavailable('Glance does not answer')
    with pytest.raises(exceptions.ImageUnreadable, match='does not answer'):
        file.read(0, 1)
    assert file.failure is elsewhere.error
    elsewhere.error = None
    with pytest.raises(exceptions.ImageUnreadable, match='does not answer'):
        file.read(0, 1)


def test_what_was_read_before_a_failure_stays_readable(file, elsewhere):
    file.read(0, 10)
    elsewhere.error = exceptions.Unavailable('gone')
    with pytest.raises(exceptions.ImageUnreadable):
        file.read(3 << 20, 10)
    assert file.read(0, 10) == DATA[:10]


def test_data_that_is_shorter_than_said_is_told(tmp_path):
    with remote.RemoteFile(
        Elsewhere(DATA[:1000]), len(DATA), folder=tmp_path, name='x'
    ) as file:
        with pytest.raises(exceptions.ImageUnreadable, match='bytes came of'):
            file.read(0, 2000)
        assert isinstance(file.failure, exceptions.ImageUnreadable)


def test_leaves_nothing_in_the_folder(file, tmp_path):
    file.read(0, 10)
    assert list(tmp_path.iterdir()) == []


def test_may_be_closed_twice(file):
    file.close()
    file.close()


def test_all_of_it_can_be_taken_at_once(file, elsewhere):
    file.take(lambda target: target.write(DATA))
    assert file.read(5, len(DATA)) == DATA[5:]
    assert file.path.read_bytes() == DATA
    assert elsewhere.asked == []
    assert file.fetched == len(DATA)


def test_what_does_not_fit_is_not_begun(tmp_path):
    size = 1 << 60
    with (
        remote.RemoteFile(Elsewhere(), 1, folder=tmp_path, name='x') as file,
        pytest.raises(exceptions.Unavailable, match='are free in'),
    ):
        file.size = size
        file.take(lambda target: 0)


def test_much_that_is_expected_comes_in_pieces_of_few_mebibytes(tmp_path):
    size = 40 << 20
    asked = []

    def fetch(offset, length):
        asked.append(length)
        return bytes(length)

    with remote.RemoteFile(fetch, size, folder=tmp_path, name='x') as file:
        file.expect([(0, size)])
        assert file.fetched == size
    assert max(asked) == 4 << 20


def test_what_fails_while_it_is_expected_is_told(file, elsewhere):
    elsewhere.error = exceptions.Unavailable('gone')
    with pytest.raises(exceptions.ImageUnreadable, match='gone'):
        file.expect([(0, 10), (2 << 20, (2 << 20) + 10)])
    assert file.failure is elsewhere.error
