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

import abc
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base
from image_pipeline.host import cancellation

_STATE = artifact.ImageState
#: The name that the images of these tests get.
NAME = 'conformance'


def make_image(
    folder: Path, content: bytes = b'content', *, image_format: str = 'raw'
) -> artifact.Artifact:
    """Return an image artifact with a file of its own.

    :param folder: where the file goes.
    :param content: what the file holds, padded to a sector.
    :param image_format: what the artifact says it is.
    """
    content = content.ljust(512, b'\0')
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / f'{sha256}.{image_format}'
    if not path.exists():
        path.write_bytes(content)
        path.chmod(0o444)
    return artifact.Artifact(
        kind=artifact.IMAGE,
        path=path,
        digest=f'sha256:{sha256}',
        size=len(content),
        properties={
            'format': image_format,
            'virtual_size': len(content),
            'sha512': hashlib.sha512(content).hexdigest(),
        },
    )


def register(
    catalogue: base.Catalogue,
    image: artifact.Artifact,
    *,
    name: str = NAME,
    properties: Mapping[str, str] | None = None,
    undo: list[artifact.UndoRecord] | None = None,
    cancelled: cancellation.CancellationToken | None = None,
) -> artifact.ImageRecord:
    """Register an image, with defaults for what does not matter.

    :param catalogue: the catalogue.
    :param image: the image.
    :param name: the final name.
    :param properties: image properties.
    :param undo: gets the records that are journaled.
    :param cancelled: the token.
    """
    records = undo if undo is not None else []
    return catalogue.register(
        image,
        name=name,
        recipe='recipe',
        run_id='run-1',
        properties=properties or {},
        undo=records.append,
        progress=lambda done, total, unit: None,
        cancelled=cancelled or cancellation.CancellationToken(),
    )


class CatalogueConformance(abc.ABC):
    """What every catalogue does."""

    @abc.abstractmethod
    def make(self, folder: Path) -> Any:
        """Return an empty catalogue.

        :param folder: an empty folder that it may use.
        """

    def again(self, catalogue: Any) -> Any:
        """Return the same catalogue as another process would see it.

        :param catalogue: what :meth:`make` returned.
        """
        return type(catalogue)(catalogue.target, state_dir=catalogue.state_dir)

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Give a folder for image files."""
        path = tmp_path / 'images'
        path.mkdir()
        return path

    @pytest.fixture
    def catalogue(self, tmp_path: Path) -> Iterator[Any]:
        """Give an empty catalogue."""
        path = tmp_path / 'catalogue'
        path.mkdir()
        yield self.make(path)

    def states(self, catalogue: Any) -> dict[str, str]:
        """Return the state of every image, by id, as others see it.

        :param catalogue: the catalogue.
        """
        images = list(self.again(catalogue).list_images())
        current = [one for one in images if one.state == _STATE.CURRENT]
        names = [one.final_name for one in current]
        assert len(names) == len(set(names)), 'two current images of a name'
        for one in images:
            assert one.hidden == (one.state != _STATE.CURRENT), one
        return {one.id: one.state.value for one in images}

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
        ids = self._former(catalogue, folder, state)
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
        ids = self._former(catalogue, folder, 'previous')
        other = register(catalogue, make_image(folder, b'o'), name='other')
        found = catalogue.list_images(name='other')
        assert [one.id for one in found] == [other.id]
        found = catalogue.list_images(
            name=NAME, states=[_STATE.PREVIOUS, _STATE.CANDIDATE]
        )
        assert [one.id for one in found] == [ids['previous']]

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
        ids = self._former(catalogue, folder, 'previous')
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
        ids = self._former(catalogue, folder, 'rejected')
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
        ids = self._former(catalogue, folder, 'previous')
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
        ids = self._former(catalogue, folder, 'previous')
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

    def test_image_that_nobody_uses_is_not_in_use(
        self, catalogue: Any, folder: Path
    ) -> None:
        record = register(catalogue, make_image(folder))
        assert catalogue.in_use(record.id) == base.Usage(in_use=False)

    def test_there_is_nothing_to_recover_in_a_sound_catalogue(
        self, catalogue: Any, folder: Path
    ) -> None:
        self._former(catalogue, folder, 'previous')
        before = self.states(catalogue)
        assert list(self.again(catalogue).recover()) == []
        assert self.states(catalogue) == before

    def _former(
        self, catalogue: Any, folder: Path, state: str
    ) -> dict[str, str]:
        """Make a current image and, if asked for, a former one.

        The content of an image is the name of its state.
        """
        ids = {}
        if state == 'previous':
            ids[state] = register(
                catalogue, make_image(folder, state.encode())
            ).id
            catalogue.promote(ids[state])
        ids['current'] = register(catalogue, make_image(folder, b'current')).id
        catalogue.promote(ids['current'])
        if state == 'rejected':
            ids[state] = register(
                catalogue, make_image(folder, state.encode())
            ).id
            catalogue.promote(ids[state])
            catalogue.roll_back(NAME)
        return ids
