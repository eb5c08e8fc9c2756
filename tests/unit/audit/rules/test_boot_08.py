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

from image_pipeline.audit import registry
from image_pipeline.testing import images
from image_pipeline.testing.disks import Link

RULE = registry.get('BOOT-08')
STATUS = '/var/lib/dpkg/status'
HOOKS = '/etc/kernel/postinst.d'
ROCKY = {
    '/usr/lib/os-release': 'ID=rocky\nID_LIKE="rhel centos fedora"\n',
    '/usr/lib/kernel/install.d/50-dracut.install': 'x',
}


def check(files, without=()):
    return RULE.check(images.in_memory(files, without))


def packages(*names):
    return {
        STATUS: images.FILES[STATUS]
        + ''.join(
            f'\nPackage: {name}\nStatus: install ok installed\n'
            'Version: 1\nArchitecture: amd64\n'
            for name in names
        )
    }


@pytest.mark.parametrize('name', ['initramfs-tools', 'zz-update-grub'])
def test_hook_that_is_not_there_is_found(name):
    verdict = check({}, (f'{HOOKS}/{name}',))
    assert verdict.outcome == 'fail'
    assert verdict.evidence[0].path == HOOKS


def test_dracut_makes_an_initramfs_too():
    files = {f'{HOOKS}/dracut': 'x'}
    assert check(files, (f'{HOOKS}/initramfs-tools',)).outcome == 'pass'


@pytest.mark.parametrize(
    ('names', 'outcome'),
    [
        (['linux-image-6.1.0-1-amd64'], 'fail'),
        (['linux-image-6.1.0-1-amd64', 'linux-base'], 'fail'),
        (['linux-image-6.1.0-1-amd64', 'linux-headers-amd64'], 'fail'),
        (['linux-image-6.1.0-1-amd64', 'linux-image-amd64'], 'pass'),
        (['linux-image-6.1.0-1-amd64', 'linux-image-cloud-amd64'], 'pass'),
        (['linux-image-6.8.0-31-generic', 'linux-virtual'], 'pass'),
        (['linux-image-unsigned-6.8.0-31-generic'], 'fail'),
        ([], 'pass'),
    ],
)
def test_kernel_of_one_version_needs_a_package_that_follows(names, outcome):
    assert check(packages(*names)).outcome == outcome


def test_diverted_program_is_found():
    path = '/var/lib/dpkg/diversions'
    content = '/usr/sbin/update-grub\n/usr/sbin/update-grub.real\nx\n'
    assert check({path: content}).evidence[0].line == 1
    other = '/usr/bin/x\n/usr/sbin/update-grub\nx\n'
    assert check({path: other}).outcome == 'pass'


def test_kernels_of_red_hat_are_installed_by_hooks():
    assert check(ROCKY).outcome == 'pass'
    hook = '/usr/lib/kernel/install.d/50-dracut.install'
    without = {path: what for path, what in ROCKY.items() if path != hook}
    assert check(without).outcome == 'fail'


@pytest.mark.parametrize(
    ('path', 'content'),
    [
        ('/etc/kernel/install.d/50-dracut.install', Link('/dev/null')),
        ('/etc/sysconfig/kernel', 'UPDATEDEFAULT=no\n'),
        ('/etc/dnf/dnf.conf', '[main]\nexcludepkgs=kernel*\n'),
    ],
)
def test_what_keeps_red_hats_kernels_old_is_found(path, content):
    assert check(ROCKY | {path: content}).evidence[0].path == path


def test_other_distributions_are_not_judged():
    files = {'/usr/lib/os-release': 'ID=arch\n'}
    assert check(files).outcome == 'not-applicable'
