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

import errno
import os

import pytest

from image_pipeline import exceptions
from image_pipeline.catalogues import incoming
from image_pipeline.host import cancellation
from image_pipeline.testing.conformance import catalogue as conformance


@pytest.fixture
def entry(tmp_path):
    return incoming.Incoming(tmp_path / 'incoming')


@pytest.fixture
def image(tmp_path):
    return conformance.make_image(tmp_path)


@pytest.fixture
def no_links(monkeypatch):
    """Have second names for files refused, as across file systems."""

    def refuse(number):
        def link(*args, **kwargs):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, 'link', link)

    return refuse


def take(entry, image, token=None, told=lambda *args: None):
    return entry.taking(
        image,
        entry.reserve('image-1'),
        progress=told,
        cancelled=token or cancellation.CancellationToken(),
    )


def test_file_is_taken_in_as_another_name(entry, image):
    with take(entry, image) as path:
        assert path.samefile(image.path)
        assert path.parent.parent == entry.root


def test_what_is_not_moved_on_is_gone_at_the_end(entry, image):
    with take(entry, image):
        pass
    assert list(entry.root.iterdir()) == []
    assert image.path.exists()


def test_what_is_moved_on_stays(entry, image, tmp_path):
    with take(entry, image) as path:
        path.rename(tmp_path / 'there')
    assert (tmp_path / 'there').samefile(image.path)
    assert list(entry.root.iterdir()) == []


@pytest.mark.parametrize('number', [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_file_that_cannot_be_linked_is_copied_and_told(
    entry, image, no_links, number
):
    no_links(number)
    told = []
    with take(entry, image, told=lambda *args: told.append(args)) as path:
        assert not path.samefile(image.path)
        assert path.read_bytes() == image.path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o444
    assert told[-1] == (image.size, image.size, 'B')


def test_error_of_the_disk_is_no_reason_to_copy(entry, image, no_links):
    no_links(errno.EIO)
    with (
        pytest.raises(exceptions.PipelineError),
        take(entry, image),
    ):
        pytest.fail('it was not taken in')
    assert list(entry.root.iterdir()) == []


def test_copy_of_another_content_is_refused(entry, image, no_links):
    no_links(errno.EXDEV)
    image.path.chmod(0o644)
    image.path.write_bytes(b'x' * image.size)
    with pytest.raises(exceptions.DigestMismatch), take(entry, image):
        pytest.fail('it was not taken in')
    assert list(entry.root.iterdir()) == []


def test_copy_stops_when_it_is_cancelled(entry, image, no_links):
    no_links(errno.EXDEV)
    token = cancellation.CancellationToken()
    token.cancel('SIGINT')
    with pytest.raises(exceptions.Interrupted), take(entry, image, token):
        pytest.fail('it was not taken in')
    assert list(entry.root.iterdir()) == []


def test_file_that_may_be_written_becomes_read_only(entry, image):
    image.path.chmod(0o644)
    with take(entry, image) as path:
        assert path.stat().st_mode & 0o777 == 0o444


def test_only_what_belongs_to_nobody_is_dropped(entry):
    (entry.root / 'dead').mkdir(parents=True)
    (entry.root / 'dead' / 'image').write_text('half')
    lock = entry.reserve('alive')
    assert entry.drop_dead() == ['removed the half registered image dead']
    assert [path.name for path in entry.root.iterdir()] == ['alive']
    lock.release()
    assert entry.drop_dead() == ['removed the half registered image alive']


def test_two_of_one_id_are_refused(entry):
    with (
        entry.reserve('image-1'),
        pytest.raises(exceptions.PipelineError),
    ):
        entry.reserve('image-1')


def test_dropping_what_is_not_there_is_no_error(entry):
    entry.drop('image-1')
    assert entry.drop_dead() == []
