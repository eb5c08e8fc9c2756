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

"""Many things at once keep their order."""

import threading

import pytest

from image_pipeline.disk import parallel


@pytest.mark.parametrize('count', [0, 1, 7, 8, 31, 64, 101])
@pytest.mark.parametrize('processors', [1, 2, 3, 64])
def test_results_are_in_the_order_of_the_items(monkeypatch, count, processors):
    monkeypatch.setattr(
        'os.sched_getaffinity', lambda pid: set(range(processors))
    )
    assert parallel.each(str, range(count)) == [str(n) for n in range(count)]


def test_one_processor_needs_no_thread(monkeypatch):
    monkeypatch.setattr('os.sched_getaffinity', lambda pid: {0})
    found = parallel.each(lambda _: threading.current_thread(), range(64))
    assert set(found) == {threading.current_thread()}
