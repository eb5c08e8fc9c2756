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

from image_pipeline import exceptions
from image_pipeline.catalogues import directory, registry
from image_pipeline.testing import fakes


def test_target_gets_its_catalogue(tmp_path):
    target = fakes.target()
    found = registry.load(target, tmp_path)
    assert isinstance(found, directory.DirectoryCatalogue)
    assert list(found.list_images()) == []
    assert list(tmp_path.iterdir()) == []


def test_names_are_those_of_the_entry_points():
    assert 'directory' in registry.names()
    assert list(registry.names()) == sorted(registry.names())


@pytest.mark.parametrize(
    ('name', 'hint'),
    [('Directroy', 'did you mean "directory"?'), ('quux', 'catalogues are ')],
)
def test_unknown_catalogue_names_the_target_and_what_there_is(
    tmp_path, name, hint
):
    target = dataclasses.replace(fakes.target(), catalogue=name)
    with pytest.raises(exceptions.NotFound) as caught:
        registry.load(target, tmp_path)
    assert str(caught.value) == (
        f'target "{target.name}": there is no catalogue "{name}"'
    )
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)
