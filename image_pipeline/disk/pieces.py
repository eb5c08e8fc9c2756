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

"""Small things of a file system, read in larger pieces that are kept.

Whoever asks for one inode asks for its neighbours, too: a walk reads no
table twice, and unpacks each cluster of a compressed image once.
"""

from collections import OrderedDict

from image_pipeline.disk import signatures

#: Bytes of a piece, the usual size of a qcow2 cluster, and how many are kept.
_SIZE, _MOST = 65536, 64


class Pieces:
    """A part of a disk, for reads of a few hundred bytes.

    :param part: where to read.
    """

    def __init__(self, part: signatures.Part) -> None:
        self._part = part
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def read(self, place: int, length: int) -> bytes:
        """Return bytes of the part; fewer at its end.

        :param place: where, in bytes.
        :param length: how many.
        :raises ImageUnreadable: the file is damaged there.
        """
        piece, within = self.find(place, length)
        return piece[within : within + length]

    def find(self, place: int, length: int) -> tuple[bytes, int]:
        """Return bytes of the part, and where those asked for begin in them.

        Nothing is copied: a walk over all inodes asks a hundred thousand
        times.

        :param place: where, in bytes.
        :param length: how many; at the part's end there may be fewer.
        :raises ImageUnreadable: the file is damaged there.
        """
        within = place % _SIZE
        if within + length > _SIZE:
            return self._part.read(place, length), 0
        piece = self._kept.get(place - within)
        if piece is None:
            piece = self._fetch(place - within)
        return piece, within

    def _fetch(self, start: int) -> bytes:
        piece = self._kept[start] = self._part.read(start, _SIZE)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return piece
