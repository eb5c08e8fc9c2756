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
from image_pipeline.testing import images, sound_boot

RULE = registry.get('BOOT-04')
INITRAMFS = f'/boot/initrd.img-{images.KERNEL}'


def check(files, without=()):
    return RULE.check(images.in_memory(files, without))


def with_file(name, content):
    return {INITRAMFS: sound_boot.initramfs(more={name: content})}


@pytest.mark.parametrize(
    'files',
    [
        with_file('conf/conf.d/x', 'MODULES=dep\n'),
        with_file('usr/lib/dracut/hostonly-files', 'x'),
        with_file('usr/lib/dracut/build-parameter.txt', '--hostonly'),
        with_file('buildconfig', 'HOOKS=(base autodetect)\n'),
    ],
    ids=lambda files: str(len(files[INITRAMFS])),
)
def test_initramfs_for_one_host_is_an_error(files):
    verdict = check(files)
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    assert verdict.evidence[0].path == INITRAMFS


@pytest.mark.parametrize(
    ('path', 'content'),
    [
        ('/etc/initramfs-tools/conf.d/x', 'MODULES=dep\n'),
        ('/etc/initramfs-tools/initramfs.conf', 'MODULES="dep"\n'),
        ('/etc/dracut.conf.d/x.conf', 'hostonly="yes"\n'),
        ('/usr/lib/dracut/dracut.conf.d/01-dist.conf', 'hostonly="yes"\n'),
        ('/etc/mkinitcpio.conf', 'HOOKS=(base udev autodetect block)\n'),
    ],
)
def test_setting_for_the_next_initramfs_is_warned_of(path, content):
    verdict = check({path: content})
    assert (verdict.outcome, verdict.severity) == ('fail', 'warning')
    assert verdict.evidence[0].path == path


@pytest.mark.parametrize(
    'files',
    [
        {},
        {
            '/etc/initramfs-tools/initramfs.conf': 'MODULES=dep\n',
            '/etc/initramfs-tools/conf.d/x': 'MODULES=most\n',
        },
        {
            '/usr/lib/dracut/dracut.conf.d/01-dist.conf': 'hostonly="yes"\n',
            '/usr/lib/dracut/dracut.conf.d/02-generic-image.conf': (
                'hostonly="no"\n'
            ),
        },
        {
            '/usr/lib/dracut/dracut.conf.d/10-x.conf': 'hostonly="yes"\n',
            '/etc/dracut.conf.d/10-x.conf': 'hostonly="no"\n',
        },
        {'/etc/dracut.conf.d/x': 'hostonly="yes"\n'},
        {'/etc/mkinitcpio.conf': '# HOOKS=(autodetect)\nHOOKS=(base)\n'},
    ],
    ids=str,
)
def test_generic_initramfs_passes(files):
    assert check(files).outcome == 'pass'


def test_image_without_a_kernel_is_not_judged():
    without = (f'/boot/vmlinuz-{images.KERNEL}', '/boot/vmlinuz')
    assert check({}, without).outcome == 'not-applicable'


def test_damaged_initramfs_is_no_pass():
    assert check({INITRAMFS: b'070701'}).outcome == 'unknown'
