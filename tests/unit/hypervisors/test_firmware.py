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

import json
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.hypervisors import firmware


def describe(folder: Path, name: str, **changes: object) -> None:
    code, variables = folder / f'{name}.code', folder / f'{name}.vars'
    code.touch()
    variables.touch()
    value = {
        'interface-types': ['uefi'],
        'mapping': {
            'device': 'flash',
            'executable': {'filename': str(code), 'format': 'raw'},
            'nvram-template': {'filename': str(variables), 'format': 'qcow2'},
        },
        'targets': [
            {
                'architecture': 'x86_64',
                'machines': ['pc-i440fx-*', 'pc-q35-*'],
            }
        ],
        'features': ['acpi-s3'],
    }
    (folder / f'{name}.json').write_text(json.dumps(value | changes))


def find(*folders: Path, machine: str = 'q35') -> str:
    found = firmware.find(machine=machine, folders=folders, places=())
    return found.code.stem


def test_first_descriptor_that_fits_wins(tmp_path: Path) -> None:
    describe(tmp_path, '60-plain')
    describe(tmp_path, '50-enrolled', features=['enrolled-keys'])
    describe(tmp_path, '40-smm', features=['requires-smm', 'secure-boot'])
    describe(tmp_path, '30-bios', **{'interface-types': ['bios']})
    describe(
        tmp_path,
        '20-arm',
        targets=[{'architecture': 'aarch64', 'machines': ['virt-*']}],
    )
    describe(tmp_path, '70-later')
    assert find(tmp_path) == '60-plain'


def test_formats_are_those_of_the_descriptor(tmp_path: Path) -> None:
    describe(tmp_path, '10')
    found = firmware.find(folders=[tmp_path], places=())
    assert (found.code_format, found.variables_format) == ('raw', 'qcow2')


def test_firmware_must_fit_the_machine(tmp_path: Path) -> None:
    only = [{'architecture': 'x86_64', 'machines': ['pc-q35-*']}]
    describe(tmp_path, '10', targets=only)
    assert find(tmp_path) == '10'
    with pytest.raises(exceptions.StageFailed):
        find(tmp_path, machine='pc')


def test_site_s_descriptor_replaces_the_package_s(tmp_path: Path) -> None:
    site, package = tmp_path / 'etc', tmp_path / 'usr'
    site.mkdir()
    package.mkdir()
    describe(package, '10')
    describe(package, '20')
    # An empty file switches a descriptor off.
    (site / '10.json').touch()
    assert find(site, package) == '20'


def test_broken_descriptors_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / '10.json').write_text('{')
    (tmp_path / '11.json').write_text('[]')
    (tmp_path / '12.json').write_text('{"mapping": 3}')
    describe(tmp_path, '20')
    assert find(tmp_path) == '20'


def test_known_places_serve_where_there_is_no_descriptor(
    tmp_path: Path,
) -> None:
    code, variables = tmp_path / 'code.fd', tmp_path / 'vars.fd'
    code.touch()
    variables.touch()
    found = firmware.find(
        folders=[], places=[('/none', '/none'), (str(code), str(variables))]
    )
    assert found.code == code


def test_host_without_firmware_is_told_what_to_install() -> None:
    with pytest.raises(exceptions.StageFailed) as caught:
        firmware.find(folders=[], places=())
    assert 'ovmf' in (caught.value.hint or '')
