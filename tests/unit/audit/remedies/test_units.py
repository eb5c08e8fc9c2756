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


from image_pipeline.audit.guest import systemd
from image_pipeline.audit.remedies import draft, units
from image_pipeline.testing import disks
from image_pipeline.testing.disks import Link

US = '/usr/lib/systemd/system'
ETC = '/etc/systemd/system'
WANTED = '[Install]\nWantedBy=multi-user.target\n'


def changes(files, change, *arguments):
    files = {'/etc/machine-id': '', **files}
    view = disks.MemoryView(disks.MemoryDisk(disks.gpt_disk([])), files)
    plan = draft.Draft(view.files)
    change(plan, systemd.units(view.files), *arguments)
    return [str(one) for one in plan.edits()]


def test_enabled_unit_loses_its_link_and_its_alias():
    files = {
        f'{US}/a.service': WANTED,
        f'{ETC}/multi-user.target.wants/a.service': Link(f'{US}/a.service'),
        f'{ETC}/b.service': Link(f'{US}/a.service'),
    }
    assert changes(files, units.disable, 'a.service') == [
        f'remove {ETC}/multi-user.target.wants/a.service',
        f'remove {ETC}/b.service',
    ]


def test_unit_that_the_distribution_wires_up_is_masked():
    files = {
        f'{US}/a.service': WANTED,
        f'{US}/multi-user.target.wants/a.service': Link('../a.service'),
    }
    assert changes(files, units.disable, 'a.service') == [
        f'link {ETC}/a.service to /dev/null'
    ]


def test_init_script_is_masked():
    files = {
        '/etc/init.d/a': '#!/bin/sh\n',
        '/etc/rc3.d/S01a': Link('../init.d/a'),
    }
    assert changes(files, units.disable, 'a.service') == [
        f'link {ETC}/a.service to /dev/null'
    ]


def test_unit_of_the_administrator_is_never_overwritten():
    files = {
        f'{ETC}/a.service': WANTED,
        f'{US}/multi-user.target.wants/a.service': Link('../a.service'),
    }
    assert changes(files, units.disable, 'a.service') == []


def test_masked_unit_is_unmasked_and_enabled():
    files = {
        f'{US}/a@.service': WANTED,
        f'{ETC}/a@x.service': Link('/dev/null'),
    }
    assert changes(files, units.enable, 'a@x.service') == [
        f'remove {ETC}/a@x.service',
        f'link {ETC}/multi-user.target.wants/a@x.service to {US}/a@.service',
    ]


def test_unit_that_is_not_there_or_that_nothing_wants_is_left_alone():
    assert changes({}, units.enable, 'a.service') == []
    files = {f'{US}/a.service': '[Service]\n'}
    assert changes(files, units.enable, 'a.service') == []


def test_unit_that_is_enabled_already_is_kept_without_a_change():
    files = {
        f'{US}/a.service': WANTED,
        f'{US}/b.service': WANTED,
        f'{ETC}/multi-user.target.wants/a.service': Link(f'{US}/a.service'),
    }
    assert changes(files, units.keep, ['a.service', 'b.service']) == []
    files['/etc/machine-id'] = 'uninitialized\n'
    assert changes(files, units.keep, ['a.service', 'b.service']) == [
        f'link {ETC}/multi-user.target.wants/b.service to {US}/b.service'
    ]
