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

import hashlib
import itertools
import json
import os
import threading

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import directory, openers
from image_pipeline.testing import fakes, killing
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME


def catalogue_in(state_dir, **target):
    return directory.DirectoryCatalogue(
        fakes.target(**target), state_dir=state_dir
    )


@pytest.fixture
def catalogue(tmp_path):
    return catalogue_in(tmp_path / 'state')


def registered(catalogue, folder, content=b'content', **options):
    image = conformance.make_image(folder, content)
    return conformance.register(catalogue, image, **options)


def promoted(catalogue, folder, content=b'content'):
    record = registered(catalogue, folder, content)
    return catalogue.promote(record.id).current


def users_see(catalogue, name=f'{NAME}.raw'):
    link = catalogue.root / 'images' / name
    return link.read_bytes().rstrip(b'\0') if link.exists() else None


def check(catalogue):
    """Assert what holds at any time; return the states by content."""
    found = {}
    current = set()
    for record in catalogue.list_images():
        assert record.hidden == (record.state != 'current')
        assert record.path.stat().st_size == record.size
        assert record.path.stat().st_mode & 0o777 == 0o444
        content = record.path.read_bytes().rstrip(b'\0')
        found[content] = record.state.value
        if record.state == 'current':
            assert record.final_name not in current
            current.add(record.final_name)
            assert users_see(catalogue, f'{record.final_name}.raw') == content
    links = {path.stem for path in (catalogue.root / 'images').glob('[!.]*')}
    assert links == current | {f'{name}.raw' for name in current}
    return found


def leftovers(catalogue):
    known = {record.path.name for record in catalogue.list_images()}
    files = {path.name for path in (catalogue.root / 'files').glob('*')}
    incoming = {path.name for path in (catalogue.root / 'incoming').glob('*')}
    journal = {path.name for path in catalogue.root.glob('journal*')}
    return (files - known) | incoming | journal


def test_file_is_another_name_of_the_artifact(catalogue, tmp_path):
    image = conformance.make_image(tmp_path)
    record = conformance.register(catalogue, image)
    assert record.path.samefile(image.path)
    assert record.path.is_relative_to(tmp_path / 'state' / 'catalogue')


def test_image_survives_the_removal_of_the_artifact(catalogue, tmp_path):
    image = conformance.make_image(tmp_path)
    record = conformance.register(catalogue, image)
    image.path.unlink()
    assert record.path.stat().st_size == image.size


def test_file_is_copied_where_it_cannot_be_linked(
    catalogue, tmp_path, monkeypatch
):
    def refuse(*args, **kwargs):
        raise OSError(18, 'Invalid cross-device link')

    image = conformance.make_image(tmp_path)
    monkeypatch.setattr(os, 'link', refuse)
    record = conformance.register(catalogue, image)
    assert not record.path.samefile(image.path)
    assert record.path.read_bytes() == image.path.read_bytes()
    assert record.path.stat().st_mode & 0o777 == 0o444


def test_copy_that_is_not_what_its_digest_says_is_refused(
    catalogue, tmp_path, monkeypatch
):
    image = conformance.make_image(tmp_path)
    image.path.chmod(0o644)
    image.path.write_bytes(b'x' * image.size)

    def refuse(*args, **kwargs):
        raise PermissionError(1, 'Operation not permitted')

    monkeypatch.setattr(os, 'link', refuse)
    with pytest.raises(exceptions.DigestMismatch):
        conformance.register(catalogue, image)
    assert list(catalogue.list_images()) == []
    assert leftovers(catalogue) == set()


def test_file_of_another_size_is_refused(catalogue, tmp_path):
    image = conformance.make_image(tmp_path)
    image.path.chmod(0o644)
    image.path.write_bytes(b'short')
    with pytest.raises(exceptions.DigestMismatch, match='5 bytes, not 512'):
        conformance.register(catalogue, image)
    assert leftovers(catalogue) == set()


def test_file_that_is_missing_is_a_clear_error(catalogue, tmp_path):
    image = conformance.make_image(tmp_path)
    image.path.unlink()
    with pytest.raises(exceptions.PipelineError, match='No such file'):
        conformance.register(catalogue, image)
    assert leftovers(catalogue) == set()


@pytest.mark.parametrize(
    'name', ['', '../x', 'a/b', '.hidden', 'x' * 201, 'a\0b', 'a b']
)
def test_name_that_is_no_file_name_is_refused(catalogue, tmp_path, name):
    with pytest.raises(exceptions.InvalidInput):
        registered(catalogue, tmp_path, name=name)


def test_users_find_the_current_image_under_its_name(catalogue, tmp_path):
    assert users_see(catalogue) is None
    promoted(catalogue, tmp_path, b'old')
    assert users_see(catalogue) == b'old'
    promoted(catalogue, tmp_path, b'new')
    assert users_see(catalogue) == b'new'
    catalogue.roll_back(NAME)
    assert users_see(catalogue) == b'old'


def test_users_never_find_no_image_while_one_is_promoted(catalogue, tmp_path):
    ids = [registered(catalogue, tmp_path, c).id for c in (b'a', b'b')]
    catalogue.promote(ids[0])
    seen = []
    stop = threading.Event()

    def look():
        while not stop.is_set():
            seen.append(users_see(catalogue))

    reader = threading.Thread(target=look)
    reader.start()
    turn = 0
    while turn < 40 or len(seen) < 2:
        turn += 1
        catalogue.promote(ids[turn % 2])
    stop.set()
    reader.join()
    assert set(seen) <= {b'a', b'b'}
    assert len(seen) > 1


def test_other_format_takes_the_place_of_the_former(catalogue, tmp_path):
    for image_format in ('raw', 'qcow2'):
        image = conformance.make_image(
            tmp_path, image_format.encode(), image_format=image_format
        )
        record = conformance.register(catalogue, image)
        catalogue.promote(record.id)
    names = {path.name for path in (catalogue.root / 'images').iterdir()}
    assert names == {f'{NAME}.qcow2', f'{NAME}.qcow2.CHECKSUM'}


def test_checksums_of_the_current_image_lie_beside_it(catalogue, tmp_path):
    for content in (b'one', b'two'):
        promoted(catalogue, tmp_path, content)
        image = catalogue.root / 'images' / f'{NAME}.raw'
        data = image.read_bytes()
        listed = image.with_name(f'{image.name}.CHECKSUM').read_text()
        assert listed == (
            f'SHA256 ({image.name}) = {hashlib.sha256(data).hexdigest()}\n'
            f'SHA512 ({image.name}) = {hashlib.sha512(data).hexdigest()}\n'
        )


def test_digest_that_was_rolled_back_stays_rejected_after_deletion(
    catalogue, tmp_path
):
    promoted(catalogue, tmp_path, b'good')
    bad = promoted(catalogue, tmp_path, b'bad')
    catalogue.roll_back(NAME)
    catalogue.retire(bad.id, delete=True)
    again = registered(catalogue, tmp_path, b'bad')
    assert again.state == artifact.ImageState.REJECTED
    with pytest.raises(exceptions.StateConflict, match='rolled back before'):
        catalogue.promote(again.id)
    catalogue.promote(again.id, force=True)
    catalogue.promote(registered(catalogue, tmp_path, b'good').id)
    # Force takes the mark away.
    catalogue.promote(again.id)


def test_image_whose_file_is_gone_is_registered_anew(catalogue, tmp_path):
    record = registered(catalogue, tmp_path)
    record.path.unlink()
    again = registered(catalogue, tmp_path)
    assert again.id != record.id
    assert again.path.exists()


def test_rollback_passes_over_an_image_whose_file_is_gone(catalogue, tmp_path):
    images = [promoted(catalogue, tmp_path, c) for c in (b'1', b'2', b'3')]
    images[1].path.unlink()
    assert catalogue.roll_back(NAME).current.id == images[0].id


def test_image_that_a_process_has_open_is_not_deleted(catalogue, tmp_path):
    record = registered(catalogue, tmp_path)
    with record.path.open('rb'):
        usage = catalogue.in_use(record.id)
        assert usage.in_use
        assert str(os.getpid()) in usage.users[0]
        with pytest.raises(exceptions.StateConflict, match='in use'):
            catalogue.retire(record.id, delete=True)
        assert catalogue.retire(record.id).state == 'retired'
    catalogue.retire(record.id, delete=True)
    assert list(catalogue.list_images()) == []


def test_image_whose_use_is_not_known_is_not_deleted(
    catalogue, tmp_path, monkeypatch
):
    record = registered(catalogue, tmp_path)
    monkeypatch.setattr(openers, 'find', lambda path: (None, ()))
    with pytest.raises(exceptions.StateConflict, match='could not be found'):
        catalogue.retire(record.id, delete=True)
    assert record.path.exists()


def test_state_folder_may_be_moved(tmp_path):
    before = catalogue_in(tmp_path / 'a')
    promoted(before, tmp_path, b'content')
    (tmp_path / 'a').rename(tmp_path / 'b')
    after = catalogue_in(tmp_path / 'b')
    assert check(after) == {b'content': 'current'}


@pytest.mark.parametrize(
    ('text', 'what'),
    [
        ('', 'Expecting value'),
        ('{"id": "x"}', 'is missing'),
        ('[]', 'no JSON object'),
        ('\0\0', 'Expecting value'),
    ],
)
def test_damaged_record_is_a_clear_error(catalogue, tmp_path, text, what):
    record = registered(catalogue, tmp_path)
    path = catalogue.root / 'records' / f'{record.id}.json'
    path.write_text(text)
    for ask in (
        catalogue.list_images,
        lambda: catalogue.get(record.id),
        lambda: catalogue.promote(record.id),
    ):
        with pytest.raises(exceptions.StateConflict, match=what) as damaged:
            ask()
        assert str(path) in damaged.value.message
        assert damaged.value.hint


@pytest.mark.parametrize(
    'text',
    [
        'half a',
        '{}',
        '{"version": 2, "summary": "", "steps": []}',
        '{"version": 1, "summary": "x", "steps": [{"do": "dance"}]}',
        '{"version": 1, "summary": "x", "steps": '
        '[{"do": "remove", "path": "../../etc/passwd"}]}',
    ],
)
def test_damaged_journal_is_a_clear_error(catalogue, tmp_path, text):
    registered(catalogue, tmp_path)
    journal = catalogue.root / 'journal.json'
    journal.write_text(text)
    for ask in (catalogue.list_images, catalogue.recover):
        with pytest.raises(exceptions.StateConflict) as damaged:
            ask()
        assert str(journal) in damaged.value.message
        assert damaged.value.hint
    assert journal.read_text() == text


def test_looking_makes_nothing(tmp_path):
    catalogue = catalogue_in(tmp_path / 'state')
    assert list(catalogue.list_images()) == []
    assert list(catalogue.recover()) == []
    catalogue.undo({'target': 'local', 'image_id': 'x'})
    assert not (tmp_path / 'state').exists()


def test_promoters_at_once_leave_one_current_image(tmp_path):
    folder = tmp_path / 'state'
    ids = [
        registered(catalogue_in(folder), tmp_path, bytes([65 + n])).id
        for n in range(6)
    ]
    threads = [
        threading.Thread(target=catalogue_in(folder).promote, args=(one,))
        for one in ids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = sorted(check(catalogue_in(folder)).values())
    assert states == ['current'] + ['previous'] * 5


def test_registrations_of_one_content_at_once_are_one_image(tmp_path):
    image = conformance.make_image(tmp_path)
    folder = tmp_path / 'state'
    found = []
    threads = [
        threading.Thread(
            target=lambda: found.append(
                conformance.register(catalogue_in(folder), image).id
            )
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    assert leftovers(catalogue_in(folder)) == set()


def operations():
    return {
        'register': (
            lambda c, folder, ids: registered(c, folder, b'new'),
            {b'1': 'previous', b'2': 'current', b'3': 'candidate'},
            {
                b'1': 'previous',
                b'2': 'current',
                b'3': 'candidate',
                b'new': 'candidate',
            },
        ),
        'promote': (
            lambda c, folder, ids: c.promote(ids[b'3']),
            {b'1': 'previous', b'2': 'current', b'3': 'candidate'},
            {b'1': 'previous', b'2': 'previous', b'3': 'current'},
        ),
        'roll-back': (
            lambda c, folder, ids: c.roll_back(NAME),
            {b'1': 'previous', b'2': 'current', b'3': 'candidate'},
            {b'1': 'current', b'2': 'rejected', b'3': 'candidate'},
        ),
        'retire': (
            lambda c, folder, ids: c.retire(ids[b'1']),
            {b'1': 'previous', b'2': 'current', b'3': 'candidate'},
            {b'1': 'retired', b'2': 'current', b'3': 'candidate'},
        ),
        'delete': (
            lambda c, folder, ids: c.retire(ids[b'1'], delete=True),
            {b'1': 'previous', b'2': 'current', b'3': 'candidate'},
            {b'2': 'current', b'3': 'candidate'},
        ),
    }


@pytest.mark.parametrize('name', operations())
def test_killed_anywhere_it_is_done_or_not_done(tmp_path, name):
    operation, before, after = operations()[name]
    outcomes = set()
    for number in itertools.count():
        folder = tmp_path / str(number)
        folder.mkdir()
        catalogue = catalogue_in(folder / 'state')
        ids = {
            b'1': promoted(catalogue, folder, b'1').id,
            b'2': promoted(catalogue, folder, b'2').id,
            b'3': registered(catalogue, folder, b'3').id,
        }
        conformance.make_image(folder, b'new')
        with killing.before(number) as death:
            operation(catalogue, folder, ids)
        survivor = catalogue_in(folder / 'state')
        # Those who only look see either, too, though nothing is made good.
        looked = {
            json.dumps(sorted(one.state for one in survivor.list_images()))
        }
        said = survivor.recover()
        found = check(survivor)
        assert found in (before, after), (number, said)
        assert looked == {json.dumps(sorted(found.values()))}
        assert leftovers(survivor) == set()
        assert list(survivor.recover()) == []
        outcomes.add((found == after, bool(said)))
        # And the next command works.
        survivor.promote(ids[b'3'])
        check(survivor)
        if not death.came:
            break
    assert found == after
    # Before it was written down, after that, and at the end.
    assert {(False, False), (True, True), (True, False)} <= outcomes
    assert number > 8


def test_recovering_says_what_was_half_done(tmp_path):
    catalogue = catalogue_in(tmp_path / 'state')
    record = registered(catalogue, tmp_path)
    for number in itertools.count():
        with killing.before(number):
            catalogue.promote(record.id)
        said = catalogue_in(tmp_path / 'state').recover()
        if said:
            break
    assert said == [
        f'finished the promotion of {NAME} to {record.id}, which had been '
        'interrupted'
    ]


def test_killed_recovery_is_recovered(tmp_path):
    for number in itertools.count():
        folder = tmp_path / str(number)
        folder.mkdir()
        catalogue = catalogue_in(folder / 'state')
        promoted(catalogue, folder, b'1')
        record = registered(catalogue, folder, b'2')
        # The seventh change of a promotion is well past its journal.
        with killing.before(7) as first:
            catalogue.promote(record.id)
        assert first.came
        with killing.before(number) as second:
            catalogue.recover()
        catalogue.recover()
        assert check(catalogue) == {b'1': 'previous', b'2': 'current'}
        assert leftovers(catalogue) == set()
        if not second.came:
            break
    assert number > 5
