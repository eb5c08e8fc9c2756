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

"""Read the header that rpm's database keeps of each package.

The format is that of rpm's manual, "Package format", without the lead and
the magic: two counts, an index of tags, and the data that the index points
into.  Tags and limits are those of rpm's ``lib/rpmtag.h`` and
``lib/header.c``.
"""

import struct

from image_pipeline.audit.guest import package_record

NAME, VERSION, RELEASE, EPOCH = 1000, 1001, 1002, 1003
SIZE, VENDOR, ARCH, LONGSIZE = 1009, 1011, 1022, 5009
_TEXT = frozenset({NAME, VERSION, RELEASE, VENDOR, ARCH})
_NUMBERS = {EPOCH: '>I', SIZE: '>I', LONGSIZE: '>Q'}
_MOST_TAGS, _MOST_DATA = 0xFFFF, 256 << 20
_MOST_TEXT = 4096
_ENTRY = struct.Struct('>IIII')


class Damaged(Exception):
    """A database or a header of it is not what it should be.

    :param reason: why not, one line.
    """


def parse(blob: bytes) -> package_record.Package:
    """Return the package that a header is of.

    :param blob: the header.
    :raises Damaged: it is none.
    """
    if len(blob) < 8:
        raise Damaged('a header is cut short')
    tags, length = struct.unpack_from('>II', blob)
    data = 8 + tags * _ENTRY.size
    if tags > _MOST_TAGS or length > _MOST_DATA or data + length > len(blob):
        raise Damaged('a header is longer than its record')
    text: dict[int, str] = {}
    numbers: dict[int, int] = {}
    end = data + length
    for tag, _, offset, _ in _ENTRY.iter_unpack(blob[8:data]):
        place = data + offset
        if tag in _TEXT:
            stop = blob.find(b'\0', place, min(end, place + _MOST_TEXT))
            if place >= end or stop < 0:
                raise Damaged(f'the text of tag {tag} is not in its header')
            text.setdefault(tag, blob[place:stop].decode('utf-8', 'replace'))
        elif tag in _NUMBERS:
            form = _NUMBERS[tag]
            if place + struct.calcsize(form) > end:
                raise Damaged(f'the number of tag {tag} is not in its header')
            numbers.setdefault(tag, struct.unpack_from(form, blob, place)[0])
    if not text.get(NAME) or not text.get(VERSION):
        raise Damaged('a header has no name or no version')
    return package_record.Package(
        manager='rpm',
        name=text[NAME],
        version=text[VERSION],
        release=text.get(RELEASE, ''),
        epoch=numbers.get(EPOCH, 0),
        arch=text.get(ARCH, ''),
        size=numbers.get(LONGSIZE, numbers.get(SIZE, 0)),
        vendor=text.get(VENDOR),
    )
