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

"""Our layouts get our nodes; and what that relies on is in DIB."""

from collections.abc import Iterator
from pathlib import Path

import diskimage_builder
import pytest
from diskimage_builder import element_dependencies
from diskimage_builder.block_device import config

from image_pipeline.dib import launcher, nodes

_DIB = Path(diskimage_builder.__file__).parent


@pytest.fixture
def stock() -> Iterator[object]:
    """Put DIB's own plug-ins back after a test."""
    before = config._extensions
    yield before
    config._extensions = before


def _text(name: str) -> str:
    return (_DIB / name).read_text()


def test_our_nodes_win_their_names(stock: object) -> None:
    launcher.install()
    assert config._extensions['mkfs'].plugin is nodes.TreeMkfs
    assert config._extensions['mount'].plugin is nodes.TreeMount
    for name in ('tree_image', 'tree_gpt', 'fstab', 'partitioning'):
        assert config.is_a_plugin(name)


def test_a_layout_is_ours_only_if_it_says_so() -> None:
    assert launcher.is_tree_layout('- tree_image:\n    name: image0\n')
    assert not launcher.is_tree_layout('- local_loop:\n    name: tree_image\n')
    assert not launcher.is_tree_layout('# tree_image: no\n')


@pytest.mark.parametrize(
    ('layout', 'ours'),
    [('- tree_image:\n', True), ('- local_loop:\n', False)],
)
def test_other_layouts_keep_dibs_own_nodes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stock: object,
    layout: str,
    ours: bool,
) -> None:
    (tmp_path / 'layout').write_text(layout)
    (tmp_path / 'params').write_text(f'config: {tmp_path}/layout\nx: y\n')
    monkeypatch.setenv('DIB_BLOCK_DEVICE_PARAMS_YAML', f'{tmp_path}/params')
    (tmp_path / 'script.py').write_text('import sys; ran = sys.argv')
    monkeypatch.setattr('sys.argv', [])
    launcher.main([f'{tmp_path}/script.py', 'getval'])
    assert (config._extensions is not stock) is ours


def test_without_parameters_dib_says_so_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stock: object
) -> None:
    monkeypatch.setenv('DIB_BLOCK_DEVICE_PARAMS_YAML', f'{tmp_path}/gone')
    monkeypatch.setattr('sys.argv', [])
    (tmp_path / 'script.py').write_text('')
    launcher.main([f'{tmp_path}/script.py'])
    assert config._extensions is stock


@pytest.mark.parametrize(
    ('file', 'words'),
    [
        # The wrapper that DIB_PYTHON_EXEC names sees the script's path first.
        (
            'lib/disk-image-create',
            'DIB_BLOCK_DEVICE="${DIB_PYTHON_EXEC} '
            '${_LIB}/dib-block-device.py"',
        ),
        # What MountNode.create undoes.
        (
            'lib/disk-image-create',
            'mv $TMP_BUILD_DIR/mnt $TMP_BUILD_DIR/built',
        ),
        ('lib/disk-image-create', 'mount-base: ${TMP_BUILD_DIR}/mnt'),
        ('lib/disk-image-create', 'config: ${BLOCK_DEVICE_CONFIG_YAML}'),
        # No `base`, and a raw disk is moved, not converted.
        ('lib/disk-image-create', '-n) shift; export SKIP_BASE="1";;'),
        ('lib/img-functions', 'mv $TMP_IMAGE_PATH $1-new'),
        # The disk is packed only after everything was unmounted.
        ('lib/disk-image-create', '${DIB_BLOCK_DEVICE} umount'),
        # The parameters are merged into the node of this name.
        ('block_device/blockdevice.py', "v['name'] != 'mkfs_root'"),
        # The manifests are copied into the image's /tmp, which is emptied.
        (
            'lib/img-functions',
            'find $TMP_MOUNT_PATH/tmp -maxdepth 1 -mindepth 1',
        ),
        (
            'elements/manifests/cleanup.d/01-copy-manifests-dir',
            'dd of=${MANIFEST_IMAGE_PATH}/dib_environment',
        ),
        # What the runner reads.
        ('lib/dib-run-parts', 'output "Running $target_dir/$target"'),
        ('lib/dib-run-parts', 'output "$target completed"'),
        # What the base tree stands in for.
        (
            'elements/debootstrap/root.d/08-debootstrap',
            'command -v mmdebstrap',
        ),
        (
            'elements/debian-minimal/environment.d/10-debian-minimal.bash',
            'export DIB_APT_SOURCES_CONF=',
        ),
        # What chooses the layout's element.
        ('lib/common-functions', 'elements="$elements block-device-mbr"'),
    ],
)
def test_diskimage_builder_is_what_we_build_on(file: str, words: str) -> None:
    assert words in _text(file)


def test_elements_are_expanded_by_dib() -> None:
    assert callable(element_dependencies.get_elements)
    for name in (
        'MissingElementException',
        'AlreadyProvidedException',
        'MissingOSException',
        'InvalidElementDir',
    ):
        assert issubclass(getattr(element_dependencies, name), Exception)
