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

RULE = registry.get('BOOT-06')
STATUS = '/var/lib/dpkg/status'


def check(files, **options):
    return RULE.check(images.in_memory(files), options)


def package(name):
    return {
        STATUS: f'{images.FILES[STATUS]}\nPackage: {name}\n'
        'Status: install ok installed\nVersion: 1\nArchitecture: all\n'
    }


@pytest.mark.parametrize(
    ('name', 'severity'),
    [
        ('walinuxagent', 'warning'),
        ('google-guest-agent', 'warning'),
        ('amazon-ssm-agent', 'warning'),
        ('virtualbox-guest-utils', 'warning'),
        ('xserver-xorg-video-nvidia-535', 'warning'),
        ('nvidia-driver', 'warning'),
        ('open-vm-tools', 'info'),
        ('hyperv-daemons', 'info'),
    ],
)
def test_package_of_another_hypervisor_is_found(name, severity):
    verdict = check(package(name))
    assert verdict.outcome == 'fail'
    assert (verdict.severity or RULE.severity) == severity
    assert name in verdict.evidence[0].message
    assert check(package(name), allowed=[name]).outcome == 'pass'


@pytest.mark.parametrize(
    'name', ['qemu-guest-agent', 'cloud-init', 'linux-image-cloud-amd64']
)
def test_package_of_any_cloud_passes(name):
    assert check(package(name)).outcome == 'pass'


@pytest.mark.parametrize(
    ('path', 'content'),
    [
        ('/etc/X11/xorg.conf', 'x'),
        ('/opt/VBoxGuestAdditions-7.0/x', 'x'),
        ('/etc/modprobe.d/x.conf', 'alias eth0 e1000\n'),
        ('/etc/modprobe.conf', 'alias scsi_hostadapter mptspi\n'),
    ],
)
def test_file_of_one_hypervisor_is_found(path, content):
    assert check({path: content}).outcome == 'fail'


@pytest.mark.parametrize(
    'content', ['alias eth0 virtio_net\n', '# alias eth0 e1000\n']
)
def test_virtio_is_of_every_cloud(content):
    assert check({'/etc/modprobe.d/x.conf': content}).outcome == 'pass'
