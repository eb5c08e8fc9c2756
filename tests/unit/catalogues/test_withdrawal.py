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

import dataclasses

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base, withdrawal

STATE = artifact.ImageState
CURRENT = artifact.ImageRecord(
    id='1',
    name='debian-12',
    final_name='debian-12',
    state=STATE.CURRENT,
    sha256='ab' * 32,
    sha512='cd' * 64,
    size=512,
    virtual_size=512,
    format='raw',
    visibility='public',
    hidden=False,
    created_at='2026-11-21T12:00:00Z',
)
PREVIOUS = dataclasses.replace(
    CURRENT, id='2', state=STATE.PREVIOUS, hidden=True
)


def test_image_is_deleted_only_if_it_is_known_to_be_unused():
    withdrawal.check_unused(CURRENT, base.Usage(in_use=False))
    with pytest.raises(exceptions.StateConflict, match='in use: a, b'):
        withdrawal.check_unused(
            CURRENT, base.Usage(in_use=True, users=('a', 'b'))
        )
    with pytest.raises(exceptions.StateConflict, match='by whom is not known'):
        withdrawal.check_unused(CURRENT, base.Usage(in_use=True))
    with pytest.raises(exceptions.StateConflict, match='could not be found'):
        withdrawal.check_unused(CURRENT, base.Usage(in_use=None))


def test_current_image_is_rolled_back_before_it_is_revoked():
    for force in (False, True):
        assert withdrawal.check_revoke(
            CURRENT, [CURRENT, PREVIOUS], force=force
        )


def test_only_current_image_is_revoked_by_force():
    with pytest.raises(exceptions.StateConflict) as caught:
        withdrawal.check_revoke(CURRENT, [CURRENT], force=False)
    assert 'image revoke --force 1' in caught.value.hint
    assert not withdrawal.check_revoke(CURRENT, [CURRENT], force=True)


def test_other_images_are_revoked_as_they_are():
    assert not withdrawal.check_revoke(PREVIOUS, [PREVIOUS], force=False)


def test_revoked_image_is_hidden_and_says_why():
    revoked = withdrawal.revoke(CURRENT, reason='a key is in it')
    assert (revoked.state, revoked.hidden) == (STATE.REJECTED, True)
    assert revoked.reason == 'a key is in it'
    assert revoked.name == CURRENT.name
