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

import re
from pathlib import Path

from image_pipeline.host import packages

_ROOT = Path(__file__).parents[3]


def _which(*there):
    return lambda name: Path('/usr/bin', name) if name in there else None


def test_apt_is_told_each_package_once_in_order():
    programs = ['qemu-img', 'sgdisk', 'mke2fs', 'e2fsck']
    assert packages.remedy(programs, _which('apt-get')) == (
        'apt-get install e2fsprogs gdisk qemu-utils'
    )


def test_dnf_is_told_its_own_names():
    assert packages.remedy(['qemu-img', 'sfdisk'], _which('dnf')) == (
        'dnf install qemu-img util-linux'
    )


def test_an_unknown_program_has_no_remedy():
    assert packages.remedy(['frobnicate'], _which('apt-get')) is None


def test_a_host_without_a_known_installer_has_no_remedy():
    assert packages.remedy(['qemu-img'], _which()) is None


def test_every_package_is_one_that_bindep_asks_for():
    essential = {'bash', 'coreutils', 'dpkg', 'mount'}
    asked = re.findall(
        r'^[\w.+-]+', (_ROOT / 'bindep.txt').read_text(), re.MULTILINE
    )
    debian = {deb for deb, _ in packages.PACKAGES.values()}
    assert debian - essential <= set(asked)
