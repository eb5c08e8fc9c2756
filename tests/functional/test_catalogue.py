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

"""The directory catalogue between real processes and file systems."""

import os
import shutil
import signal
import sys
import time

import pytest

from image_pipeline.catalogues import directory
from image_pipeline.disk import qemu_img
from image_pipeline.host import process
from image_pipeline.testing import fakes
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME
#: Promotes two images in turn, for ever.
PROMOTER = """
import sys
import time
from pathlib import Path
from image_pipeline.catalogues import directory
from image_pipeline.testing import fakes
catalogue = directory.DirectoryCatalogue(
    fakes.target(), state_dir=Path(sys.argv[1]))
while True:
    for image_id in sys.argv[2:]:
        catalogue.promote(image_id)
        time.sleep(0.01)
"""


@pytest.fixture
def host():
    return process.Host()


def catalogue_in(state_dir):
    return directory.DirectoryCatalogue(fakes.target(), state_dir=state_dir)


def register(catalogue, folder, content):
    return conformance.register(
        catalogue, conformance.make_image(folder, content)
    )


def check(catalogue):
    """Assert that one image is current, and is what users get."""
    link = catalogue.root / 'images' / f'{NAME}.raw'
    # Whoever promotes may do so between the two looks.
    for _ in range(5):
        current = [
            one for one in catalogue.list_images() if one.state == 'current'
        ]
        assert len(current) == 1
        if link.resolve() == current[0].path.resolve():
            return
    pytest.fail('users get another image than the current one')


def test_promoters_killed_at_any_time_leave_one_current_image(tmp_path, host):
    state_dir = tmp_path / 'state'
    catalogue = catalogue_in(state_dir)
    ids = [register(catalogue, tmp_path, c).id for c in (b'a', b'b')]
    catalogue.promote(ids[0])
    argv = [sys.executable, '-c', PROMOTER, state_dir]
    for turn in range(6):
        # Two of them at once, in opposite order.
        with (
            host.start([*argv, *ids]) as one,
            host.start([*argv, *ids[::-1]]) as other,
        ):
            time.sleep(1.0 + 0.037 * turn)
            assert one.poll() is None
            assert other.poll() is None
            check(catalogue)
            os.killpg(one.pid, signal.SIGKILL)
            time.sleep(0.05)
            check(catalogue)
            os.killpg(other.pid, signal.SIGKILL)
        check(catalogue)
        catalogue.recover()
        check(catalogue)
    assert not (catalogue.root / 'journal.json').exists()


@pytest.mark.skipif(
    not shutil.which('qemu-io'), reason='qemu-io is not installed'
)
def test_image_behind_a_running_overlay_is_in_use(tmp_path, host):
    catalogue = catalogue_in(tmp_path / 'state')
    record = register(catalogue, tmp_path, b'disk')
    overlay = tmp_path / 'overlay.qcow2'
    qemu_img.create_overlay(
        overlay, backing=record.path, backing_format='raw', host=host
    )
    assert catalogue.in_use(record.id).in_use is False
    argv = ['qemu-io', '-f', 'qcow2', '-c', 'sleep 600000', overlay]
    with host.start(argv) as running:
        deadline = time.monotonic() + 300
        while catalogue.in_use(record.id).in_use is False:
            assert time.monotonic() < deadline
            assert running.poll() is None
            time.sleep(0.1)
        usage = catalogue.in_use(record.id)
        assert usage.in_use is True
    assert catalogue.in_use(record.id).in_use is False


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root to mount')
def test_image_on_another_file_system_is_copied(tmp_path, host):
    other = tmp_path / 'other'
    other.mkdir()
    host.run(['mount', '-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', other])
    try:
        image = conformance.make_image(other, os.urandom(1 << 20))
        catalogue = catalogue_in(tmp_path / 'state')
        record = conformance.register(catalogue, image)
        assert record.path.read_bytes() == image.path.read_bytes()
    finally:
        host.run(['umount', other])
    assert record.path.stat().st_mode & 0o777 == 0o444
