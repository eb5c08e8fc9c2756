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

import os
from pathlib import Path

import pytest

from image_pipeline.catalogues import openers


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'image'
    path.write_text('x')
    return path


def test_file_that_nobody_has_open_is_not_in_use(path):
    assert openers.find(path) == (False, ())


def test_process_that_has_it_open_is_named(path):
    with path.open('rb'):
        in_use, users = openers.find(path)
    comm = Path('/proc/self/comm').read_text().strip()
    assert in_use
    assert f'process {os.getpid()} ({comm})' in users


def test_file_that_is_open_by_another_name_is_in_use(path, tmp_path):
    (tmp_path / 'other').hardlink_to(path)
    with (tmp_path / 'other').open('rb'):
        assert openers.find(path)[0]


def test_copy_that_is_open_is_another_file(path, tmp_path):
    (tmp_path / 'copy').write_bytes(path.read_bytes())
    with (tmp_path / 'copy').open('rb'):
        assert openers.find(path) == (False, ())


@pytest.mark.parametrize(
    ('all_seen', 'leased', 'expected'),
    [
        (True, None, (False, ())),
        (True, True, (True, ('a process that is not shown',))),
        (False, True, (True, ('a process that is not shown',))),
        (False, False, (False, ())),
        (False, None, (None, ())),
    ],
)
def test_use_is_unknown_only_if_nobody_could_tell(
    path, monkeypatch, all_seen, leased, expected
):
    monkeypatch.setattr(openers, '_processes', lambda path: ([], all_seen))
    monkeypatch.setattr(openers, '_lease', lambda path: leased)
    assert openers.find(path) == expected


def test_use_of_a_file_that_is_gone_is_unknown(tmp_path):
    assert openers.find(tmp_path / 'gone') == (None, ())
