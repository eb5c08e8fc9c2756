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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.stages import base, compose, registry
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes

_STATUS = """Package: a
Status: install ok installed
Architecture: all
Version: 1.0
"""


def _stage(**options: Any) -> compose.ComposeStage:
    options = {'elements': ['debian-minimal']} | options
    made = registry.make('compose', options)
    assert isinstance(made, compose.ComposeStage)
    return made


def _plan(folder: Path, **changes: Any) -> base.PlanContext:
    changes = {
        'recipe_file': folder / 'recipe.yaml',
        'which': lambda name: None,
    } | changes
    return fakes.plan_context(folder, **changes)


def _problems(folder: Path, **options: Any) -> dict[str | None, str]:
    stage = _stage(**options)
    return {
        found.path: f'{found.message} ({found.hint})'
        for found in stage.check(_plan(folder))
    }


def test_a_shipped_element_has_no_problem(tmp_path: Path) -> None:
    assert _problems(tmp_path, elements=['debian-minimal', 'vm']) == {}


def test_every_unknown_element_is_told_with_its_place(tmp_path: Path) -> None:
    found = _problems(
        tmp_path, elements=['debian-minimall', 'vm', 'egi-cloud-imag']
    )
    assert 'did you mean "debian-minimal"' in found['elements[0]']
    assert 'did you mean "egi-cloud-image"' in found['elements[2]']


def test_elements_without_a_system_are_a_problem(tmp_path: Path) -> None:
    found = _problems(tmp_path, elements=['vm'])
    assert 'no element brings an operating system' in found['elements']


def test_names_that_are_ours_name_the_option_instead(tmp_path: Path) -> None:
    found = _problems(tmp_path, environment={'DIB_IMAGE_SIZE': 5, 'A-B': 'x'})
    assert '`minimum_size`' in found['environment.DIB_IMAGE_SIZE']
    assert 'cannot be the name' in found['environment.A-B']


def test_a_secret_must_not_be_in_the_recipe_too(tmp_path: Path) -> None:
    found = _problems(tmp_path, secrets=['TOKEN'], environment={'TOKEN': 'x'})
    assert 'also listed in `secrets`' in found['environment.TOKEN']


def test_a_missing_folder_of_elements_is_a_problem(tmp_path: Path) -> None:
    found = _problems(tmp_path, element_path=['gone'])
    assert 'there is no folder' in found['element_path[0]']


def test_a_missing_layout_is_a_problem(tmp_path: Path) -> None:
    found = _problems(tmp_path, block_device='gone.yaml')
    assert 'cannot be read' in found['block_device']


def test_elements_beside_the_recipe_are_found(tmp_path: Path) -> None:
    (tmp_path / 'mine/own').mkdir(parents=True)
    found = _problems(
        tmp_path, elements=['debian-minimal', 'own'], element_path=['mine']
    )
    assert found == {}


def test_it_needs_root_and_the_tools_of_its_layout(tmp_path: Path) -> None:
    needs = _stage().needs(_plan(tmp_path))
    assert needs.root
    assert {'mmdebstrap', 'unshare', 'mke2fs', 'sfdisk'} <= set(
        needs.executables
    )
    assert 'kpartx' not in needs.executables
    stock = _stage(elements=['debian-minimal', 'block-device-gpt'])
    assert 'kpartx' in stock.needs(_plan(tmp_path)).executables
    btrfs = _stage(filesystem='btrfs').needs(_plan(tmp_path))
    assert 'mkfs.btrfs' in btrfs.executables


def test_xfs_is_refused_with_the_reason_but_for_stock_nodes(
    tmp_path: Path,
) -> None:
    found = _problems(tmp_path, elements=['debian-minimal'], filesystem='xfs')
    assert 'mkfs.xfs cannot fill' in found['filesystem']
    stock = _stage(
        elements=['debian-minimal', 'block-device-gpt'], filesystem='xfs'
    )
    wrong = [one.path for one in stock.check(_plan(tmp_path))]
    assert 'filesystem' not in wrong
    assert 'mkfs.xfs' in stock.needs(_plan(tmp_path)).executables


def test_a_large_disk_needs_space(tmp_path: Path) -> None:
    needs = _stage(minimum_size='10GiB').needs(_plan(tmp_path))
    assert needs.disk_bytes >= 10 << 30


def test_the_fingerprint_knows_each_element_and_its_content(
    tmp_path: Path,
) -> None:
    (tmp_path / 'mine/own').mkdir(parents=True)
    script = tmp_path / 'mine/own/file'
    script.write_text('1')
    stage = _stage(elements=['debian-minimal', 'own'], element_path=['mine'])
    before = stage.fingerprint(_plan(tmp_path))
    assert 'element:block-device-tree' in before
    assert 'element:dpkg' in before
    assert 'diskimage-builder' in before
    script.write_text('2')
    after = stage.fingerprint(_plan(tmp_path))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {'element:own'}


def test_a_layout_of_ones_own_is_part_of_the_fingerprint(
    tmp_path: Path,
) -> None:
    stage = _stage(block_device='layout.yaml')
    seen = set()
    for text in ('- tree_image:\n', '- tree_image: \n'):
        (tmp_path / 'layout.yaml').write_text(text)
        seen.add(stage.fingerprint(_plan(tmp_path))['block_device'])
    assert len(seen) == 2


def _answer(call: fakes.Call, status: str = _STATUS) -> None:
    work = Path(call.argv[call.argv.index('-o') + 1]).parent
    assert (work / 'build').is_dir()
    (work / 'disk.raw').write_bytes(bytes(1024) + b'content')
    (work / 'dpkg-status').write_text(status)


def _run(
    folder: Path,
    stage: compose.ComposeStage,
    *,
    host: fakes.FakeHost | None = None,
    secrets: Mapping[str, str] | None = None,
) -> tuple[fakes.FakeHost, dict[str, artifact.Artifact]]:
    host = host or fakes.FakeHost()
    host.answer(effect=_answer)
    context = fakes.stage_context(
        folder,
        host=host,
        secrets=secrets,
        recipe_file=folder / 'recipe.yaml',
    )
    return host, {one.kind: one for one in stage.run(context)}


def test_a_run_gives_a_disk_and_the_packages_in_it(tmp_path: Path) -> None:
    _, made = _run(tmp_path, _stage(build_in='disk'))
    disk = made[artifact.DISK]
    assert disk.path.read_bytes().endswith(b'content')
    assert disk.properties['format'] == 'raw'
    assert disk.properties['virtual_size'] == 1031
    assert json.loads(made[artifact.PACKAGES].path.read_text()) == [
        {'name': 'a', 'version': '1.0', 'architecture': 'all', 'source': 'a'}
    ]


def test_the_recipes_variables_are_handed_on_as_text(tmp_path: Path) -> None:
    host, _ = _run(
        tmp_path,
        _stage(
            build_in='disk',
            environment={'DIB_RELEASE': 'bookworm', 'A': True, 'B': 7},
        ),
    )
    given = host.calls[0].env
    assert (given['DIB_RELEASE'], given['A'], given['B']) == (
        'bookworm',
        '1',
        '7',
    )
    assert given['DIB_TREE_SEED'] == '0' * 64


def test_the_base_tree_is_cached_only_if_wanted(tmp_path: Path) -> None:
    (tmp_path / 'a').mkdir()
    host, _ = _run(tmp_path / 'a', _stage(build_in='disk'))
    assert 'base-trees' in host.calls[0].env['IMAGE_PIPELINE_BASE_CACHE']
    (tmp_path / 'b').mkdir()
    host, _ = _run(tmp_path / 'b', _stage(build_in='disk', base_cache=False))
    assert 'IMAGE_PIPELINE_BASE_CACHE' not in host.calls[0].env


def test_a_disk_with_a_secret_in_it_is_refused(tmp_path: Path) -> None:
    stage = _stage(build_in='disk', secrets=['TOKEN'])
    assert list(stage.secrets()) == ['TOKEN']
    with pytest.raises(exceptions.StageFailed, match='TOKEN'):
        _run(tmp_path, stage, secrets={'TOKEN': '\0\0content'})


def test_memory_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from image_pipeline.dib import runner

    monkeypatch.setattr(runner, 'memory_for_tree', lambda text: 0)
    with pytest.raises(exceptions.StageFailed, match='too little'):
        _run(tmp_path, _stage(build_in='memory'))


@pytest.mark.parametrize('difference', ['openssl 1 -> 2', None])
def test_an_image_is_valid_while_its_packages_are_the_archives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, difference: str | None
) -> None:
    from image_pipeline.dib import repositories

    asked: list[dict[str, Any]] = []

    def differences(packages: Any, **told: Any) -> str | None:
        asked.append({'packages': packages, **told})
        return difference

    monkeypatch.setattr(repositories, 'differences', differences)
    file = tmp_path / 'packages.json'
    file.write_text('[{"name": "a"}]')
    made = artifact.Artifact(
        kind=artifact.PACKAGES, path=file, digest='', size=0
    )
    stage = _stage(environment={'DIB_RELEASE': 'bookworm'})
    answer = stage.still_valid(
        {artifact.PACKAGES: made},
        _plan(tmp_path),
        store_cache.Cache(tmp_path / 'cache'),
    )
    assert answer == difference
    assert asked[0]['packages'] == [{'name': 'a'}]
    assert asked[0]['release'] == 'bookworm'
    assert asked[0]['components'] == ('main',)
    assert asked[0]['architecture'] == 'amd64'
