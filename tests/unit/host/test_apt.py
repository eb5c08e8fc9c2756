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

"""The host's own sources of packages, as apt reads them."""

import pytest

from image_pipeline.host import apt

DEBIAN = {'ID': 'debian', 'VERSION_CODENAME': 'bookworm'}
KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg'
PARAGRAPHS = f"""# The archive
Types: deb deb-src
# http://snapshot.example/debian
URIs: http://one.example/debian/ http://two.example/debian
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: {KEYS}

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""


class Apt:
    """Folders as those of apt."""

    def __init__(self, folder):
        self.folder, self.lists = folder / 'apt', folder / 'lists'
        (self.folder / 'sources.list.d').mkdir(parents=True)
        self.lists.mkdir()

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def fetched(self, name, **fields):
        text = ''.join(f'{key}: {value}\n' for key, value in fields.items())
        text = f'-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}'
        (self.lists / name).write_text(text)

    def archives(self, host=DEBIAN):
        return apt.archives(self.folder, lists=self.lists, host=host)


@pytest.fixture
def own(tmp_path):
    return Apt(tmp_path)


def test_paragraphs_give_every_uri_with_every_suite(own):
    own.write('sources.list.d/debian.sources', PARAGRAPHS)
    found = apt.sources(own.folder)
    assert [(one.uri, one.suite) for one in found] == [
        ('http://one.example/debian', 'bookworm'),
        ('http://one.example/debian', 'bookworm-updates'),
        ('http://two.example/debian', 'bookworm'),
        ('http://two.example/debian', 'bookworm-updates'),
    ]
    assert found[0].components == ('main', 'contrib')
    assert [str(file) for file in found[0].signed_by] == [KEYS]


def test_a_key_in_the_paragraph_itself_is_no_file(own):
    own.write(
        'sources.list.d/x.sources',
        'Types: deb\nURIs: http://a.example\nSuites: ./\nSigned-By:\n'
        ' -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINB/key\n',
    )
    (source,) = apt.sources(own.folder)
    assert source.signed_by == ()
    assert source.components == ()


def test_lines_have_options_and_comments(own):
    own.write(
        'sources.list',
        '# deb http://old.example/debian bookworm main\n'
        f'deb [ arch=amd64 signed-by={KEYS} ] http://a.example/debian '
        'bookworm main contrib # the archive\n'
        'deb-src http://a.example/debian bookworm main\n'
        'deb cdrom:[Debian 12 # 1]/ bookworm main\n'
        'not a line\n',
    )
    first, disc = apt.sources(own.folder)
    assert (first.uri, first.suite) == ('http://a.example/debian', 'bookworm')
    assert first.components == ('main', 'contrib')
    assert [str(file) for file in first.signed_by] == [KEYS]
    assert disc.uri == 'cdrom:[Debian 12 # 1]'


def test_other_files_and_folders_are_left_alone(own):
    own.write('sources.list.d/x.list.save', 'deb http://a.example x main\n')
    (own.folder / 'sources.list.d/y.list').mkdir()
    assert apt.sources(own.folder) == []
    assert apt.sources(own.folder / 'nowhere') == []


def test_the_suites_tell_the_archives_apart_whatever_the_urls(own):
    own.write(
        'sources.list',
        'deb https://cache.example/repository/main/ bookworm main\n'
        'deb https://cache.example/repository/main bookworm-updates main\n'
        'deb https://cache.example/repository/fixes bookworm-security main\n',
    )
    assert own.archives() == {
        'debian': 'https://cache.example/repository/main',
        'debian-security': 'https://cache.example/repository/fixes',
    }


def test_the_release_file_knows_better_than_the_name_of_the_suite(own):
    own.write(
        'sources.list',
        'deb http://u@a.example:3142/x~y odd main\n'
        'deb http://b.example/deb odd main\n'
        'deb http://c.example/sec odd main\n'
        'deb http://d.example/debian bookworm main\n',
    )
    own.fetched(
        'b.example_deb_dists_odd_InRelease',
        Origin='Debian', Label='Debian', Suite='stable',
    )  # fmt: skip
    own.fetched(
        'c.example_sec_dists_odd_Release',
        Origin='Debian', Label='Debian-Security', Suite='stable-security',
    )  # fmt: skip
    own.fetched(
        'd.example_debian_dists_bookworm_InRelease',
        Origin='Somebody', Label='Debian', Suite='bookworm',
    )  # fmt: skip
    assert own.archives() == {
        'debian': 'http://b.example/deb',
        'debian-security': 'http://c.example/sec',
    }
    odd = apt.sources(own.folder)[0]
    own.fetched('a.example:3142_x%7ey_dists_odd_InRelease', Origin='Found')
    assert apt.release(odd, own.lists)['Origin'] == 'Found'


@pytest.mark.parametrize(
    'line',
    [
        'deb http://x.example/linux/debian bookworm stable',
        'deb http://x.example bookworm-pgdg main',
        'deb [signed-by=/etc/apt/keyrings/x.gpg] http://x.example bookworm '
        'main',
        'deb http://x.example ./',
        'deb http://x.example noble',
        'deb cdrom:[Debian]/ bookworm main',
        'deb file:/srv/debian bookworm main',
        'deb http://me:secret@x.example/debian bookworm main',
    ],
)
def test_what_is_of_others_or_of_no_use_elsewhere_is_no_mirror(own, line):
    own.write('sources.list', f'{line}\n')
    assert own.archives() == {}


def test_ubuntu_and_its_fixes_are_known_by_name_and_by_release_file(own):
    own.write(
        'sources.list',
        'deb http://a.example/ubuntu noble main universe\n'
        'deb http://b.example/ubuntu noble-security main\n',
    )
    wanted = {
        'ubuntu': 'http://a.example/ubuntu',
        'ubuntu-security': 'http://b.example/ubuntu',
    }
    assert own.archives() == wanted
    for name, suite in (('a', 'noble'), ('b', 'noble-security')):
        own.fetched(
            f'{name}.example_ubuntu_dists_{suite}_InRelease',
            Origin='Ubuntu', Label='Ubuntu', Suite=suite,
        )  # fmt: skip
    assert own.archives() == wanted


def test_the_host_s_own_release_needs_no_list_of_names(own):
    own.write('sources.list', 'deb http://a.example/debian zurg main\n')
    assert own.archives() == {}
    host = {'ID': 'debian', 'VERSION_CODENAME': 'zurg'}
    assert own.archives(host) == {'debian': 'http://a.example/debian'}


def test_old_names_of_security_suites_are_known(own):
    own.write('sources.list', 'deb http://a.example buster/updates main\n')
    assert own.archives() == {'debian-security': 'http://a.example'}


def test_a_list_of_mirrors_gives_its_first_complete_one(own, tmp_path):
    mirrors = tmp_path / 'mirrors.txt'
    mirrors.write_text(
        '# by distance\n'
        'http://last.example/debian\n'
        'http://index.example/debian\tpriority:1 type:index\n'
        'file:/srv/debian\tpriority:2\n'
        'http://far.example/debian/\tpriority:20\n'
        'http://near.example/debian/\tpriority:3 type:index type:deb\n'
    )
    own.write(
        'sources.list',
        f'deb [signed-by={KEYS}] mirror+file:{mirrors} bookworm main\n',
    )
    assert own.archives() == {'debian': 'http://near.example/debian'}
    (keys,) = apt.keyrings('http://far.example/debian/', own.folder)
    assert str(keys) == KEYS


def test_a_list_of_mirrors_that_is_gone_has_none(own):
    own.write('sources.list', 'deb mirror+file:/nowhere bookworm main\n')
    assert own.archives() == {}


def test_the_host_says_what_it_is(tmp_path):
    file = tmp_path / 'os-release'
    file.write_text('ID=debian\nNAME="Debian GNU/Linux"\n# ID=other\n')
    assert apt.os_release(file) == {'ID': 'debian', 'NAME': 'Debian GNU/Linux'}
    assert apt.os_release(tmp_path / 'gone') == {}
