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

"""The host's own settings of apt."""

import pytest

from image_pipeline.host import apt_conf


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'apt.conf.d').mkdir()
    return tmp_path


def write(folder, name, text):
    (folder / name).write_text(text)


def test_plain_and_nested_settings_are_the_same(folder):
    write(
        folder,
        'apt.conf.d/10x',
        'Acquire::http::Proxy "http://a.example:3142"; // why\n'
        '# Acquire::https::Proxy "http://no.example";\n'
        'Acquire { /* all\n of it */ https { Proxy "http://b.example"; };\n'
        '  Retries 3;\n};\nAPT::Architectures { "amd64"; "arm64"; };\n',
    )
    found = apt_conf.configuration(folder)
    assert found['acquire::http::proxy'] == 'http://a.example:3142'
    assert found['acquire::https::proxy'] == 'http://b.example'
    assert found['acquire::retries'] == '3'


def test_the_last_word_holds_and_odd_names_are_not_read(folder):
    for name, text in (
        ('apt.conf.d/10a', 'A "1"; B "1"; C "1";'),
        ('apt.conf.d/20b.conf', 'B "2"; C "2";'),
        ('apt.conf.d/30c.save', 'A "3";'),
        ('apt.conf', 'C "4";'),
    ):
        write(folder, name, text)
    assert apt_conf.configuration(folder) == {'a': '1', 'b': '2', 'c': '4'}


def test_a_host_without_apt_has_no_settings(tmp_path):
    assert apt_conf.configuration(tmp_path / 'gone') == {}
    assert apt_conf.proxies(tmp_path / 'gone') == {}


@pytest.mark.parametrize(
    ('text', 'found'),
    [
        ('', {}),
        (
            'Acquire::http::Proxy "http://a.example:3142";',
            {
                'http': 'http://a.example:3142',
                'https': 'http://a.example:3142',
            },
        ),
        (
            'Acquire::http::Proxy http://a.example;'
            'Acquire::https::Proxy "DIRECT";',
            {'http': 'http://a.example'},
        ),
        ('Acquire::http::Proxy::one.example "http://a.example";', {}),
        ('Acquire::https::Proxy "http://a";', {'https': 'http://a'}),
    ],
)
def test_proxies_are_those_for_all_hosts(folder, text, found):
    write(folder, 'apt.conf', text)
    assert apt_conf.proxies(folder) == found
