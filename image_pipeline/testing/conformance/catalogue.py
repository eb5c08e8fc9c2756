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

"""The contract of a catalogue, as tests.

Derive a class from :class:`CatalogueConformance`, and say how to make an
empty catalogue::

    class TestShelf(catalogue.CatalogueConformance):
        def make(self, folder):
            return shelf.ShelfCatalogue(TARGET, state_dir=folder)
"""

from pathlib import Path
from typing import Any

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.host import cancellation
from image_pipeline.testing.conformance.catalogue_changes import (
    ChangesConformance,
)
from image_pipeline.testing.conformance.catalogue_fixtures import (
    NAME,
    make_image,
    register,
)

__all__ = ['NAME', 'CatalogueConformance', 'make_image', 'register']

_STATE = artifact.ImageState


class CatalogueConformance(ChangesConformance):
    """What every catalogue does."""

    def test_registered_image_is_a_private_hidden_candidate(
        self, catalogue: Any, folder: Path
    ) -> None:
        image = make_image(folder)
        record = register(catalogue, image, properties={'os_distro': 'x'})
        assert record.state == _STATE.CANDIDATE
        assert record.hidden
        assert record.visibility == 'private'
        assert record.final_name == NAME
        assert record.name.startswith(f'{NAME}.candidate-')
        assert f'sha256:{record.sha256}' == image.digest
        assert record.sha512 == image.properties['sha512']
        assert (record.size, record.virtual_size) == (512, 512)
        assert record.format == 'raw'
        assert dict(record.properties) == {'os_distro': 'x'}
        assert (record.recipe, record.run_id) == ('recipe', 'run-1')
        assert record.promoted_at is None

    def test_registered_image_is_seen_by_others(
        self, catalogue: Any, folder: Path
    ) -> None:
        record = register(catalogue, make_image(folder))
        other = self.again(catalogue)
        assert other.get(record.id) == record
        assert list(other.list_images()) == [record]

    def test_registering_leaves_the_file_as_it_was(
        self, catalogue: Any, folder: Path
    ) -> None:
        image = make_image(folder)
        before = image.path.read_bytes()
        register(catalogue, image)
        assert image.path.read_bytes() == before

    def test_same_content_and_name_is_the_same_image(
        self, catalogue: Any, folder: Path
    ) -> None:
        first = register(catalogue, make_image(folder))
        undo: list[artifact.UndoRecord] = []
        second = register(catalogue, make_image(folder), undo=undo)
        assert second == first
        assert undo == [], 'nothing was made, so nothing can be undone'
        assert len(self.states(catalogue)) == 1

    def test_same_content_brings_the_properties_up_to_date(
        self, catalogue: Any, folder: Path
    ) -> None:
        image = make_image(folder)
        first = register(catalogue, image, properties={'a': '1', 'b': '2'})
        second = register(catalogue, image, properties={'a': '3'})
        assert second.id == first.id
        assert dict(catalogue.get(first.id).properties) == {'a': '3'}

    @pytest.mark.parametrize('state', ['current', 'previous', 'rejected'])
    def test_registering_again_does_not_change_the_state(
        self, catalogue: Any, folder: Path, state: str
    ) -> None:
        ids = self.former(catalogue, folder, state)
        before = self.states(catalogue)
        record = register(catalogue, make_image(folder, state.encode()))
        assert record.id == ids[state]
        assert record.state.value == state
        assert self.states(catalogue) == before

    def test_same_content_under_another_name_is_another_image(
        self, catalogue: Any, folder: Path
    ) -> None:
        image = make_image(folder)
        one = register(catalogue, image)
        other = register(catalogue, image, name='other')
        assert one.id != other.id
        assert other.final_name == 'other'

    def test_retired_image_does_not_come_back(
        self, catalogue: Any, folder: Path
    ) -> None:
        image = make_image(folder)
        first = register(catalogue, image)
        catalogue.retire(first.id)
        second = register(catalogue, image)
        assert second.id != first.id
        assert second.state == _STATE.CANDIDATE

    def test_undo_record_is_journaled_before_the_image_is_made(
        self, catalogue: Any, folder: Path
    ) -> None:
        class Refused(Exception):
            """The journal could not be written."""

        def refuse(record: artifact.UndoRecord) -> None:
            assert record.kind == 'catalogue'
            assert record.arguments['target'] == catalogue.target.name
            raise Refused

        with pytest.raises(Refused):
            catalogue.register(
                make_image(folder),
                name=NAME,
                recipe='recipe',
                run_id='run-1',
                properties={},
                undo=refuse,
                progress=lambda done, total, unit: None,
                cancelled=cancellation.CancellationToken(),
            )
        assert self.states(catalogue) == {}

    def test_undoing_takes_the_candidate_away(
        self, catalogue: Any, folder: Path
    ) -> None:
        undo: list[artifact.UndoRecord] = []
        image = make_image(folder)
        record = register(catalogue, image, undo=undo)
        other = self.again(catalogue)
        other.undo(undo[0].arguments)
        with pytest.raises(exceptions.NotFound):
            catalogue.get(record.id)
        other.undo(undo[0].arguments)
        assert self.states(catalogue) == {}
        assert image.path.exists()

    def test_undoing_spares_what_was_promoted_since(
        self, catalogue: Any, folder: Path
    ) -> None:
        undo: list[artifact.UndoRecord] = []
        record = register(catalogue, make_image(folder), undo=undo)
        catalogue.promote(record.id)
        catalogue.undo(undo[0].arguments)
        assert catalogue.get(record.id).state == _STATE.CURRENT

    def test_cancelled_registration_leaves_no_image(
        self, catalogue: Any, folder: Path
    ) -> None:
        token = cancellation.CancellationToken()
        token.cancel('SIGINT')
        undo: list[artifact.UndoRecord] = []
        with pytest.raises(exceptions.Interrupted):
            register(catalogue, make_image(folder), undo=undo, cancelled=token)
        for one in undo:
            catalogue.undo(one.arguments)
        assert self.states(catalogue) == {}

    def test_unknown_image_is_not_found(self, catalogue: Any) -> None:
        for ask in (
            catalogue.get,
            catalogue.promote,
            catalogue.retire,
            catalogue.in_use,
            lambda image_id: catalogue.set_properties(image_id, {}),
        ):
            with pytest.raises(exceptions.NotFound):
                ask('no-such-image')

    def test_empty_catalogue_lists_nothing(self, catalogue: Any) -> None:
        assert list(catalogue.list_images()) == []

    def test_list_begins_with_the_newest(
        self, catalogue: Any, folder: Path
    ) -> None:
        ids = [
            register(catalogue, make_image(folder, content)).id
            for content in (b'1', b'2', b'3')
        ]
        assert [one.id for one in catalogue.list_images()] == ids[::-1]

    def test_list_is_narrowed_by_name_and_states(
        self, catalogue: Any, folder: Path
    ) -> None:
        ids = self.former(catalogue, folder, 'previous')
        other = register(catalogue, make_image(folder, b'o'), name='other')
        found = catalogue.list_images(name='other')
        assert [one.id for one in found] == [other.id]
        found = catalogue.list_images(
            name=NAME, states=[_STATE.PREVIOUS, _STATE.CANDIDATE]
        )
        assert [one.id for one in found] == [ids['previous']]
