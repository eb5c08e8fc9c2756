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

import pytest

from image_pipeline import exceptions
from image_pipeline.store import store


def test_everything_has_its_place_below_one_folder(tmp_path):
    made = store.Store(tmp_path)
    for path in (
        made.runs.root,
        made.artifacts.root,
        made.steps.root,
        made.cache.root,
        made.locks.root,
        made.database,
    ):
        assert path.is_relative_to(tmp_path)


def test_looking_makes_nothing(tmp_path):
    made = store.Store(tmp_path / 'state')
    made.runs.list_runs()
    made.steps.load('a')
    assert not (tmp_path / 'state').exists()


def test_a_file_in_its_place_is_bad_input(tmp_path):
    (tmp_path / 'state').write_text('')
    with pytest.raises(exceptions.InvalidInput, match='cannot be used'):
        store.Store(tmp_path / 'state').prepare()


def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path, monkeypatch):
    monkeypatch.setattr(store.os, 'access', lambda path, mode: False)
    with pytest.raises(exceptions.InvalidInput) as caught:
        store.Store(tmp_path).prepare()
    assert 'state_dir' in caught.value.hint
