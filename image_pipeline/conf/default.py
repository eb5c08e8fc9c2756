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

"""Where things are: the group ``[DEFAULT]``."""

import os
import sys
from pathlib import Path

from oslo_config import cfg

import image_pipeline

GROUP = 'DEFAULT'
#: The folders of the project's own files, below each base folder.
NAME = 'image-pipeline'
#: The state folder of root.
STATE_DIR = Path('/var/lib') / NAME

opts = [
    cfg.StrOpt(
        'state_dir',
        sample_default=str(STATE_DIR),
        help='Folder of runs, artifacts, cache and the local catalogue. The '
        'default is /var/lib/image-pipeline for root, and '
        'image-pipeline in XDG_STATE_HOME for others.',
    ),
    cfg.ListOpt(
        'recipe_path',
        default=[],
        help='Folders in which recipes are found by name, before the '
        'defaults: recipes in the image-pipeline folder of XDG_CONFIG_HOME, '
        'of /etc, and of the installation.',
    ),
    cfg.ListOpt(
        'profile_path',
        default=[],
        help='Folders in which profiles of the audit are found by name, '
        'before the defaults: profiles in the image-pipeline folder of '
        'XDG_CONFIG_HOME and of /etc. Those that come with image-pipeline '
        'are found too, and cannot be replaced.',
    ),
    cfg.ListOpt(
        'elements_path',
        default=[],
        help='Folders of diskimage-builder elements that come before those '
        'of image-pipeline and of diskimage-builder.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register this group's options.

    :param conf: where to.
    """
    conf.register_opts(opts)


def config_files() -> list[Path]:
    """Return the configuration files that are there; later ones win."""
    folders = [Path('/etc'), _xdg('XDG_CONFIG_HOME', '.config')]
    files = [folder / NAME / f'{NAME}.conf' for folder in folders]
    return [file for file in files if file.is_file()]


def state_dir() -> Path:
    """Return the state folder of a user who sets none."""
    if os.geteuid() == 0:
        return STATE_DIR
    return _xdg('XDG_STATE_HOME', '.local/state') / NAME


def recipe_path() -> list[Path]:
    """Return the folders in which recipes are found; earlier ones win."""
    package = Path(image_pipeline.__file__).parent
    return [
        _xdg('XDG_CONFIG_HOME', '.config') / NAME / 'recipes',
        Path('/etc') / NAME / 'recipes',
        Path(sys.prefix) / 'share' / NAME / 'recipes',
        # A checkout: an editable install does not install data files.
        package.parent / 'etc' / NAME / 'recipes',
    ]


def profile_path() -> list[Path]:
    """Return the folders of the site's profiles; earlier ones win."""
    return [
        _xdg('XDG_CONFIG_HOME', '.config') / NAME / 'profiles',
        Path('/etc') / NAME / 'profiles',
    ]


def _xdg(variable: str, default: str) -> Path:
    # The specification says that a relative path is to be ignored.
    value = os.environ.get(variable, '')
    return Path(value) if value.startswith('/') else _home() / default


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        # No HOME, and a user id that no user has: as in some containers.
        return Path('/')
