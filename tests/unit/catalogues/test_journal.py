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

import itertools
import json

import pytest

from image_pipeline import exceptions
from image_pipeline.catalogues import journal
from image_pipeline.testing import killing

CHANGE = journal.Change(
    summary='swap of a and b',
    steps=(
        journal.move('incoming/x', 'files/x'),
        journal.write('records/x.json', {'state': 'current'}),
        journal.link('images/now', '../files/x'),
        journal.remove('records/old.json'),
    ),
)


@pytest.fixture
def root(tmp_path):
    return begin(tmp_path / 'c')


def begin(root):
    for name in ('incoming/x', 'records/old.json', 'files/old'):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / 'images').mkdir()
    (root / 'images/now').symlink_to('../files/old')
    return root


def seen(root):
    """What readers go by."""
    return {
        'moved': (root / 'files/x').exists(),
        'written': (root / 'records/x.json').exists(),
        'linked': (root / 'images/now').readlink().name,
        'removed': not (root / 'records/old.json').exists(),
    }


BEFORE = {'moved': False, 'written': False, 'linked': 'old', 'removed': False}
AFTER = {'moved': True, 'written': True, 'linked': 'x', 'removed': True}


def commit(root):
    made = journal.Journal(root)
    with made.writing():
        made.commit(CHANGE)


def test_change_is_made_and_struck_out(root):
    commit(root)
    assert seen(root) == AFTER
    assert json.loads((root / 'records/x.json').read_text()) == {
        'state': 'current'
    }
    assert not (root / 'journal.json').exists()


def test_killed_change_is_made_whole_or_not_at_all(tmp_path):
    outcomes = []
    for number in itertools.count():
        root = begin(tmp_path / str(number))
        with killing.before(number) as death:
            commit(root)
        with journal.Journal(root).writing() as done:
            pass
        assert seen(root) in (BEFORE, AFTER)
        assert done in (
            [],
            ['finished the swap of a and b, which had been interrupted'],
        )
        if done:
            assert seen(root) == AFTER
        assert not (root / 'journal.json').exists()
        outcomes.append((seen(root) == AFTER, bool(done)))
        if not death.came:
            break
    # Before it was written down, after that, and at the end.
    assert {(False, False), (True, True), (True, False)} == set(outcomes)


def test_change_that_was_finished_twice_is_the_same_as_once(root):
    (root / 'journal.json').write_text(
        json.dumps(
            {
                'version': 1,
                'summary': CHANGE.summary,
                'steps': list(CHANGE.steps),
            }
        )
    )
    text = (root / 'journal.json').read_text()
    for _ in range(2):
        (root / 'journal.json').write_text(text)
        with journal.Journal(root).writing() as done:
            assert len(done) == 1
        assert seen(root) == AFTER


def test_reader_is_told_of_what_a_killed_process_wrote_down(root):
    made = journal.Journal(root)
    for number in itertools.count():
        with killing.before(number):
            commit(root)
        if (root / 'journal.json').exists():
            break
    with made.reading() as pending:
        assert pending == CHANGE
    # A reader does nothing about it.
    assert (root / 'journal.json').exists()


def test_reading_what_nobody_wrote_makes_nothing(tmp_path):
    with journal.Journal(tmp_path / 'c').reading() as pending:
        assert pending is None
    assert list(tmp_path.iterdir()) == []


def test_readers_share_and_keep_writers_out(root):
    made = journal.Journal(root)
    with made.writing():
        pass
    waited = []

    class Patient(Exception):
        pass

    def sleep(seconds):
        waited.append(seconds)
        raise Patient

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal.time, 'sleep', sleep)
        with made.reading():
            with journal.Journal(root).reading():
                pass
            assert waited == []
            with pytest.raises(Patient), journal.Journal(root).writing():
                pytest.fail('a reader is there')
    assert len(waited) == 1


@pytest.mark.parametrize(
    ('text', 'what'),
    [
        ('half a', 'Expecting value'),
        ('[]', 'list indices'),
        ('{"version": 2}', 'another version'),
        ('{"version": 1, "summary": ""}', "'steps'"),
        ('{"version": 1, "summary": "", "steps": [{"do": "dance"}]}', 'dance'),
        (
            '{"version": 1, "summary": "", "steps": [{"do": "remove"}]}',
            'not complete',
        ),
        (
            '{"version": 1, "summary": "", "steps": '
            '[{"do": "remove", "path": "/etc/passwd"}]}',
            'leaves the folder: /etc/passwd',
        ),
        (
            '{"version": 1, "summary": "", "steps": '
            '[{"do": "move", "path": "a", "to": "b/../../c"}]}',
            'leaves the folder: b/../../c',
        ),
    ],
)
def test_damaged_journal_is_told_and_left_as_it_is(root, text, what):
    (root / 'journal.json').write_text(text)
    made = journal.Journal(root)
    with pytest.raises(exceptions.StateConflict) as caught, made.writing():
        pytest.fail('it is damaged')
    assert f'{root}/journal.json is damaged' in caught.value.message
    assert what in caught.value.message
    assert caught.value.hint
    assert seen(root) == BEFORE
    assert (root / 'journal.json').read_text() == text


def test_text_is_put_in_place_of_the_former(root):
    for content in ('one\n', 'two\n'):
        made = journal.Journal(root)
        with made.writing():
            made.commit(
                journal.Change(
                    summary='x', steps=(journal.text('images/a', content),)
                )
            )
        assert (root / 'images/a').read_text() == content
