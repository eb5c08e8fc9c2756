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

"""Keep what was used last, as much of it as memory may take."""

from collections import OrderedDict
from typing import Any


class Kept:
    """The last used values, as many as fit into a number of bytes.

    :param limit: bytes; one value is kept even if it is larger.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._items: OrderedDict[int, tuple[Any, int]] = OrderedDict()

    def __contains__(self, key: int) -> bool:
        return key in self._items

    def get(self, key: int) -> Any:
        """Return a value, or None.

        :param key: its key.
        """
        item = self._items.get(key)
        if item is None:
            return None
        self._items.move_to_end(key)
        return item[0]

    def put(self, key: int, value: Any, size: int) -> None:
        """Keep a value, and let go of those that were not used for longest.

        :param key: its key; there must be no value of it yet.
        :param value: anything but None.
        :param size: bytes that it takes.
        """
        self._items[key] = (value, size)
        self._used += size
        while self._used > self._limit and len(self._items) > 1:
            _, (_, gone) = self._items.popitem(last=False)
            self._used -= gone
