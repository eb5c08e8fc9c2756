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

from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.dib import secrets


def _disk(folder: Path, content: bytes) -> Path:
    disk = folder / 'disk'
    disk.write_bytes(bytes(4096) + content + bytes(4096))
    return disk


def test_a_disk_with_a_secret_is_refused_without_naming_its_value(
    tmp_path: Path,
) -> None:
    disk = _disk(tmp_path, b'x=hunter2hunter2\n')
    with pytest.raises(exceptions.StageFailed) as refused:
        secrets.refuse_in(disk, {'TOKEN': 'hunter2hunter2'})
    assert 'TOKEN' in str(refused.value)
    assert 'hunter2' not in f'{refused.value} {refused.value.hint}'


def test_a_disk_without_it_is_fine(tmp_path: Path) -> None:
    secrets.refuse_in(_disk(tmp_path, b'x'), {'TOKEN': 'hunter2hunter2'})


def test_values_that_occur_by_chance_are_not_looked_for(
    tmp_path: Path,
) -> None:
    secrets.refuse_in(_disk(tmp_path, b'x'), {'TOKEN': 'x', 'EMPTY': ''})
