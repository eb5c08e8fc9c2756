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

from image_pipeline.conf import settings
from image_pipeline.dib import packages

_STATUS = """Package: b
Status: install ok installed
Architecture: amd64
Source: b-src (1:2.0)
Version: 2.0-1
Description: text
 Version: not this one

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: a
Status: hold ok installed
Architecture: all
Version: 1.0
"""


def test_installed_packages_are_listed_with_their_sources(
    tmp_path: Path,
) -> None:
    file = tmp_path / 'status'
    file.write_text(_STATUS)
    assert packages.read_status(file) == [
        {
            'name': 'a',
            'version': '1.0',
            'architecture': 'all',
            'source': 'a',
        },
        {
            'name': 'b',
            'version': '2.0-1',
            'architecture': 'amd64',
            'source': 'b-src',
            'source_version': '1:2.0',
        },
    ]


def test_a_system_without_dpkg_has_no_list() -> None:
    assert packages.read_status(None) == []


def test_a_program_is_known_by_its_content(tmp_path: Path) -> None:
    program = tmp_path / 'mke2fs'
    program.write_text('1')
    before = packages.tool_versions(['mke2fs'], lambda name: program)
    program.write_text('2')
    after = packages.tool_versions(['mke2fs'], lambda name: program)
    assert before['diskimage-builder'] == after['diskimage-builder']
    assert before['tool:mke2fs'] != after['tool:mke2fs']


def test_a_missing_program_has_no_version() -> None:
    assert list(packages.tool_versions(['mke2fs'], lambda name: None)) == [
        'diskimage-builder'
    ]


def test_keyrings_of_archives_are_known_by_their_content(
    tmp_path: Path,
) -> None:
    (tmp_path / 'debian-archive-keyring.gpg').write_text('k')
    (tmp_path / 'vendor.gpg').write_text('v')
    assert list(packages.keyrings([tmp_path, tmp_path / 'gone'])) == [
        'keyring:debian-archive-keyring.gpg'
    ]


def test_the_sites_mirror_wins() -> None:
    given = settings.Mirrors(debian='http://site.example/debian')
    own = {
        'debian': 'http://own.example/debian',
        'debian-security': 'http://own.example/security',
    }
    found = packages.mirrors(given, lambda: own)
    assert found.debian == 'http://site.example/debian'
    assert found.debian_security == 'http://own.example/security'
    assert found.ubuntu is None
