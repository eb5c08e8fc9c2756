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
"""The conformance tests fire on elements that are wrong in one way."""

import pytest

from image_pipeline.testing.conformance import element

SCRIPT = (
    '#!/bin/bash\n\n'
    'if [ "${DIB_DEBUG_TRACE:-0}" -gt 0 ]; then\n    set -x\nfi\n'
    'set -eu\nset -o pipefail\n\ntrue\n'
)
README = """========
good-one
========
It is good.

DIB_GOOD:
  :Required: No
  :Default: ``1``
  :Description: How good.
  :Example: ``DIB_GOOD=2``
"""
CHECKS = sorted(
    name for name in dir(element.ElementConformance) if name[:5] == 'test_'
)


@pytest.fixture
def good(tmp_path):
    """An element that passes, to be spoilt."""
    folder = tmp_path / 'good-one'
    for name, text in {
        'README.rst': README,
        'element-deps': 'package-installs\npkg-map\n',
        'package-installs.yaml': 'hello:\n',
        'pkg-map': '{"default": {"hello": "hello"}}\n',
        'environment.d/10-good-one.bash': 'export DIB_GOOD=${DIB_GOOD:-1}\n',
        'install.d/50-do-good': SCRIPT,
    }.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / 'install.d' / '50-do-good').chmod(0o755)
    return folder


def failures(folder):
    """Return the names of the checks that an element does not pass."""

    class Checked(element.ElementConformance):
        elements_path = (folder.parent,)

    failed = []
    for name in CHECKS:
        try:
            getattr(Checked(), name)(folder)
        except (AssertionError, ValueError):
            failed.append(name)
    return failed


def script(folder, name, text=SCRIPT, mode=0o755):
    file = folder / 'install.d' / name
    file.write_text(text)
    file.chmod(mode)


def spoil_name(folder):
    return folder.rename(folder.parent / 'Good_One')


def spoil_title(folder):
    (folder / 'README.rst').write_text(README.replace('good-one', 'bad-one'))


def spoil_variable(folder):
    (folder / 'README.rst').write_text(
        README.replace('  :Default: ``1``\n', '')
    )


def forget_variable(folder):
    (folder / 'README.rst').write_text(README.partition('DIB_GOOD')[0])


def unknown_dependency(folder):
    (folder / 'element-deps').write_text(
        'no-such\npackage-installs\npkg-map\n'
    )


def unsorted_dependencies(folder):
    (folder / 'element-deps').write_text('pkg-map\npackage-installs\n')


def missing_helper(folder):
    (folder / 'element-deps').write_text('')


def linked_folder(folder):
    (folder / 'static').symlink_to('install.d')


def unknown_phase(folder):
    (folder / 'instal.d').mkdir()


def dotted_script(folder):
    script(folder, '60-do.sh')


def script_that_cannot_run(folder):
    script(folder, '60-do-more', mode=0o644)


def script_without_guard(folder):
    script(folder, '60-do-more', '#!/bin/bash\nset -eu\n')


def long_script(folder):
    script(folder, '60-do-more', SCRIPT + 'true\n' * 50)


def executable_environment(folder):
    (folder / 'environment.d' / '10-good-one.bash').chmod(0o755)


def unknown_package_key(folder):
    (folder / 'package-installs.yaml').write_text('hello:\n  phases: x\n')


def dead_mapping(folder):
    (folder / 'pkg-map').write_text('{"default": {"helo": "hello"}}\n')


def clash_with_a_dependency(folder):
    script(folder, '01-package-installs')


def test_a_good_element_passes(good):
    assert failures(good) == []


@pytest.mark.parametrize(
    ('spoil', 'check'),
    [
        (spoil_title, 'readme_has_the_name'),
        (spoil_variable, 'readme_documents'),
        (forget_variable, 'readme_documents'),
        (unknown_dependency, 'dependencies_are_sorted'),
        (unsorted_dependencies, 'dependencies_are_sorted'),
        (missing_helper, 'helpers_that_it_uses'),
        (linked_folder, 'folders_are_phases'),
        (unknown_phase, 'folders_are_phases'),
        (dotted_script, 'scripts_have_a_name'),
        (script_that_cannot_run, 'scripts_have_a_name'),
        (script_without_guard, 'scripts_open_alike'),
        (long_script, 'scripts_open_alike'),
        (executable_environment, 'environment_files'),
        (unknown_package_key, 'packages_are_well_formed'),
        (dead_mapping, 'package_map_maps'),
        (clash_with_a_dependency, 'scripts_do_not_clash'),
    ],
)
def test_one_mistake_fails_one_check(good, spoil, check):
    spoil(good)
    [failed] = failures(good)
    assert failed.startswith(f'test_{check}')


def test_a_name_that_is_not_hyphenated_fails(good):
    renamed = spoil_name(good)
    assert any('hyphenated' in name for name in failures(renamed))


def test_a_stock_name_fails(good):
    renamed = good.rename(good.parent / 'vm')
    assert any('stock_name' in name for name in failures(renamed))
