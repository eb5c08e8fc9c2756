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

from image_pipeline.cli import main
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    # No configuration of this host.
    monkeypatch.setenv('HOME', str(tmp_path))

    def call(*words):
        status = main.main(['--state-dir', str(tmp_path / 'state'), *words])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def set_(run, *words):
    return run('image', 'set', NAME, *words)


def test_properties_are_set_and_unset_at_once(run, add, catalogue):
    record = add(b'1', promote=True)
    catalogue.set_properties(record.id, {'os_distro': 'debian'})
    words = ('--property', 'min_ram=512', '--property', 'note=a=b')
    status, out, _ = set_(run, *words, '--unset', 'os_distro', '-f', 'json')
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


def test_setting_what_is_set_changes_nothing(run, add):
    add(b'1', promote=True)
    set_(run, '--property', 'min_ram=512')
    words = ('--property', 'min_ram=512', '-f', 'json')
    status, out, _ = set_(run, *words)
    assert (status, json.loads(out)) == (0, [])


def test_dry_run_of_set_changes_nothing(run, add, catalogue):
    record = add(b'1', promote=True)
    words = ('--property', 'min_ram=512', '--dry-run', '-f', 'json')
    status, out, _ = set_(run, *words)
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
    run, add, catalogue, words, said
):
    record = add(b'1', promote=True)
    status, out, err = set_(run, *words)
    assert (status, out) == (2, '')
    assert said in err
    assert catalogue.get(record.id) == record


def test_key_that_may_be_misspelt_is_set_with_a_warning(run, add, catalogue):
    record = add(b'1', promote=True)
    status, _, err = set_(run, '--property', 'hw_disk_buss=virtio')
    assert status == 0
    assert 'did you mean "hw_disk_bus"' in err
    assert catalogue.get(record.id).properties == {'hw_disk_buss': 'virtio'}


def test_fault_that_was_there_before_does_not_stop_a_change(
    run, add, catalogue
):
    record = add(b'1', promote=True)
    catalogue.set_properties(record.id, {'hw_disk_bus': 'wrong'})
    assert set_(run, '--property', 'min_ram=512')[0] == 0
    assert set_(run, '--unset', 'hw_disk_bus')[0] == 0
    assert catalogue.get(record.id).properties == {'min_ram': '512'}
