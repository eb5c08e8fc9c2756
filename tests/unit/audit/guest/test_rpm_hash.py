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

import base64
import struct
import zlib

import pytest

from image_pipeline.audit.guest import rpm_hash, rpm_header
from image_pipeline.testing import packages

#: Made by db5.3_load, with 1 KiB pages, of headers that rpm 4.18 wrote.
REAL = zlib.decompress(
    base64.b64decode(
        """
eNrtmF+IVFUcx8/Mnd1Va9BYNYsNlhJSaGbPPfd/pFn+SUHyDxlKKp1777k7U7M748zstolB
+BARKEI+FBhJSPkQtNBLD4EGEj5YGEn05FOFmrlFYEHldv9815399VQgicwP7t79nN+55/z2
rL/5eJcxxnIsC7mkl81PvinE17xsrJf9Mz7a8BBjNxi7MnTt3GfVbCzXsU4SWnx9daiyl453
oxvduL2C9mieXddY8Q/tutY9m2504w7seK2z5XNpz89GgV1M+39Ku6Jd1P6b/1nX/93oxv8c
WrFvqie+v96Lnk8GkvunyUCuo/+1m72f8A8a64u/WR1/LlyI74/HV8z5UnxfFF/h7PtB8rB2
CS8KefBl8ELwFXA/+EdsNAC+Gt+TF49B8E/gB8HXMH85eArrrQD/gvwj4F+R5+Dr4NXg37H+
JvBfyO8A3wA/l3GhgPVDcC8OrAKeD34BvADza+C7cF4N8N3gfeAi5rfBC5GfAC8CvwJejPoO
gpfg+RPgezH/JHgZ8p9kdRbuQ/4M+P6Mc/3gFdn6uZV4/qns+RzOs7ARbII34XkXvBP5x8C7
kF8D3o38ZvAe5LeC94L3gH3UUwWH4JnzVOAxcATeD66BD4Db2P8IeAx8FDyO/d/KuP9N5I+B
P8d6x8HfYf774O8x/xL4MvJXM04bL87ncR65HvTXuqy/csVs/fwzyN8Dxu9f+xnPn0a9Pdk9
fwa8FPmz4GHwOXAFfH62/wsdnwE59k0+rie3lrUqMqy/VBprV2stZpY95pZVzZt5TWjFDfFi
7slD4yPZwPoJOdKoqcHN1dGxCfZEQwYVVRJlznaMthoqqEZVFbJamhyty2ZQwUKvxleyDnBN
s15vs/RL5/6leP9Sun+51QzKzUa66/T09Ldzqsx+ngUzVzytVvVXrK2PNJqq1VLhhmpNPS1H
VGslQy4ZWVcdVq327NhW+XKtLtPJrY1yXG1tqqg6sZIZZV42S3p8FnaZp/fsq+6Weed/p5KY
Jx69WXI6MKfOobFWcygeaaohVtoiBkvDLGhU62x4f7XBPBxQKVR+VY6WskMjMW+sHZVcJiPD
U3qgezIyHVeqyJHc8JXnqkh6oedLKYQb+V7kGcpwTRHaoePrptRN25Km5aFWI+SmEL4ZKRlP
dxxduY5wTN33DYc7HveNIOSW4SoZ+aatC8NQruC+a/qWI0XSgZkmpqf/nIQmGOv54oHDX7+z
9OHt5ye/fOOD4qmJqUAXum4I09Sl77iOEdfLLTMKbG66koeRH0SBcn2LcScMbanrkQw9V3gR
9wxDxnsZoQyVExclHOkrxzG9wDHNkHuRJZSh60I6XPellf2bOoyzSjpf6+BukPf/Hjb7976b
/l8VN/lkh//n/0v/9xH/F4nv+4nvlxDfLyO+HyC+HyS+X058L4jvVxHfbyK+30J8v5P4fjfx
/V7i++eJ70Pie0V8XyG+rxHf7yO+Hye+P0J8f5T4/hjx/cm5vme/Ed8Xie8XE98vI74fIL4f
JL5fTnzPie9N4nuP+H498f1m4vttxPfPEt/vJL6vEd83iO/bxPcTxPcHiO8PEt+fIb4/S3w/
QHw/SHzPie93Ed8fI74/Tnx/gvj+JPH9hwmvZb5sVZhV1ssu82b6v7fjMyDH3ov9n2orUfwt
dnxSTSmtpuTNtXvi9rTW28jpHYWmA2l9d7DLT8+6/O1F27Y3Lmw/VV792run1n083WdFujSl
ERpe/Kht2DIIPNP2bUN3DJ3bkYycSDk2Z0J4gS+UIwNpyyhWuhtPcvQgCgPbsrxAOkEYmoLz
MBC+EKFrhYbFhVABd3jo8q7Lb1n8DW2u+5k=
        """
    )
)
SMALL, LARGE = packages.rpm_header('a'), packages.rpm_header('b' * 4000)
MADE = packages.hash_database([SMALL, LARGE + bytes(9000)])


def read(data: bytes):
    return list(
        rpm_hash.headers(
            lambda offset, length: data[offset : offset + length], len(data)
        )
    )


def test_database_that_berkeley_db_wrote_is_read():
    found = [rpm_header.parse(one) for one in read(REAL)]
    assert {one.full_version for one in found} == {
        '5.1.8-9.el9',
        '2:4.9-8.el9',
    }


@pytest.mark.parametrize('order', ['<', '>'])
def test_values_over_several_pages_are_put_together(order):
    data = packages.hash_database([SMALL, LARGE + bytes(9000)], order)
    assert read(data) == [SMALL, LARGE + bytes(9000)]


def damaged(place: int, data: bytes) -> bytes:
    return MADE[:place] + data + MADE[place + len(data) :]


@pytest.mark.parametrize(
    'data',
    [
        damaged(12, b'\0'),
        damaged(16, b'\x20'),
        damaged(20, struct.pack('<I', 4095)),
        damaged(32, struct.pack('<I', 99)),
        damaged(4096 + 20, struct.pack('<H', 60_000)),
        damaged(4096 + 26, struct.pack('<H', 5)),
        # The second page of the second value is the first one again.
        damaged(3 * 4096 + 16, struct.pack('<I', 3)),
        damaged(3 * 4096 + 16, struct.pack('<I', 77)),
        damaged(3 * 4096 + 22, struct.pack('<H', 0)),
        damaged(3 * 4096 + 25, b'\x0d'),
    ],
)
def test_damage_is_told(data):
    with pytest.raises(rpm_header.Damaged):
        read(data)
