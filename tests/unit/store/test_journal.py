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

from image_pipeline import artifact, exceptions
from image_pipeline.store import journal


@pytest.fixture
def log(tmp_path):
    return journal.Journal(tmp_path / 'journal.jsonl')


def record(path):
    return artifact.UndoRecord(kind='path', arguments={'path': path})


def paths(entries):
    return [entry.record.arguments['path'] for entry in entries]


def test_the_latest_is_undone_first(log):
    for name in ('/a', '/b', '/c'):
        log.announce('step', record(name))
    assert paths(log.pending()) == ['/c', '/b', '/a']


def test_a_record_is_on_disk_when_announced(log):
    log.announce('step', record('/a'))
    assert paths(journal.Journal(log.path).pending()) == ['/a']


def test_what_is_done_is_not_pending(log):
    number = log.announce('step', record('/a'))
    log.announce('step', record('/b'))
    log.done(number)
    assert paths(log.pending()) == ['/b']


def test_what_a_step_that_succeeded_made_stays(log):
    log.announce('one', record('/a'))
    log.announce('two', record('/b'))
    log.commit('one')
    assert paths(log.pending()) == ['/b']
    assert paths(log.pending('two')) == ['/b']
    assert log.pending('one') == []


def test_a_step_that_runs_again_has_records_of_its_own(log):
    log.announce('one', record('/a'))
    log.commit('one')
    log.announce('one', record('/b'))
    assert paths(log.pending()) == ['/b']


def test_what_is_kept_is_pending_only_when_asked_for(log):
    log.announce('one', record('/a'))
    log.keep('one')
    assert log.pending() == []
    assert paths(log.pending(kept=True)) == ['/a']


def test_numbers_go_on_in_a_second_process(log):
    first = log.announce('one', record('/a'))
    second = journal.Journal(log.path).announce('one', record('/b'))
    assert second > first


def test_a_line_that_was_cut_off_is_skipped(log):
    log.announce('one', record('/a'))
    with log.path.open('a') as file:
        file.write('{"op": "undo", "numb')
    again = journal.Journal(log.path)
    again.announce('one', record('/b'))
    assert paths(again.pending()) == ['/b', '/a']


def test_a_full_disk_is_told_before_the_thing_is_made(log, monkeypatch):
    monkeypatch.setattr(journal.os, 'write', lambda fd, data: 3)
    with pytest.raises(exceptions.StageFailed, match='no space'):
        log.announce('one', record('/a'))
