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

import os
from pathlib import Path

import pytest

from image_pipeline.conf import settings
from image_pipeline.dib import environment, namespace


def _make(**changes: object) -> dict[str, str]:
    values: dict[str, object] = {
        'given': {},
        'secrets': {},
        'elements_path': (Path('/mine'), Path('/ours'), Path('/stock')),
        'architecture': 'amd64',
        'filesystem': 'ext4',
        'block_device': None,
        'minimum_size': 0,
        'seed': 'seed',
        'folder': Path('/srv/build'),
        'tmp_dir': Path('/srv/build/loops-1'),
        'disk': Path('/srv/packed.raw'),
        'cache': Path('/cache'),
        'mirrors': settings.Mirrors(debian='http://mirror.example/debian'),
        'operating_system': 'debian',
        'tree': True,
        'base_cache': None,
    }
    return environment.make(**values | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    'name', ['1A', 'A-B', '', 'A B', 'TMP_DIR', 'DIB_IMAGE_SIZE', 'LD_PRELOAD']
)
def test_names_that_are_no_names_or_ours_are_wrong(name: str) -> None:
    assert environment.wrong_name(name)


def test_names_of_elements_are_fine() -> None:
    assert environment.wrong_name('DIB_RELEASE') is None


def test_every_reserved_name_that_is_replaced_names_an_option() -> None:
    from image_pipeline.stages import compose

    options = set(compose.ComposeStage.schema['properties'])
    assert set(filter(None, environment.RESERVED.values())) <= options


def test_our_programs_come_first_and_all_variables_are_kept() -> None:
    made = _make(given={'DIB_RELEASE': 'bookworm'}, secrets={'TOKEN': 'x'})
    assert made['PATH'].split(os.pathsep)[0].endswith('dib/bin')
    kept = namespace.kept(made | {'OTHER': 'x'})
    assert set(made) - set(kept) == {namespace.KEEP_VARIABLE}
    assert kept['TOKEN'] == 'x'
    assert 'OTHER' not in kept


def test_nothing_of_the_environment_is_saved_in_the_image() -> None:
    # DIB empties /tmp in the end; see the contract test of test_launcher.
    assert _make()['DIB_MANIFEST_IMAGE_DIR'].startswith('/tmp/')


def test_the_mirror_is_that_of_the_operating_system() -> None:
    assert _make()['DIB_DISTRIBUTION_MIRROR'] == 'http://mirror.example/debian'
    assert 'DIB_DISTRIBUTION_MIRROR' not in _make(operating_system='ubuntu')


def test_the_recipe_wins_over_the_site() -> None:
    made = _make(given={'DIB_DISTRIBUTION_MIRROR': 'http://other.example/'})
    assert made['DIB_DISTRIBUTION_MIRROR'] == 'http://other.example/'


def test_dibs_own_elements_are_left_for_dib_to_add() -> None:
    assert _make()['ELEMENTS_PATH'] == '/mine:/ours'


def test_stock_layouts_get_dibs_own_size_and_a_real_sync() -> None:
    made = _make(tree=False, minimum_size=3 << 29)
    assert made['DIB_IMAGE_SIZE'] == '1.500'
    assert 'bin-tree' not in made['PATH']
    assert 'DIB_TREE_DISK' not in made


def test_a_proxy_of_the_host_is_handed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('HTTP_PROXY', 'http://proxy.example:3128')
    monkeypatch.delenv('http_proxy', raising=False)
    assert _make()['http_proxy'] == 'http://proxy.example:3128'


def test_apts_proxy_is_taken_where_the_environment_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ('http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('https_proxy', 'http://other.example')
    own = {'http': 'http://apt.example', 'https': 'http://apt.example'}
    made = _make(proxies=own)
    assert made['http_proxy'] == 'http://apt.example'
    assert made['https_proxy'] == 'http://other.example'


def test_packages_come_from_the_release_that_the_elements_take() -> None:
    assert environment.debian_suite(
        ['debian-minimal'],
        {'DIB_RELEASE': 'trixie', 'DIB_DEBIAN_COMPONENTS': 'main,contrib'},
    ) == ('trixie', ('main', 'contrib'))
    assert environment.debian_suite(['debian-minimal'], {}) == (
        'stable',
        ('main',),
    )
    assert environment.debian_suite(['ubuntu-minimal'], {}) is None


def test_image_is_told_what_made_it() -> None:
    made = _make(stamp={'recipe': 'debian-12', 'run': 'run-1'})
    assert made['DIB_IMAGE_STAMP_RECIPE'] == 'debian-12'
    assert made['DIB_IMAGE_STAMP_RUN'] == 'run-1'
    kept = made[namespace.KEEP_VARIABLE].split(':')
    assert {'DIB_IMAGE_STAMP_RECIPE', 'DIB_IMAGE_STAMP_RUN'} <= set(kept)


@pytest.mark.parametrize(
    ('epoch', 'passed'), [('1767225600', True), ('', False), ('now', False)]
)
def test_date_of_a_reproducible_build_is_passed_on(
    monkeypatch: pytest.MonkeyPatch, epoch: str, passed: bool
) -> None:
    monkeypatch.setenv('SOURCE_DATE_EPOCH', epoch)
    assert _make().get('SOURCE_DATE_EPOCH') == (epoch if passed else None)
