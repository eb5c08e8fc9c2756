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

"""The console of a server, which Nova gives in pieces, as one text that grows.

Nova reads a file of the hypervisor's: of libvirt's log the last 100 KiB
(``MAX_CONSOLE_BYTES``, nova/virt/libvirt/driver.py), of other drivers a ring
or a number of lines.  The file begins anew when the server is started again.
"""

#: What stands where something was lost.
GAP = b'\n[image-pipeline: the cloud does not have what was printed here]\n'
#: What stands where the server was started again.
AGAIN = b'\n[image-pipeline: the server was started again]\n'
# Bytes by which the place of a piece is found in what is there; less may be
# a line that occurs often.
_ANCHOR = 256
# A console that prints without end is not kept without end.
_MOST = 16 << 20


class Gathered:
    """All that a console printed, as far as it was seen."""

    def __init__(self) -> None:
        self._before = b''
        self._now = b''
        self._again = False

    @property
    def text(self) -> bytes:
        """Everything; it begins with what it was before."""
        return self._before + self._now

    def restarted(self) -> None:
        """Note that the server is started again: its log may begin anew."""
        self._again = True

    def feed(self, piece: bytes) -> None:
        """Take what the cloud has of the console now.

        :param piece: the end of it, or all of it.
        """
        if not piece or len(self._before) + len(self._now) > _MOST:
            return
        more = _follows(self._now, piece)
        if more is not None:
            # Also the last words of a log that is about to begin anew.
            self._now += more
        elif self._again:
            self._again = False
            self._before = self.text + AGAIN
            self._now = piece
        else:
            self._now += GAP + piece


def _follows(seen: bytes, piece: bytes) -> bytes | None:
    """Return what a piece adds to what was seen; None if it does not fit.

    :param seen: what is known.
    :param piece: the end of the console.
    """
    if not seen:
        return piece
    if piece.startswith(seen):
        return piece[len(seen) :]
    if seen.startswith(piece) or seen.endswith(piece):
        return b''
    anchor = piece[:_ANCHOR]
    # From the end: what is repeated is most likely the latest.
    at = seen.rfind(anchor)
    while at >= 0:
        if piece.startswith(seen[at:]):
            return piece[len(seen) - at :]
        if seen.startswith(piece, at):
            return b''
        at = seen.rfind(anchor, 0, at + len(anchor) - 1)
    # The piece may begin within the last bytes of what was seen.
    for length in range(min(_ANCHOR, len(seen), len(piece)) - 1, 15, -1):
        if seen.endswith(piece[:length]):
            return piece[length:]
    return None
