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

from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import qemu_img
from image_pipeline.testing import fakes

IMAGE = Path('/images/a.qcow2')


@pytest.fixture
def host():
    return fakes.FakeHost()


def test_every_call_says_the_format(host, tmp_path):
    host.answer('qemu-img', 'info', stdout='{"format": "qcow2"}')
    qemu_img.info(IMAGE, 'qcow2', host=host)
    qemu_img.check(IMAGE, 'qcow2', host=host)
    qemu_img.same_content((IMAGE, 'qcow2'), (IMAGE, 'raw'), host=host)
    qemu_img.create_overlay(
        tmp_path / 'o', backing=IMAGE, backing_format='qcow2', host=host
    )
    assert len(host.argvs) == 4
    for argv in host.argvs:
        assert '-f' in argv
    for argv in host.argvs[2:]:
        assert '-F' in argv


def test_info_is_what_the_program_says(host):
    host.answer('qemu-img', 'info', stdout='{"virtual-size": 5}')
    assert qemu_img.info(IMAGE, 'raw', host=host) == {'virtual-size': 5}


@pytest.mark.parametrize('stdout', ['', '[]', 'no JSON'])
def test_answer_that_is_no_object_is_unreadable(host, stdout):
    host.answer('qemu-img', 'info', stdout=stdout)
    with pytest.raises(exceptions.ImageUnreadable, match='sound raw image'):
        qemu_img.info(IMAGE, 'raw', host=host)


def test_damaged_tables_are_unreadable(host):
    host.answer('qemu-img', 'check', stderr='ERROR cluster 3\n', returncode=2)
    with pytest.raises(exceptions.ImageUnreadable, match='cluster 3'):
        qemu_img.check(IMAGE, 'qcow2', host=host)


def test_raw_file_has_nothing_to_check(host):
    qemu_img.check(IMAGE, 'raw', host=host)
    assert host.calls == []


@pytest.mark.parametrize(('status', 'same'), [(0, True), (1, False)])
def test_comparison_is_the_exit_status(host, status, same):
    host.answer('qemu-img', 'compare', returncode=status)
    found = qemu_img.same_content(
        (IMAGE, 'qcow2'), (Path('/b'), 'raw'), host=host
    )
    assert found is same


def test_failed_comparison_is_an_error(host):
    host.answer('qemu-img', 'compare', returncode=2, stderr='no file')
    with pytest.raises(exceptions.ImageUnreadable, match='no file'):
        qemu_img.same_content((IMAGE, 'qcow2'), (Path('/b'), 'raw'), host=host)


def test_overlay_may_be_larger_than_its_image(host, tmp_path):
    qemu_img.create_overlay(
        tmp_path / 'o',
        backing=IMAGE,
        backing_format='qcow2',
        size=1 << 30,
        host=host,
    )
    assert host.argvs[0][-1] == str(1 << 30)
