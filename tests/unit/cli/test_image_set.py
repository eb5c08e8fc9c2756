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

from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME


def set_(call, *words):
    return call('image', 'set', NAME, *words)


def test_properties_are_set_and_unset_at_once(call, add, catalogue):
    record = add(b'1', promote=True)
    catalogue.set_properties(record.id, {'os_distro': 'debian'})
    words = ('--property', 'min_ram=512', '--property', 'note=a=b')
    status, out, _ = set_(call, *words, '--unset', 'os_distro', '-f', 'json')
    assert status == 0
    assert [
        (one['property'], one['before'], one['after'])
        for one in json.loads(out)
    ] == [
        ('min_ram', '', '512'),
        ('note', '', 'a=b'),
        ('os_distro', 'debian', ''),
    ]
    now = catalogue.get(record.id)
    assert now.properties == {'min_ram': '512', 'note': 'a=b'}
    assert now.state == 'current'


def test_setting_what_is_set_changes_nothing(call, add):
    add(b'1', promote=True)
    set_(call, '--property', 'min_ram=512')
    words = ('--property', 'min_ram=512', '-f', 'json')
    status, out, _ = set_(call, *words)
    assert (status, json.loads(out)) == (0, [])


def test_dry_run_of_set_changes_nothing(call, add, catalogue):
    record = add(b'1', promote=True)
    words = ('--property', 'min_ram=512', '--dry-run', '-f', 'json')
    status, out, _ = set_(call, *words)
    assert (status, json.loads(out)[0]['after']) == (0, '512')
    assert catalogue.get(record.id).properties == {}


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ((), '--property KEY=VALUE'),
        (('--property', 'min_ram'), 'KEY=VALUE'),
        (('--property', '=1'), 'KEY=VALUE'),
        (('--property', 'a=1', '--unset', 'a'), 'a is given twice'),
        (('--property', 'a=1', '--property', 'a=2'), 'a is given twice'),
        (('--property', 'min_ram=few'), 'not a whole number'),
        (('--property', 'hw_disk_bus=virtoi'), 'did you mean "virtio"'),
        (('--property', 'kernel_id=x'), 'must not be set'),
        (('--property', 'os_glance_x=1'), 'reserved'),
        (('--unset', 'os_glance_x'), 'reserved'),
        (('--property', 'image_pipeline_state=current'), 'reserved'),
    ],
)
def test_change_that_cannot_be_is_refused_as_a_whole(
    call, add, catalogue, words, said
):
    record = add(b'1', promote=True)
    status, out, err = set_(call, *words)
    assert (status, out) == (2, '')
    assert said in err
    assert catalogue.get(record.id) == record


def test_key_that_may_be_misspelt_is_set_with_a_warning(call, add, catalogue):
    record = add(b'1', promote=True)
    status, _, err = set_(call, '--property', 'hw_disk_buss=virtio')
    assert status == 0
    assert 'did you mean "hw_disk_bus"' in err
    assert catalogue.get(record.id).properties == {'hw_disk_buss': 'virtio'}


def test_fault_that_was_there_before_does_not_stop_a_change(
    call, add, catalogue
):
    record = add(b'1', promote=True)
    catalogue.set_properties(record.id, {'hw_disk_bus': 'wrong'})
    assert set_(call, '--property', 'min_ram=512')[0] == 0
    assert set_(call, '--unset', 'hw_disk_bus')[0] == 0
    assert catalogue.get(record.id).properties == {'min_ram': '512'}


@pytest.fixture
def debian(tmp_path):
    file = tmp_path / 'r.yaml'
    file.write_text(
        'version: 1\n'
        f'image: {{name: {NAME}, properties: {{os_distro: debian, a: b}}}}\n'
        'stages: [convert]\n'
        'targets: {two: {properties: {a: c}}}\n'
    )
    return file


def test_properties_of_recipe_and_target_are_set(call, two, debian):
    for catalogue, add in two.values():
        record = add(b'1', promote=True)
        catalogue.set_properties(record.id, {'a': 'b', 'kept': 'x'})
    both = ('--target', 'one', '--target', 'two', '-f', 'json')
    words = ('--recipe', debian, '--property', 'more=1', *both)
    status, out, _ = set_(call, *words)
    assert status == 0
    assert {
        (one['target'], one['property'], one['before'], one['after'])
        for one in json.loads(out)
    } == {
        ('one', 'more', '', '1'),
        ('one', 'os_distro', '', 'debian'),
        ('two', 'a', 'b', 'c'),
        ('two', 'more', '', '1'),
        ('two', 'os_distro', '', 'debian'),
    }
    [record] = two['two'][0].list_images()
    assert record.properties['kept'] == 'x'
    status, out, _ = set_(call, '--recipe', debian, *both[:2], '-f', 'json')
    assert (status, json.loads(out)) == (0, [])
