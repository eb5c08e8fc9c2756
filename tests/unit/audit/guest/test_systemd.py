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
import pytest

from image_pipeline.audit.guest import systemd
from image_pipeline.disk import files
from image_pipeline.testing import disks

ETC, LIB = '/etc/systemd/system', '/usr/lib/systemd/system'
#: A small system with an SSH server.
SYSTEM = {
    '/etc/machine-id': '',
    '/usr/lib/systemd/systemd': 'ELF',
    f'{LIB}/default.target': disks.Link('graphical.target'),
    f'{LIB}/graphical.target': '[Unit]\nRequires=multi-user.target\n',
    f'{LIB}/multi-user.target': '[Unit]\nRequires=basic.target\n',
    f'{LIB}/basic.target': '[Unit]\n',
    f'{LIB}/getty.target': '[Unit]\n',
    f'{LIB}/getty@.service': '[Install]\nWantedBy=getty.target\n',
    f'{LIB}/autovt@.service': disks.Link('getty@.service'),
    f'{LIB}/multi-user.target.wants/getty.target': disks.Link(
        '../getty.target'
    ),
    f'{LIB}/ssh.service': (
        '[Service]\nExecStart=/usr/sbin/sshd\n[Install]\n'
        'WantedBy=multi-user.target\nAlias=sshd.service\n'
    ),
}
SSH = {
    f'{ETC}/sshd.service': disks.Link(f'{LIB}/ssh.service'),
    f'{ETC}/multi-user.target.wants/ssh.service': disks.Link(
        f'{LIB}/ssh.service'
    ),
}


def units(content=None):
    return systemd.units(
        files.FileTree(disks.MemoryFiles(SYSTEM | dict(content or {})))
    )


def test_a_unit_that_nothing_links_to_is_not_enabled():
    found = units()
    assert found.is_there
    assert found.path('ssh.service') == f'{LIB}/ssh.service'
    assert not found.is_enabled('ssh.service')
    assert not found.starts('ssh.service')


@pytest.mark.parametrize('name', ['ssh.service', 'sshd.service'])
def test_a_link_enables_a_unit_by_all_its_names(name):
    found = units(SSH)
    assert found.is_enabled(name)
    assert found.starts(name)
    assert found.links(name) == (f'{ETC}/multi-user.target.wants/ssh.service',)
    assert found.real_name(name) == 'ssh.service'


@pytest.mark.parametrize('mask', ['', disks.Link('/dev/null')])
def test_a_masked_unit_is_not_enabled_whatever_links_to_it(mask):
    found = units(SSH | {f'{ETC}/ssh.service': mask})
    assert found.is_masked('ssh.service')
    assert not found.exists('ssh.service')
    assert not found.is_enabled('ssh.service')
    assert not found.starts('ssh.service')


def test_a_mask_below_usr_does_not_hide_a_unit_in_etc():
    found = units(
        SSH
        | {
            f'{ETC}/ssh.service': '[Service]\n',
            f'{LIB}/ssh.service': disks.Link('/dev/null'),
        }
    )
    assert found.path('ssh.service') == f'{ETC}/ssh.service'
    assert found.is_enabled('ssh.service')


def test_a_masked_link_hides_that_of_the_distribution():
    wants = 'multi-user.target.wants/getty.target'
    assert units().starts('getty.target')
    found = units({f'{ETC}/{wants}': disks.Link('/dev/null')})
    assert not found.starts('getty.target')
    assert not found.is_enabled('getty.target')


def test_an_instance_is_made_of_its_template():
    found = units(
        {
            f'{ETC}/getty.target.wants/getty@tty1.service': disks.Link(
                f'{LIB}/getty@.service'
            )
        }
    )
    assert found.path('getty@tty1.service') == f'{LIB}/getty@.service'
    assert found.is_enabled('getty@tty1.service')
    assert found.starts('getty@tty1.service')
    assert not found.is_enabled('getty@tty2.service')
    assert found.real_name('autovt@tty2.service') == 'getty@tty2.service'


@pytest.mark.parametrize('masked', ['getty@.service', 'getty@tty1.service'])
def test_an_instance_is_masked_by_its_own_name_or_its_template(masked):
    found = units({f'{ETC}/{masked}': disks.Link('/dev/null')})
    assert found.is_masked('getty@tty1.service')
    assert found.is_masked('getty@tty2.service') is (
        masked == 'getty@.service'
    )


def test_a_boot_goes_to_the_target_that_etc_names():
    found = units(
        {f'{ETC}/default.target': disks.Link(f'{LIB}/multi-user.target')}
    )
    assert found.default_target == 'multi-user.target'
    assert 'graphical.target' not in found.started
    assert units().default_target == 'graphical.target'


def test_a_unit_that_another_one_wants_is_started_but_not_enabled():
    found = units(
        SSH
        | {
            f'{LIB}/keys.service': '[Service]\n',
            f'{ETC}/ssh.service.d/1.conf': '[Unit]\nWants=keys.service\n',
        }
    )
    assert found.starts('keys.service')
    assert not found.is_enabled('keys.service')


def test_drop_ins_of_the_instance_the_template_and_the_type_are_read():
    found = units(
        {
            f'{ETC}/getty@tty1.service.d/20-a.conf': (
                '[Service]\nExecStart=\nExecStart=a\n'
            ),
            f'{LIB}/getty@.service.d/10-b.conf': '[Service]\nExecStart=b\n',
            f'{LIB}/service.d/30-c.conf': '[Service]\nNice=1\n',
            f'{LIB}/getty@.service.d/40-d.conf': '[Service]\nNice=2\n',
            f'{ETC}/getty@.service.d/40-d.conf': disks.Link('/dev/null'),
        }
    )
    assert found.drop_ins('getty@tty1.service') == [
        f'{LIB}/getty@.service.d/10-b.conf',
        f'{ETC}/getty@tty1.service.d/20-a.conf',
        f'{LIB}/service.d/30-c.conf',
    ]
    said = found.settings('getty@tty1.service')
    assert said.words('Service', 'ExecStart') == ['a']
    assert said.words('Service', 'Nice') == ['1']


def test_drop_ins_of_a_common_prefix_are_read():
    path = f'{ETC}/cloud-.service.d/10-a.conf'
    found = units({path: '[Unit]\nAfter=a\n'})
    assert found.drop_ins('cloud-final.service') == [path]


@pytest.mark.parametrize('name', ['ssh.service', 'getty.target'])
def test_a_link_outside_of_usr_and_etc_counts_too(name):
    found = units(
        {f'/run/systemd/system/basic.target.wants/{name}': disks.Link('x')}
    )
    assert found.is_enabled(name)


def test_a_first_boot_enables_what_the_presets_say():
    first = {'/etc/machine-id': 'uninitialized\n'}
    assert units(first).is_enabled('ssh.service')
    preset = '/etc/systemd/system-preset/00-none.preset'
    assert not units(first | {preset: 'disable *\n'}).is_enabled('ssh.service')
    assert not units(first).is_enabled('basic.target')


def test_an_init_script_is_enabled_by_its_link():
    script = {'/etc/init.d/vmcontext': '#!/bin/sh\n'}
    link = {'/etc/rc2.d/S01vmcontext': disks.Link('../init.d/vmcontext')}
    assert units(script | link).is_enabled('vmcontext.service')
    assert not units(script).is_enabled('vmcontext.service')


def test_a_generator_that_is_masked_does_not_run():
    folder = 'systemd/system-generators'
    found = units(
        {
            f'/usr/lib/{folder}/systemd-getty-generator': 'ELF',
            f'/usr/lib/{folder}/cloud-init-generator': 'ELF',
            f'/etc/{folder}/cloud-init-generator': disks.Link('/dev/null'),
        }
    )
    assert found.generators == {'systemd-getty-generator'}


def test_a_folder_before_the_merge_of_usr_is_read():
    found = systemd.units(
        files.FileTree(
            disks.MemoryFiles(
                {'/lib/systemd/system/ssh.service': '[Service]\n'}
            )
        )
    )
    assert found.path('ssh.service') == '/lib/systemd/system/ssh.service'


def test_circles_of_aliases_and_wants_end():
    found = units(
        {
            f'{ETC}/a.service': disks.Link('b.service'),
            f'{ETC}/b.service': disks.Link('a.service'),
            f'{LIB}/basic.target': '[Unit]\nWants=multi-user.target\n',
        }
    )
    assert found.real_name('a.service') in {'a.service', 'b.service'}
    assert found.starts('basic.target')


def test_nothing_at_all_is_no_systemd():
    found = systemd.units(files.FileTree(disks.MemoryFiles({})))
    assert not found.is_there
    assert not found.started
    assert not found.is_enabled('ssh.service')
