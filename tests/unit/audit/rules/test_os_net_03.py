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

RULE = registry.get('OS-NET-03')
OLD = {'/etc/kernel/cmdline': 'ro net.ifnames=0 biosdevname=0\n'}
NETWORK = '/etc/systemd/network/1.network'


def check(name=None, files=None):
    said = {} if name is None else {NETWORK: f'[Match]\nName={name}\n'}
    return RULE.check(images.in_memory(said | (files or {})))


@pytest.mark.parametrize(
    ('name', 'files', 'outcome'),
    [
        (None, {}, 'pass'),
        (None, OLD, 'pass'),
        ('eth0', {}, 'fail'),
        ('eth0', OLD, 'pass'),
        ('ens3', {}, 'pass'),
        ('ens3', OLD, 'fail'),
        ('enp1s0', OLD, 'fail'),
        ('enx525400123456', OLD, 'fail'),
        ('en*', OLD, 'pass'),
        ('eth*', {}, 'pass'),
        ('lo', {}, 'pass'),
    ],
)
def test_names_are_those_that_the_command_line_brings_about(
    name, files, outcome
):
    assert check(name, files).outcome == outcome


def test_name_that_a_file_gives_passes():
    link = {'/etc/systemd/network/0.link': '[Match]\nType=ether\n[Link]\n'
            'Name=eth0\n'}  # fmt: skip
    assert check('eth0', link).outcome == 'pass'


@pytest.mark.parametrize(
    ('release', 'outcome'),
    [
        ('ID=rocky\nVERSION_ID=10.0\n', 'fail'),
        ('ID=rocky\nVERSION_ID=9.4\n', 'pass'),
        ('ID=fedora\nVERSION_ID=42\n', 'pass'),
    ],
)
def test_el_10_has_no_old_names(release, outcome):
    files = OLD | {'/usr/lib/os-release': release}
    assert check(files=files).outcome == outcome
