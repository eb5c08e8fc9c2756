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

import threading

import pytest

from image_pipeline import exceptions
from image_pipeline.host import cancellation, locks


def test_a_lock_excludes_and_says_who_holds_it(tmp_path):
    path = tmp_path / 'lock'
    with locks.FileLock(path, note={'run': 'r'}) as one:
        assert one.held
        with pytest.raises(locks.Held) as caught:
            locks.FileLock(path).acquire(wait=False)
        assert caught.value.holder == {'run': 'r'}
    assert not one.held
    locks.FileLock(path).acquire(wait=False).release()


def test_shared_locks_share_and_exclude_others(tmp_path):
    path = tmp_path / 'lock'
    one = locks.FileLock(path).acquire(shared=True)
    two = locks.FileLock(path).acquire(shared=True)
    with pytest.raises(locks.Held):
        locks.FileLock(path).acquire(wait=False)
    one.release()
    two.release()
    locks.FileLock(path).acquire(wait=False)


def test_a_folder_can_be_locked(tmp_path):
    with (
        locks.FileLock(tmp_path).acquire(shared=True),
        pytest.raises(locks.Held),
    ):
        locks.FileLock(tmp_path).acquire(wait=False)


def test_waiting_is_told_once_and_ends_with_the_lock(tmp_path):
    path = tmp_path / 'lock'
    held = locks.FileLock(path, note={'pid': 1}).acquire()
    told = []

    def tell(holder):
        told.append(holder)
        held.release()

    locks.FileLock(path).acquire(on_wait=tell).release()
    assert told == [{'pid': 1}]


def test_waiting_can_be_cancelled(tmp_path):
    path = tmp_path / 'lock'
    token = cancellation.CancellationToken()
    with locks.FileLock(path):
        threading.Timer(0.2, token.cancel, ['SIGINT']).start()
        with pytest.raises(exceptions.Interrupted):
            locks.FileLock(path).acquire(cancelled=token)


def test_a_damaged_note_is_none(tmp_path):
    (tmp_path / 'lock').write_text('[')
    assert locks.FileLock(tmp_path / 'lock').holder() == {}
    (tmp_path / 'lock').write_text('[1]')
    assert locks.FileLock(tmp_path / 'lock').holder() == {}


def test_children_do_not_inherit_a_lock(tmp_path):
    import os

    with locks.FileLock(tmp_path / 'lock') as lock:
        assert lock._fd is not None
        assert not os.get_inheritable(lock._fd)
