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

"""What the repositories offer now, compared with an image's packages."""

import hashlib
import itertools
import lzma

import pytest

from image_pipeline.conf import settings as conf_settings
from image_pipeline.dib import repositories
from image_pipeline.store import cache as store_cache

MIRRORS = conf_settings.Mirrors(
    debian='http://deb.example/debian',
    debian_security='http://deb.example/security',
)


class Archive:
    """Suites with a package index each, and how often each was fetched."""

    def __init__(self, **versions):
        self.suites = {
            'bookworm': versions,
            'bookworm-updates': {},
            'bookworm-security': {},
        }
        self.fetched = []

    def __call__(self, url):
        self.fetched.append(url)
        suite = url.split('/dists/')[1].split('/')[0]
        index = ''.join(
            f'Package: {name}\nVersion: {version}\n\n'
            for name, version in self.suites[suite].items()
        ).encode()
        if url.endswith('/InRelease'):
            digest = hashlib.sha256(index).hexdigest()
            return f' {digest} 1 main/binary-amd64/Packages\n'.encode()
        return lzma.compress(index)


@pytest.fixture
def ask(tmp_path):
    def differences(
        archive, *, max_age=0, verify=lambda text: text, **packages
    ):
        return repositories.differences(
            [{'name': n, 'version': v} for n, v in packages.items()],
            release='bookworm',
            components=('main',),
            mirrors=MIRRORS,
            architecture='amd64',
            cache=store_cache.Cache(tmp_path),
            max_age=max_age,
            fetch=archive,
            verify=verify,
        )

    return differences


def test_the_same_versions_are_no_difference(ask):
    assert ask(Archive(openssl='3.0.16-1'), openssl='3.0.16-1') is None


def test_a_newer_version_is_named_with_the_one_in_the_image(ask):
    archive = Archive(openssl='3.0.16-1', bash='5.2-1')
    archive.suites['bookworm-security']['openssl'] = '3.0.17-1'
    reason = ask(archive, openssl='3.0.16-1', bash='5.2-1')
    assert reason == 'openssl 3.0.16-1 -> 3.0.17-1'


def test_a_changed_index_without_our_packages_is_no_reason(ask):
    archive = Archive(openssl='3.0.16-1')
    assert ask(archive, openssl='3.0.16-1') is None
    archive.suites['bookworm']['emacs'] = '30'
    assert ask(archive, openssl='3.0.16-1') is None


def test_an_unchanged_index_is_not_fetched_again(ask):
    archive = Archive(openssl='3.0.16-1')
    ask(archive, openssl='3.0.16-1')
    archive.fetched.clear()
    ask(archive, openssl='3.0.16-1')
    assert len(archive.fetched) == 3
    assert all(url.endswith('/InRelease') for url in archive.fetched)


def test_a_look_holds_for_its_time(ask):
    archive = Archive(openssl='3.0.16-1')
    ask(archive, openssl='3.0.16-1')
    archive.fetched.clear()
    ask(archive, max_age=3600, openssl='3.0.16-1')
    assert archive.fetched == []


def test_a_mirror_that_cannot_be_reached_is_a_warning(ask, caplog):
    def down(url):
        raise OSError('no route to host')

    assert ask(down, openssl='1') is None
    assert 'no route to host' in caplog.text


def test_a_release_file_that_nobody_signed_is_a_warning(ask, caplog):
    def unsigned(text):
        raise ValueError('it is not signed')

    archive = Archive(openssl='3.0.17-1')
    assert ask(archive, verify=unsigned, openssl='3.0.16-1') is None
    assert 'it is not signed' in caplog.text


def test_only_what_was_signed_of_a_release_file_is_read(ask):
    archive = Archive(openssl='3.0.17-1')
    checked = []

    def verify(text):
        checked.append(text)
        return text

    assert ask(archive, verify=verify, openssl='3.0.16-1')
    assert len(checked) == 3
    assert ask(archive, verify=lambda text: b'', openssl='3.0.16-1') is None


def test_many_differences_are_counted(ask):
    names = [f'p{number}' for number in range(8)]
    archive = Archive(**dict.fromkeys(names, '2'))
    reason = ask(archive, **dict.fromkeys(names, '1'))
    assert reason.endswith('p4 1 -> 2 and 3 more')


def test_versions_sort_as_debian_policy_says():
    ordered = [
        '1.0~~', '1.0~~a', '1.0~', '1.0', '1.0-1', '1.0-1+b1', '1.0a',
        '1.0+dfsg', '1.0.1', '1.9', '1.10', '2', '1:0.1',
    ]  # fmt: skip
    for low, high in itertools.pairwise(ordered):
        assert repositories.version_key(low) < repositories.version_key(high)
    same = repositories.version_key('1.0-0')
    assert repositories.version_key('1.0') == same
