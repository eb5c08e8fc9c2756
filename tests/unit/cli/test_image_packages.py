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

import json

import pytest

from image_pipeline import artifact
from image_pipeline.store import runs
from image_pipeline.store import store as store_module
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME


@pytest.fixture
def listed(tmp_path):
    """Leave a run that made an image with some packages."""

    def make(record, **versions):
        store = store_module.Store(tmp_path / 'state')
        store.prepare()
        file = tmp_path / 'packages.json'
        file.write_text(
            json.dumps(
                [
                    {'name': name, 'version': version, 'source': name}
                    for name, version in versions.items()
                ]
            )
        )
        packages = store.artifacts.adopt(
            artifact.Artifact(
                kind=artifact.PACKAGES, path=file, digest='', size=0
            )
        )
        image = {'kind': 'image', 'digest': f'sha256:{record.sha256}'}
        folder = store.runs.create(
            '',
            manifest={
                'recipe': 'r',
                'steps': {
                    'compose': {'artifacts': [packages.to_json()]},
                    'convert.qcow2': {'artifacts': [image]},
                },
            },
            run_id=runs.new_id('r'),
        )
        folder.end()
        folder.release()

    return make


def search(call, *words):
    status, out, err = call('image', 'list', *words, '-f', 'json')
    assert status == 0
    return {one['id']: one['packages'] for one in json.loads(out)}, err


def test_images_with_an_old_package_are_found(call, add, listed):
    old, new, bare = add(b'1'), add(b'2'), add(b'3')
    listed(old, openssl='3.0.16-1', bash='5.2-1')
    listed(new, openssl='3.0.17-1')
    listed(bare, bash='5.2-1')
    found, err = search(call, '--package', 'openssl<3.0.17')
    assert found == {old.id: ['openssl 3.0.16-1']}
    assert err == ''
    found, _ = search(call, '--package', 'openssl')
    assert set(found) == {old.id, new.id}
    both = ('--package', 'openssl<3.0.17', '--package', 'bash')
    found, _ = search(call, *both)
    assert found == {old.id: ['bash 5.2-1', 'openssl 3.0.16-1']}
    found, _ = search(call, '--package', 'openssl<3.0')
    assert found == {}


def test_image_without_a_list_is_unknown_not_left_out(call, add, listed):
    known, unknown = add(b'1'), add(b'2')
    listed(known, openssl='3.0.17-1')
    found, err = search(call, '--package', 'openssl<3.0.17')
    assert found == {unknown.id: None}
    assert 'of 1 image this host has no list' in err
    _, out, _ = call('image', 'list', '--package', 'openssl<3.0.17')
    assert 'unknown' in out


def test_what_the_question_leaves_open_is_said(call, add, listed):
    listed(add(b'1'), openssh='1:9.2p1-2')
    found, err = search(call, '--package', 'openssh<9.3')
    assert found == {}
    assert 'is < 1:9.3' in err


def test_search_is_narrowed_by_name_and_state(call, add, listed):
    current = add(b'1', promote=True)
    listed(current, p='1')
    listed(add(b'2'), p='1')
    words = ('--package', 'p', '--state', 'current')
    found, _ = search(call, NAME, *words)
    assert set(found) == {current.id}


def test_bad_question_is_bad_input(call):
    status, out, err = call('image', 'list', '--package', 'openssl<')
    assert (status, out) == (2, '')
    assert '"openssl<" is no package' in err
