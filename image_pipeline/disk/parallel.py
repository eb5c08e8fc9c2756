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

"""Do the same to many things at once, on the processors that there are.

For what leaves Python's lock while it works, as unpacking does.
"""

import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar('T')
U = TypeVar('U')
#: More threads than this wait for Python's lock more than they work.
_MOST = 4
#: Fewer things are done sooner than a thread is started.
_LEAST = 8


def each(work: Callable[[T], U], items: Sequence[T]) -> list[U]:
    """Return what work makes of each item, in their order.

    :param work: must not raise, and be fit for several threads.
    :param items: the things.
    """
    threads = min(len(os.sched_getaffinity(0)), _MOST, len(items) // _LEAST)
    if threads < 2:
        return [work(item) for item in items]
    made: dict[int, list[U]] = {}

    def share(first: int) -> None:
        made[first] = [work(item) for item in items[first::threads]]

    others = [
        threading.Thread(target=share, args=(number,), daemon=True)
        for number in range(1, threads)
    ]
    for thread in others:
        thread.start()
    share(0)
    for thread in others:
        thread.join()
    return [
        made[number % threads][number // threads]
        for number in range(len(items))
    ]
