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

"""The contract of a catalogue's promote, roll back, retire and recover."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base
from image_pipeline.testing.conformance.catalogue_fixtures import (
    NAME,
    CatalogueFixtures,
    make_image,
    register,
)

_STATE = artifact.ImageState


class ChangesConformance(CatalogueFixtures):
    """What every catalogue does with the images that it has."""

    def test_properties_are_set_and_taken_away(
        self, catalogue: Any, folder: Path
    ) -> None:
        record = register(
            catalogue, make_image(folder), properties={'a': '1', 'b': '2'}
        )
        changed = catalogue.set_properties(
            record.id, {'a': None, 'b': '3', 'c': '4', 'not-there': None}
        )
        assert dict(changed.properties) == {'b': '3', 'c': '4'}
        assert self.again(catalogue).get(record.id) == changed
        assert changed == dataclasses.replace(
            record, properties=changed.properties
        )

    @pytest.mark.parametrize('state', ['current', 'previous', 'rejected'])
    def test_setting_properties_does_not_change_the_state(
        self, catalogue: Any, folder: Path, state: str
    ) -> None:
        ids = self.former(catalogue, folder, state)
        before = self.states(catalogue)
        catalogue.set_properties(ids[state], {'a': '1'})
        assert self.states(catalogue) == before
        assert catalogue.get(ids[state]).properties['a'] == '1'

    @pytest.mark.parametrize('key', ['image_pipeline_state', 'os_glance_x'])
    def test_reserved_property_is_refused_and_nothing_is_set(
        self, catalogue: Any, folder: Path, key: str
    ) -> None:
        record = register(catalogue, make_image(folder))
        with pytest.raises(exceptions.InvalidInput):
            catalogue.set_properties(record.id, {'a': '1', key: 'x'})
        assert catalogue.get(record.id) == record

    def test_what_a_smoke_test_found_out_is_kept(
        self, catalogue: Any, folder: Path
    ) -> None:
        image = make_image(folder)
        record = register(catalogue, image, properties={'a': '1'})
        assert record.tested_sha256 is None
        catalogue.set_properties(
            record.id,
            {'min_ram': '512'},
            tested=base.Tested(sha256=record.sha256, ram=512),
        )
        catalogue.set_properties(record.id, {'b': '2'})
        register(catalogue, image, properties={'a': '3'})
        catalogue.promote(record.id)
        now = self.again(catalogue).get(record.id)
        assert (now.tested_sha256, now.tested_ram) == (record.sha256, 512)
        assert dict(now.properties) == {'a': '3', 'min_ram': '512'}

    def test_first_promotion_makes_the_image_visible_under_its_name(
        self, catalogue: Any, folder: Path
    ) -> None:
        record = register(catalogue, make_image(folder))
        swap = catalogue.promote(record.id, reason='because')
        assert swap.former is None
        now = self.again(catalogue).get(record.id)
        assert now == swap.current
        assert (now.name, now.state) == (NAME, _STATE.CURRENT)
        assert not now.hidden
        assert now.visibility == catalogue.target.visibility
        assert now.reason == 'because'
        assert now.promoted_at is not None
        assert now.previous_id is None

    def test_promotion_hides_the_former_and_keeps_its_name(
        self, catalogue: Any, folder: Path
    ) -> None:
        old = register(catalogue, make_image(folder, b'old'))
        catalogue.promote(old.id)
        new = register(catalogue, make_image(folder, b'new'))
        swap = catalogue.promote(new.id)
        assert swap.former is not None
        assert swap.former.id == old.id
        former = catalogue.get(old.id)
        assert former == swap.former
        assert (former.name, former.state) == (NAME, _STATE.PREVIOUS)
        assert former.hidden
        assert catalogue.get(new.id).previous_id == old.id
        assert self.states(catalogue) == {
            old.id: 'previous',
            new.id: 'current',
        }

    def test_promoting_the_current_image_changes_nothing(
        self, catalogue: Any, folder: Path
    ) -> None:
        record = register(catalogue, make_image(folder))
        catalogue.promote(record.id)
        before = catalogue.get(record.id)
        swap = catalogue.promote(record.id, reason='again')
        assert (swap.current, swap.former) == (before, None)
        assert catalogue.get(record.id) == before

    def test_promotion_leaves_other_names_alone(
        self, catalogue: Any, folder: Path
    ) -> None:
        other = register(catalogue, make_image(folder), name='other')
        catalogue.promote(other.id)
        record = register(catalogue, make_image(folder, b'new'))
        catalogue.promote(record.id)
        assert self.states(catalogue) == {
            other.id: 'current',
            record.id: 'current',
        }

    def test_previous_image_may_be_promoted_again(
        self, catalogue: Any, folder: Path
    ) -> None:
        ids = self.former(catalogue, folder, 'previous')
        catalogue.promote(ids['previous'])
        assert self.states(catalogue) == {
            ids['previous']: 'current',
            ids['current']: 'previous',
        }

    def test_retired_image_is_not_promoted(
        self, catalogue: Any, folder: Path
    ) -> None:
        record = register(catalogue, make_image(folder))
        catalogue.retire(record.id)
        for force in (False, True):
            with pytest.raises(exceptions.StateConflict):
                catalogue.promote(record.id, force=force)

    def test_rejected_image_is_promoted_by_force_only(
        self, catalogue: Any, folder: Path
    ) -> None:
        ids = self.former(catalogue, folder, 'rejected')
        before = self.states(catalogue)
        with pytest.raises(exceptions.StateConflict) as refused:
            catalogue.promote(ids['rejected'])
        assert '--force' in (refused.value.hint or '')
        assert self.states(catalogue) == before
        catalogue.promote(ids['rejected'], force=True)
        assert self.states(catalogue)[ids['rejected']] == 'current'

    def test_rollback_brings_the_previous_image_back(
        self, catalogue: Any, folder: Path
    ) -> None:
        ids = self.former(catalogue, folder, 'previous')
        swap = catalogue.roll_back(NAME, reason='it is broken')
        assert swap.current == catalogue.get(ids['previous'])
        assert swap.former == catalogue.get(ids['current'])
        assert self.states(catalogue) == {
            ids['previous']: 'current',
            ids['current']: 'rejected',
        }
        bad = catalogue.get(ids['current'])
        assert (bad.name, bad.reason) == (NAME, 'it is broken')

    def test_rollback_goes_back_one_image_at_a_time(
        self, catalogue: Any, folder: Path
    ) -> None:
        ids = []
        for content in (b'1', b'2', b'3'):
            record = register(catalogue, make_image(folder, content))
            catalogue.promote(record.id)
            ids.append(record.id)
        assert catalogue.roll_back(NAME).current.id == ids[1]
        assert catalogue.roll_back(NAME).current.id == ids[0]
        with pytest.raises(exceptions.StateConflict):
            catalogue.roll_back(NAME)
        assert self.states(catalogue)[ids[0]] == 'current'

    def test_rollback_needs_a_current_image(
        self, catalogue: Any, folder: Path
    ) -> None:
        with pytest.raises(exceptions.NotFound):
            catalogue.roll_back('no-such-name')
        register(catalogue, make_image(folder))
        with pytest.raises(exceptions.StateConflict):
            catalogue.roll_back(NAME)

    def test_rollback_goes_back_to_the_image_that_is_asked_for(
        self, catalogue: Any, folder: Path
    ) -> None:
        ids = []
        for content in (b'1', b'2', b'3'):
            record = register(catalogue, make_image(folder, content))
            catalogue.promote(record.id)
            ids.append(record.id)
        assert catalogue.roll_back(NAME, to=ids[0]).current.id == ids[0]
        assert self.states(catalogue) == {
            ids[0]: 'current',
            ids[1]: 'previous',
            ids[2]: 'rejected',
        }
        with pytest.raises(exceptions.StateConflict):
            catalogue.roll_back(NAME, to=ids[2])
        with pytest.raises(exceptions.NotFound):
            catalogue.roll_back(NAME, to='no-such-image')

    @pytest.mark.parametrize('first', [True, False])
    def test_promotion_is_taken_back_without_a_trace(
        self, catalogue: Any, folder: Path, first: bool
    ) -> None:
        if not first:
            self.former(catalogue, folder, 'previous')
        record = register(catalogue, make_image(folder, b'new'))
        before = {one.id: one for one in catalogue.list_images()}
        catalogue.take_back(catalogue.promote(record.id, reason='try'))
        now = self.again(catalogue)
        assert {one.id: one for one in now.list_images()} == before
        swap = catalogue.promote(record.id)
        assert swap.current.id == record.id

    def test_promotion_that_others_changed_is_not_taken_back(
        self, catalogue: Any, folder: Path
    ) -> None:
        self.former(catalogue, folder, 'previous')
        one = register(catalogue, make_image(folder, b'1'))
        swap = catalogue.promote(one.id)
        other = register(catalogue, make_image(folder, b'2'))
        catalogue.promote(other.id)
        before = self.states(catalogue)
        with pytest.raises(exceptions.StateConflict):
            catalogue.take_back(swap)
        assert self.states(catalogue) == before

    def test_nothing_is_taken_back_where_nothing_was_changed(
        self, catalogue: Any, folder: Path
    ) -> None:
        ids = self.former(catalogue, folder, 'previous')
        before = self.states(catalogue)
        catalogue.take_back(catalogue.promote(ids['current']))
        assert self.states(catalogue) == before

    @pytest.mark.parametrize('state', ['candidate', 'previous'])
    def test_revoked_image_is_hidden_and_rejected(
        self, catalogue: Any, folder: Path, state: str
    ) -> None:
        ids = self.former(catalogue, folder, state)
        if state == 'candidate':
            ids[state] = register(catalogue, make_image(folder, b'c')).id
        revoked = catalogue.revoke(ids[state], reason='a key is in it')
        assert revoked == self.again(catalogue).get(ids[state])
        assert (revoked.state, revoked.hidden) == (_STATE.REJECTED, True)
        assert revoked.reason == 'a key is in it'
        assert self.states(catalogue)[ids['current']] == 'current'

    def test_revoked_current_image_is_rolled_back(
        self, catalogue: Any, folder: Path
    ) -> None:
        ids = self.former(catalogue, folder, 'previous')
        catalogue.revoke(ids['current'], reason='a key is in it')
        assert self.states(catalogue) == {
            ids['current']: 'rejected',
            ids['previous']: 'current',
        }
        again = register(catalogue, make_image(folder, b'current'))
        assert again.state == _STATE.REJECTED

    def test_only_current_image_is_revoked_by_force(
        self, catalogue: Any, folder: Path
    ) -> None:
        record = register(catalogue, make_image(folder))
        catalogue.promote(record.id)
        with pytest.raises(exceptions.StateConflict) as refused:
            catalogue.revoke(record.id, reason='why')
        assert '--force' in (refused.value.hint or '')
        assert self.states(catalogue) == {record.id: 'current'}
        catalogue.revoke(record.id, reason='why', force=True)
        assert self.states(catalogue) == {record.id: 'rejected'}
        new = register(catalogue, make_image(folder, b'new'))
        assert catalogue.promote(new.id).former is None

    def test_current_image_is_not_retired(
        self, catalogue: Any, folder: Path
    ) -> None:
        record = register(catalogue, make_image(folder))
        catalogue.promote(record.id)
        for delete in (False, True):
            with pytest.raises(exceptions.StateConflict):
                catalogue.retire(record.id, delete=delete)
        assert catalogue.get(record.id).state == _STATE.CURRENT

    def test_retired_image_is_hidden_and_says_why(
        self, catalogue: Any, folder: Path
    ) -> None:
        ids = self.former(catalogue, folder, 'previous')
        record = catalogue.retire(ids['previous'], reason='too old')
        assert record == catalogue.get(ids['previous'])
        assert (record.state, record.reason) == (_STATE.RETIRED, 'too old')
        assert record.name == NAME

    def test_retiring_twice_changes_nothing(
        self, catalogue: Any, folder: Path
    ) -> None:
        record = register(catalogue, make_image(folder))
        first = catalogue.retire(record.id, reason='too old')
        assert catalogue.retire(record.id) == first

    def test_deleted_image_is_gone(self, catalogue: Any, folder: Path) -> None:
        image = make_image(folder)
        record = register(catalogue, image)
        gone = catalogue.retire(record.id, delete=True)
        assert gone.state == _STATE.RETIRED
        with pytest.raises(exceptions.NotFound):
            self.again(catalogue).get(record.id)
        assert image.path.exists()

    def test_only_what_never_was_current_is_discarded(
        self, catalogue: Any, folder: Path
    ) -> None:
        ids = self.former(catalogue, folder, 'previous')
        record = register(catalogue, make_image(folder, b'new'))
        catalogue.discard(record.id, reason='newer ones exist')
        with pytest.raises(exceptions.StateConflict):
            catalogue.discard(ids['previous'], reason='too old')
        assert set(self.states(catalogue)) == set(ids.values())

    def test_image_that_nobody_uses_is_not_in_use(
        self, catalogue: Any, folder: Path
    ) -> None:
        record = register(catalogue, make_image(folder))
        assert catalogue.in_use(record.id) == base.Usage(in_use=False)

    def test_there_is_nothing_to_recover_in_a_sound_catalogue(
        self, catalogue: Any, folder: Path
    ) -> None:
        self.former(catalogue, folder, 'previous')
        before = self.states(catalogue)
        assert list(self.again(catalogue).recover()) == []
        assert self.states(catalogue) == before
