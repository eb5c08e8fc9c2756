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

"""Refuse a disk that holds a secret."""

import mmap
from collections.abc import Mapping
from pathlib import Path

from image_pipeline import exceptions

#: Shorter values are found everywhere by chance.
_SHORTEST = 8


def refuse_in(disk: Path, secrets: Mapping[str, str]) -> None:
    """Look for each secret in every byte of a disk.

    :param disk: a raw disk, its file systems not compressed.
    :param secrets: values by name.
    :raises StageFailed: naming the secrets, not their values.
    """
    wanted = {
        name: value.encode()
        for name, value in secrets.items()
        if len(value) >= _SHORTEST
    }
    if not wanted:
        return
    with (
        disk.open('rb') as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        found = [
            name
            for name, value in sorted(wanted.items())
            if content.find(value) != -1
        ]
    if found:
        raise exceptions.StageFailed(
            f'the image holds the secret {", ".join(found)}',
            hint='an element wrote it to a file; let it remove that file',
        )
