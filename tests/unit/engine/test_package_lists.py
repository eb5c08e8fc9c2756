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

import contextlib
import dataclasses
import json

import pytest

from image_pipeline import artifact
from image_pipeline.audit import view
from image_pipeline.disk import reader
from image_pipeline.engine import package_lists
from image_pipeline.store import runs
from image_pipeline.store import store as store_module
from image_pipeline.testing import fake_catalogue, fakes, images
from image_pipeline.testing.conformance import catalogue as conformance

LISTED = [
    {'name': 'a', 'version': '1', 'architecture': 'all', 'source': 'a-src'},
    {
        'name': 'b',
        'version': '2',
        'architecture': 'all',
        'source': 'b-src',
        'source_version': '3',
    },
]


@pytest.fixture
def image(tmp_path):
    """An image whose file is elsewhere, as in a cloud."""
    return conformance.register(
        fake_catalogue.FakeCatalogue(fakes.target()),
        conformance.make_image(tmp_path, b'1'),
    )


@pytest.fixture
def run(store, tmp_path):
    """Leave a run that made an image, with a list of its packages."""

    def make(sha256, *listed):
        digests = []
        for text in listed:
            file = tmp_path / 'packages.json'
            file.write_text(text)
            made = artifact.Artifact(
                kind=artifact.PACKAGES, path=file, digest='', size=0
            )
            digests.append(store.artifacts.adopt(made).digest)
        steps = {
            f'compose.{number}': {
                'artifacts': [{'kind': 'packages', 'digest': digest}]
            }
            for number, digest in enumerate(digests)
        }
        image = {'kind': 'image', 'digest': f'sha256:{sha256}'}
        steps['convert.qcow2'] = {'artifacts': [image]}
        steps['register@local'] = {}
        folder = store.runs.create(
            '',
            manifest={'recipe': 'r', 'steps': steps},
            run_id=runs.new_id('r'),
        )
        folder.end()
        folder.release()
        return digests

    return make


def test_list_is_that_of_the_run_that_made_the_content(store, run, image):
    run(image.sha256, json.dumps(LISTED))
    found = package_lists.Lists(store).of(image)
    assert [(one.name, one.version, one.source_version) for one in found] == [
        ('a', '1', '1'),
        ('b', '2', '3'),
    ]
    assert [one.source for one in found] == ['a-src', 'b-src']


def test_image_of_another_host_has_no_list(store, run, image):
    run('0' * 64, json.dumps(LISTED))
    assert package_lists.Lists(store).of(image) is None


def test_list_of_which_tree_is_not_guessed(store, run, image):
    run(image.sha256, json.dumps(LISTED), json.dumps(LISTED[:1]))
    assert package_lists.Lists(store).of(image) is None


@pytest.mark.parametrize('text', ['[]', '{', '[1]', '[{"name": "a"}]'])
def test_empty_or_damaged_list_is_none(store, run, image, text):
    run(image.sha256, text)
    assert package_lists.Lists(store).of(image) is None


def test_list_that_is_gone_is_none(store, run, image):
    [digest] = run(image.sha256, json.dumps(LISTED))
    assert store.artifacts.discard(digest)
    assert package_lists.Lists(store).of(image) is None


def test_no_state_folder_is_no_error(tmp_path, image):
    store = store_module.Store(tmp_path / 'none')
    assert package_lists.Lists(store).of(image) is None
    assert not (tmp_path / 'none').exists()


def test_file_on_this_host_is_asked_itself(tmp_path, image, monkeypatch):
    @contextlib.contextmanager
    def opened(path):
        yield path

    monkeypatch.setattr(reader, 'open_disk', opened)
    monkeypatch.setattr(view, 'ImageView', lambda disk: images.in_memory())
    store = store_module.Store(tmp_path / 'none')
    here = dataclasses.replace(image, path=tmp_path)
    found = package_lists.Lists(store).of(here)
    assert {one.manager for one in found} == {'dpkg'}
    assert 'e2fsprogs' in {one.name for one in found}


def test_file_that_is_no_image_has_no_list(tmp_path, image):
    path = tmp_path / 'image'
    path.write_bytes(b'1')
    here = dataclasses.replace(image, path=path)
    store = store_module.Store(tmp_path / 'none')
    assert package_lists.Lists(store).of(here) is None
