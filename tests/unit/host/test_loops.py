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

"""Which loop devices are detached, by a folder that looks like /sys/block."""

import pytest

from image_pipeline.host import loops
from image_pipeline.testing import fakes


@pytest.fixture
def devices(tmp_path):
    return tmp_path / 'block'


def attach(devices, name, file):
    (devices / name / 'loop').mkdir(parents=True)
    (devices / name / 'loop' / 'backing_file').write_text(f'{file}\n')


def mapped(devices, below, name, called):
    (devices / below / 'holders' / name).mkdir(parents=True)
    (devices / name / 'dm').mkdir(parents=True, exist_ok=True)
    (devices / name / 'dm' / 'name').write_text(f'{called}\n')


def detach(devices, mark='ours'):
    host = fakes.FakeHost()
    loops.detach(mark, devices=devices, host=host)
    return [list(argv) for argv in host.argvs]


def test_only_files_below_the_folder_are_detached(devices):
    attach(devices, 'loop0', '/srv/run/ours/image0.raw')
    attach(devices, 'loop1', '/srv/run/ours-too/image0.raw')
    attach(devices, 'loop2', '/ours/deep/x (deleted)')
    attach(devices, 'loop3', '/srv/ours')
    (devices / 'loop4').mkdir()
    assert detach(devices) == [
        ['losetup', '--detach', '/dev/loop0'],
        ['losetup', '--detach', '/dev/loop2'],
    ]


def test_what_sits_on_a_device_goes_first_from_the_top(devices):
    attach(devices, 'loop0', '/ours/disk')
    mapped(devices, 'loop0', 'dm-0', 'loop0p1')
    mapped(devices, 'dm-0', 'dm-1', 'vg-root')
    mapped(devices, 'dm-0', 'dm-2', 'vg-var')
    assert [argv[-1] for argv in detach(devices)] == [
        'vg-root',
        'vg-var',
        'loop0p1',
        '/dev/loop0',
    ]


def test_a_host_without_loop_devices_has_nothing_to_detach(tmp_path):
    assert detach(tmp_path / 'gone') == []
