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

"""All catalogues promote, or none."""

import pytest

from image_pipeline import exceptions
from image_pipeline.catalogues import together
from image_pipeline.testing import fake_catalogue, fakes
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME


@pytest.fixture
def catalogues(tmp_path):
    """Three catalogues, each with a current image and a new one."""
    made = []
    for name in ('one', 'two', 'three'):
        catalogue = fake_catalogue.FakeCatalogue(fakes.target(name))
        old = conformance.register(
            catalogue, conformance.make_image(tmp_path, b'old')
        )
        catalogue.promote(old.id)
        conformance.register(
            catalogue, conformance.make_image(tmp_path, b'new')
        )
        made.append(catalogue)
    return made


def choices(catalogues):
    return [(one, 'fake-image-2') for one in catalogues]


def states(catalogue):
    return {one.id: one for one in catalogue.list_images()}


def test_all_are_promoted(catalogues):
    swaps = together.promote(choices(catalogues), reason='a fix')
    assert [one.current.reason for one in swaps] == ['a fix'] * 3
    for catalogue in catalogues:
        assert catalogue.get('fake-image-2').state == 'current'
        assert catalogue.get('fake-image-1').state == 'previous'


def test_what_would_be_refused_anywhere_is_promoted_nowhere(catalogues):
    catalogues[2].revoke('fake-image-2', reason='leaked')
    before = [states(one) for one in catalogues]
    with pytest.raises(exceptions.StateConflict) as refused:
        together.promote(choices(catalogues))
    assert refused.value.message.startswith('three: ')
    assert str(refused.value).endswith('; nothing was promoted anywhere')
    assert [states(one) for one in catalogues] == before


def test_one_that_fails_lets_the_others_be_taken_back(catalogues):
    before = [states(one) for one in catalogues]

    def fail(image_id, **options):
        raise exceptions.Unavailable('Glance is down')

    catalogues[2].promote = fail
    with pytest.raises(exceptions.Unavailable) as failed:
        together.promote(choices(catalogues))
    said = str(failed.value).split('; ')
    assert said[0] == 'three: Glance is down'
    assert said[1].startswith('two: took the promotion of')
    assert said[2].startswith('one: took the promotion of')
    assert 'fake-image-1 is current again' in said[1]
    assert [states(one) for one in catalogues] == before


def test_what_cannot_be_taken_back_is_said(catalogues):
    def fail(image_id, **options):
        # Somebody is faster.
        catalogues[0].promote('fake-image-1')
        raise exceptions.Unavailable('Glance is down')

    catalogues[1].promote = fail
    with pytest.raises(exceptions.Unavailable) as failed:
        together.promote(choices(catalogues))
    assert (
        'one: the promotion of conformance (fake-image-2) could not be '
        in (str(failed.value))
    )


def test_interrupted_promotion_is_taken_back(catalogues):
    before = states(catalogues[0])

    def interrupt(image_id, **options):
        raise KeyboardInterrupt

    catalogues[1].promote = interrupt
    with pytest.raises(KeyboardInterrupt):
        together.promote(choices(catalogues))
    assert states(catalogues[0]) == before


def test_image_that_is_current_already_is_no_obstacle(catalogues):
    catalogues[0].promote('fake-image-2')
    swaps = together.promote(choices(catalogues))
    assert swaps[0].former is None
    assert swaps[1].former is not None
