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

"""Read what diskimage-builder prints: which script of which phase runs."""

import dataclasses
import re
import time
from collections import deque
from collections.abc import Callable

#: ``dib-run-parts Running /tmp/in_target.d/install.d/10-foo``.
_RUNNING = re.compile(r'dib-run-parts Running \S*?([\w-]+\.d)/([^/\s]+)$')
_COMPLETED = re.compile(r'dib-run-parts (\S+) completed$')
_STAMP = re.compile(r'^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \| ')
_TAIL = 30
#: Lines that say nothing about a failure.
_NOISE = re.compile(
    r'^\s*$|Unmount |^\+ |dib-run-parts |Removing temporary|is not finished'
    r'|^(?:INFO|DEBUG|WARNING):?'
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Script:
    """One script of one phase.

    :param phase: such as ``install.d``.
    :param name: such as ``10-foo``.
    :param seconds: how long it took.
    """

    phase: str
    name: str
    seconds: float


class Reader:
    """Follow diskimage-builder's output, line by line.

    :param on_script: called with phase, name and number of a script that
        begins.
    :param clock: seconds, from anywhere.
    """

    def __init__(
        self,
        on_script: Callable[[str, str, int], object] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_script = on_script
        self._clock = clock
        self._started = 0.0
        #: The scripts that ended well, in their order.
        self.scripts: list[Script] = []
        #: Phase and name of the script that runs, or None.
        self.running: tuple[str, str] | None = None
        #: What the script that runs, or what came after the last, printed.
        self.tail: deque[str] = deque(maxlen=_TAIL)

    def line(self, text: str) -> None:
        """Take one line of output.

        :param text: the line, without its end.
        """
        text = _STAMP.sub('', text)
        if found := _RUNNING.search(text):
            self.running = found[1], found[2]
            self._started = self._clock()
            self.tail.clear()
            if self._on_script:
                self._on_script(found[1], found[2], len(self.scripts) + 1)
        elif found := _COMPLETED.search(text):
            if self.running and self.running[1] == found[1]:
                phase, name = self.running
                seconds = self._clock() - self._started
                self.scripts.append(
                    Script(phase=phase, name=name, seconds=seconds)
                )
                self.running = None
                self.tail.clear()
        elif not _NOISE.search(text):
            self.tail.append(text)

    def phases(self) -> dict[str, float]:
        """Return the seconds of each phase, in their order."""
        total: dict[str, float] = {}
        for script in self.scripts:
            total[script.phase] = total.get(script.phase, 0) + script.seconds
        return total
