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
from image_pipeline.dib import elements


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, files in {
        'system': {'element-provides': 'operating-system\n'},
        'disk': {'element-provides': 'block-device\n'},
        'wants': {'element-deps': 'system\nblock-device\n'},
        'broken': {'element-deps': 'sistem\n'},
    }.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    return tmp_path


def test_dependencies_are_expanded_and_virtual_elements_are_not_there(
    folder: Path,
) -> None:
    found = elements.expand(['wants', 'disk'], [folder])
    assert found == {
        'disk': folder / 'disk',
        'system': folder / 'system',
        'wants': folder / 'wants',
    }


def test_every_unknown_element_is_named(folder: Path) -> None:
    found = elements.missing(['systen', 'system', 'dusk'], [folder])
    assert [one.name for one in found] == ['systen', 'dusk']
    assert found[0].hint == 'did you mean "system"?'
    assert found[0].needed_by == ()


def test_an_unknown_dependency_names_who_needs_it(folder: Path) -> None:
    (unknown,) = elements.missing(['broken', 'disk'], [folder])
    assert unknown.name == 'sistem'
    assert unknown.needed_by == ('broken',)


def test_a_virtual_element_is_not_missing(folder: Path) -> None:
    assert elements.missing(['wants'], [folder]) == []


def test_what_nothing_provides_is_invalid(folder: Path) -> None:
    with pytest.raises(exceptions.InvalidInput, match='block-device'):
        elements.expand(['wants'], [folder])


def test_a_list_without_an_operating_system_is_invalid(folder: Path) -> None:
    with pytest.raises(exceptions.InvalidInput, match='operating system'):
        elements.expand(['disk'], [folder])


def test_two_elements_that_bring_one_thing_are_invalid(folder: Path) -> None:
    (folder / 'other').mkdir()
    (folder / 'other/element-provides').write_text('block-device\n')
    with pytest.raises(exceptions.InvalidInput, match='block-device'):
        elements.expand(['system', 'disk', 'other'], [folder])


def test_provided_follows_dependencies(folder: Path) -> None:
    (folder / 'deep').mkdir()
    (folder / 'deep/element-deps').write_text('disk\n')
    assert 'block-device' in elements.provided(['deep'], [folder])
    assert elements.provided(['wants'], [folder]) == {'operating-system'}


def test_a_mode_or_a_byte_or_a_name_changes_the_digest(tmp_path: Path) -> None:
    script = tmp_path / 'install.d/10-a'
    script.parent.mkdir()
    script.write_text('x')
    script.chmod(0o755)
    seen = {elements.digest(tmp_path)}
    script.chmod(0o644)
    seen.add(elements.digest(tmp_path))
    script.write_text('y')
    seen.add(elements.digest(tmp_path))
    script.rename(script.with_name('11-a'))
    seen.add(elements.digest(tmp_path))
    assert len(seen) == 4


def test_compiled_files_and_tests_do_not_change_the_digest(
    tmp_path: Path,
) -> None:
    (tmp_path / 'file').write_text('x')
    before = elements.digest(tmp_path)
    for name in ('__pycache__/a.pyc', 'test-elements/b', 'b.pyc', 'file~'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('x')
    assert elements.digest(tmp_path) == before
