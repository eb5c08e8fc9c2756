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


from image_pipeline.audit import listing
from image_pipeline.catalogues import glance_records
from image_pipeline.testing import listed

OTHER = 'b0' * 16


def names(*images):
    found = listed.view(*images[1:], one=images[0]).listing.by_name
    return {
        name: [one.id[7] for one in alike] for name, alike in found.items()
    }


def test_a_name_finds_what_a_listing_shows():
    assert names(
        listed.image(1),
        listed.image(2, hidden=True),
        listed.image(3, visibility='public', owner=OTHER),
        listed.image(4, visibility='community', owner=OTHER),
        listed.image(5, owner=OTHER),
        listed.image(6, name='x'),
        listed.image(7, name=None),
    ) == {'debian-12': ['1', '3'], 'x': ['6']}


def test_images_of_the_pipeline_are_found_by_the_name_they_are_to_have():
    view = listed.view(listed.image(2), name='c', state='candidate')
    assert [one.id for one in view.listing.by_final_name['debian-12']] == [
        view.image.id
    ]


def test_least_flavor_is_among_what_is_said():
    said = listed.view(min_ram=0, properties={'a': 'b'}).properties
    assert said['min_disk'] == '2'
    assert said['a'] == 'b'
    assert 'min_ram' not in said


def test_what_is_the_pipelines_own_or_glances_is_not_said():
    own = {listing.STATE: 'current', 'os_glance_importing_to_stores': ''}
    said = listed.view(properties=own).properties
    assert not {key for key in said if key in own}


def test_image_knows_whose_it_is_and_how_old():
    view = listed.view()
    assert view.is_own and view.is_active and not view.is_snapshot
    assert view.age is not None and view.age.days == 7
    assert listed.view(created_at=None).age is None
    assert not listed.view(owner=OTHER).is_own


def test_properties_are_called_as_the_catalogue_calls_them():
    for name in ('ID', 'STATE', 'NAME', 'SWAP'):
        assert getattr(listing, name) == getattr(glance_records, name)
    assert listing.OURS == glance_records.PREFIX


def test_state_is_that_of_images_of_the_pipeline_only():
    assert listed.view(state='current').state == 'current'
    copied = listed.image(2, state='current').properties
    assert listed.view(properties=copied).state is None
    assert listed.view(properties=copied).marks is None
