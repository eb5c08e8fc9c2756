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

"""How answers come back over a console that others write to as well.

An answer is cut into chunks, and each chunk travels on a line of its own::

    @image-pipeline@ SUM NONCE BOOT NAME STATUS WHOLE SEQ COUNT LENGTH CHUNK@

======  ==================================================================
field   meaning
======  ==================================================================
SUM     the first 16 hexadecimal digits of the SHA-256 of what is between
        it (and a space) and the last ``@``
NONCE   16 hexadecimal digits, new for each instance
BOOT    the first 8 digits of the kernel's boot id: answers of two boots of
        an instance are never mixed
NAME    whose answer it is: a probe's id, ``hello`` or ``asked``
STATUS  the exit status of the probe's snippet
WHOLE   1, or 0 if the answer was longer than what is sent
SEQ     the chunk's number, from 0
COUNT   how many chunks the answer has
LENGTH  how many characters the chunk has
CHUNK   a piece of the answer in base64
======  ==================================================================

A kernel message in the middle of a line, a line cut off at the front of a
truncated log, or another program's output make the sum wrong or the line no
frame at all, so damage is never taken for an answer.  There is no way back to
the guest; it repeats all frames a number of times instead, and what was
received undamaged in any repetition counts.

The guest's side is ``guest.sh``; :func:`encode` is the same in Python.
"""

import base64
import binascii
import dataclasses
import hashlib
import math
import re
from collections.abc import Iterator, Mapping

#: What a frame begins with.
MARK = '@image-pipeline@'
#: The name of the frame that says that user data runs.
HELLO = 'hello'
#: The name of the frame that says from when to when the probes were asked.
ASKED = 'asked'
#: Characters of base64 in a line: three lines of what base64(1) prints.
CHUNK = 228
#: Chunks of the longest answer that is sent.
CHUNKS = 36

_FRAME = re.compile(
    rb'@image-pipeline@ (?P<sum>[0-9a-f]{16}) '
    rb'(?P<frame>(?P<nonce>[0-9a-f]{16}) (?P<boot>[0-9a-f]{8}) '
    rb'(?P<name>[A-Za-z0-9-]{1,40}) '
    rb'(?P<status>[0-9]{1,3}) (?P<whole>[01]) '
    rb'(?P<seq>[0-9]{1,4}) (?P<count>[0-9]{1,4}) '
    rb'(?P<length>[0-9]{1,4}) (?P<chunk>[A-Za-z0-9+/=]*))@'
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What a probe's snippet printed in the guest.

    :param text: its output.
    :param status: its exit status; 124 if it took too long.
    :param whole: false if the output was longer than what is sent.
    """

    text: str
    status: int = 0
    whole: bool = True


def _sum(frame: bytes) -> bytes:
    return hashlib.sha256(frame).hexdigest()[:16].encode()


def encode(nonce: str, boot: str, name: str, answer: Answer) -> list[bytes]:
    """Return the lines that carry an answer, without line ends.

    :param nonce: 16 hexadecimal digits.
    :param boot: 8 hexadecimal digits.
    :param name: the probe's id.
    :param answer: what it answered.
    """
    payload = base64.b64encode(answer.text.encode()).decode()
    chunks = [
        payload[start : start + CHUNK]
        for start in range(0, len(payload), CHUNK)
    ] or ['']
    whole = answer.whole and len(chunks) <= CHUNKS
    chunks = chunks[:CHUNKS]
    lines = []
    for seq, chunk in enumerate(chunks):
        frame = (
            f'{nonce} {boot} {name} {answer.status} {int(whole)} '
            f'{seq} {len(chunks)} {len(chunk)} {chunk}'
        ).encode()
        lines.append(b' '.join((MARK.encode(), _sum(frame), frame)) + b'@')
    return lines


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Key:
    """What chunks of one answer have in common, beside the nonce."""

    boot: str
    name: str
    status: int
    whole: bool
    count: int


class Receiver:
    """Gather the answers of one instance from its console.

    The console is given whole each time, as far as there is one: feeding the
    same text twice changes nothing, and what once was received stays, even
    if the console's front is cut off later.

    :param nonce: the instance's; frames with another one are not ours.
    """

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce.encode()
        self._chunks: dict[_Key, dict[int, bytes]] = {}
        self._boots: list[str] = []
        #: Frames of the last :meth:`feed` that were damaged, or not ours.
        self.damaged = 0

    def feed(self, console: bytes) -> None:
        """Take what is new in the console.

        :param console: all that there is of it.
        """
        self.damaged = console.count(MARK.encode())
        for frame in self._frames(console):
            self.damaged -= 1
            boot = frame['boot'].decode()
            if boot not in self._boots:
                self._boots.append(boot)
            key = _Key(
                boot=boot,
                name=frame['name'].decode(),
                status=int(frame['status']),
                whole=frame['whole'] == b'1',
                count=int(frame['count']),
            )
            chunks = self._chunks.setdefault(key, {})
            chunks[int(frame['seq'])] = frame['chunk']

    def _frames(self, console: bytes) -> Iterator[re.Match[bytes]]:
        for frame in _FRAME.finditer(console):
            if (
                frame['nonce'] == self._nonce
                and int(frame['length']) == len(frame['chunk'])
                and int(frame['seq']) < int(frame['count'])
                and frame['sum'] == _sum(frame['frame'])
            ):
                yield frame

    @property
    def boots(self) -> tuple[str, ...]:
        """The boots that were heard of, in the order of their appearance."""
        return tuple(self._boots)

    def answers(self, boot: str | None = None) -> dict[str, Answer]:
        """Return the answers that are complete, by name.

        :param boot: of which boot; None means the last one.
        """
        if boot is None:
            boot = self._boots[-1] if self._boots else ''
        found = {}
        for key, chunks in self._chunks.items():
            if key.boot != boot or len(chunks) < key.count:
                continue
            try:
                raw = base64.b64decode(
                    b''.join(chunks[seq] for seq in range(key.count)),
                    validate=True,
                )
            except binascii.Error:
                # The sums are right: the guest itself sent nonsense.
                continue
            found[key.name] = Answer(
                text=raw.decode(errors='replace'),
                status=key.status,
                whole=key.whole,
            )
        return found


def asking(answers: Mapping[str, Answer]) -> float | None:
    """Return how long the probes took in the guest, in seconds, if known.

    :param answers: of :meth:`Receiver.answers`.
    """
    if ASKED not in answers:
        return None
    try:
        begun, ended = map(float, answers[ASKED].text.split())
    except ValueError:
        return None
    took = ended - begun
    return round(took, 1) if math.isfinite(took) else None
