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
import os

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.host import cancellation
from image_pipeline.store import artifacts
from image_pipeline.store import store as store_module


@pytest.fixture
def store(tmp_path):
    made = store_module.Store(tmp_path / 'state')
    made.prepare()
    return made


def make(folder, text='content', *, name='disk.raw', digest='', size=0):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return artifact.Artifact(
        kind=artifact.DISK,
        path=path,
        digest=digest,
        size=size,
        properties={'a': 1},
    )


def sha256(text):
    return 'sha256:' + hashlib.sha256(text.encode()).hexdigest()


def test_adopting_moves_the_file_in_read_only(store, tmp_path):
    made = make(tmp_path / 'work')
    kept = store.artifacts.adopt(made)
    assert not made.path.exists()
    assert kept.path.read_text() == 'content'
    assert kept.path.stat().st_mode & 0o777 == 0o444
    assert kept.digest == sha256('content')
    assert kept.size == 7
    assert kept.properties == {'a': 1}
    assert kept.path.parent.name == kept.digest.removeprefix('sha256:')


def test_the_same_content_is_kept_once(store, tmp_path):
    one = store.artifacts.adopt(make(tmp_path / 'a'))
    other = store.artifacts.adopt(make(tmp_path / 'b', name='other'))
    assert other.path == one.path
    assert not (tmp_path / 'b' / 'other').exists()


def test_an_artifact_that_is_in_the_store_stays_as_it_is(store, tmp_path):
    kept = store.artifacts.adopt(make(tmp_path / 'work'))
    before = kept.path.stat()
    assert store.artifacts.adopt(kept) == kept
    assert kept.path.stat() == before


def test_a_digest_that_the_stage_computed_is_taken(store, tmp_path):
    made = make(tmp_path / 'w', digest=sha256('content'), size=7)
    assert store.artifacts.adopt(made).digest == sha256('content')


def test_a_digest_with_another_size_is_not_believed(store, tmp_path):
    made = make(tmp_path / 'w', digest=sha256('other'), size=5)
    with pytest.raises(exceptions.DigestMismatch):
        store.artifacts.adopt(made)


@pytest.mark.parametrize('what', ['nothing', 'folder', 'link'])
def test_only_a_regular_file_is_adopted(store, tmp_path, what):
    path = tmp_path / 'x'
    if what == 'folder':
        path.mkdir()
    if what == 'link':
        path.symlink_to('/etc/passwd')
    made = artifact.Artifact(kind='disk', path=path, digest='', size=0)
    with pytest.raises(exceptions.StageFailed):
        store.artifacts.adopt(made)


def test_hashing_stops_when_the_run_is_cancelled(store, tmp_path):
    token = cancellation.CancellationToken()
    token.cancel('test')
    made = make(tmp_path / 'work')
    with pytest.raises(exceptions.Interrupted):
        store.artifacts.adopt(made, cancelled=token)
    assert made.path.exists()


def test_an_untouched_file_is_not_read_again(store, tmp_path, monkeypatch):
    kept = store.artifacts.adopt(make(tmp_path / 'work'))

    def read(*_):
        raise AssertionError('it was read')

    monkeypatch.setattr(artifacts, 'file_digest', read)
    assert store.artifacts.verify(kept)
    with pytest.raises(AssertionError):
        store.artifacts.verify(kept, deep=True)


def test_a_link_from_the_catalogue_changes_nothing(
    store, tmp_path, monkeypatch
):
    kept = store.artifacts.adopt(make(tmp_path / 'work'))
    os.link(kept.path, tmp_path / 'linked')
    monkeypatch.setattr(artifacts, 'file_digest', None)
    assert store.artifacts.verify(kept)


def test_changed_content_is_seen(store, tmp_path):
    kept = store.artifacts.adopt(make(tmp_path / 'work'))
    kept.path.chmod(0o644)
    kept.path.write_text('CONTENT')
    assert not store.artifacts.verify(kept)


def test_a_large_file_is_read_again_after_a_reboot(
    store, tmp_path, monkeypatch
):
    monkeypatch.setattr(artifacts, '_SYNC_BELOW', 3)
    kept = store.artifacts.adopt(make(tmp_path / 'work'))
    monkeypatch.setattr(artifacts, '_boot_id', lambda: 'another')
    read = []
    digest = artifacts.file_digest
    monkeypatch.setattr(
        artifacts, 'file_digest', lambda path: read.append(1) or digest(path)
    )
    assert store.artifacts.verify(kept)
    assert store.artifacts.verify(kept)
    assert read == [1]


def test_a_damaged_copy_is_replaced_when_it_is_made_again(store, tmp_path):
    kept = store.artifacts.adopt(make(tmp_path / 'a'))
    kept.path.chmod(0o644)
    kept.path.write_text('CONTENT')
    again = store.artifacts.adopt(make(tmp_path / 'b'))
    assert again.path.read_text() == 'content'
    assert store.artifacts.verify(again)


def test_what_is_leased_is_not_discarded(store, tmp_path):
    kept = store.artifacts.adopt(make(tmp_path / 'work'))
    lease = store.artifacts.lease(kept.digest)
    second = store.artifacts.lease(kept.digest)
    assert not store.artifacts.discard(kept.digest)
    lease.release()
    assert not store.artifacts.discard(kept.digest)
    second.release()
    assert store.artifacts.discard(kept.digest)
    assert not store.artifacts.present(kept)
    assert not store.artifacts.verify(kept)
    assert not store.artifacts.discard(kept.digest)


def test_a_lease_on_nothing_is_an_error(store):
    with pytest.raises(OSError):
        store.artifacts.lease(sha256('nothing'))
