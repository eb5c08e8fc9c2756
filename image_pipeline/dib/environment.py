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

"""What diskimage-builder is told by its environment."""

import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.dib import base_tree, namespace, nodes
from image_pipeline.host import apt_conf, process

#: Variables that are ours to set, and the option to use instead.
RESERVED: Mapping[str, str | None] = {
    'ARCH': 'architecture',
    'DIB_BLOCK_DEVICE': None,
    'DIB_BLOCK_DEVICE_CONFIG': 'block_device',
    'DIB_BLOCK_DEVICE_PARAMS_YAML': None,
    'DIB_IMAGE_CACHE': None,
    'DIB_IMAGE_SIZE': 'minimum_size',
    'DIB_LOCKFILES': None,
    'DIB_MANIFEST_IMAGE_DIR': None,
    'DIB_MANIFEST_SAVE_DIR': None,
    'DIB_NO_TMPFS': 'build_in',
    'DIB_PYTHON_EXEC': None,
    'ELEMENTS_PATH': 'element_path',
    'FS_TYPE': 'filesystem',
    'HOME': None,
    'IMAGE_NAME': None,
    'PATH': None,
    'TMPDIR': None,
    'TMP_DIR': None,
    nodes.DISK_VARIABLE: None,
    nodes.MINIMUM_VARIABLE: 'minimum_size',
    nodes.SEED_VARIABLE: None,
}
_NAME = re.compile(r'[A-Za-z_][A-Za-z0-9_]*\Z')
#: Where stock `manifests` saves DIB's whole environment inside the image:
#: /tmp, which DIB empties in the end.
_MANIFESTS = '/tmp/dib-manifests'  # noqa: S108 - in the image, not here
#: What debian-minimal installs right after the bootstrap, and each Debian
#: image needs anyway (its root.d/75, and package-installs of debootstrap).
_BASE_PACKAGES = (
    'adduser,busybox,ca-certificates,gnupg2,locales,lsb-release,netbase,'
    'python3,sudo,systemd-sysv'
)
#: What the element image-stamp reads, by our names.
STAMP_VARIABLES: Mapping[str, str] = {
    'recipe': 'DIB_IMAGE_STAMP_RECIPE',
    'run': 'DIB_IMAGE_STAMP_RUN',
}
_PROXIES = ('http_proxy', 'https_proxy', 'no_proxy')


def wrong_name(name: str) -> str | None:
    """Return what is wrong with a variable's name, or None.

    :param name: as a recipe gives it.
    """
    if not _NAME.match(name):
        return f'"{name}" cannot be the name of a variable'
    if name in RESERVED:
        return f'{name} is set by this stage'
    if name.startswith(('IMAGE_PIPELINE_', 'LD_', 'BASH_')):
        return f'{name} is not for a recipe to set'
    return None


def problems(
    given: Mapping[str, object], secrets: Collection[str]
) -> Iterable[exceptions.Problem]:
    """Return what is wrong with the names of variables.

    :param given: the recipe's variables, its option ``environment``.
    :param secrets: the names in its option ``secrets``.
    """
    for key, names in (('environment', given), ('secrets', secrets)):
        for name in names:
            if reason := wrong_name(name):
                instead = RESERVED.get(name)
                yield exceptions.Problem(
                    path=f'{key}.{name}' if key == 'environment' else key,
                    message=reason,
                    hint=f'use the option `{instead}`' if instead else None,
                )
    for name in secrets:
        if name in given:
            yield exceptions.Problem(
                path=f'environment.{name}',
                message=f'{name} is also listed in `secrets`',
                hint='leave it to `secrets`',
            )


def make(
    *,
    given: Mapping[str, str],
    secrets: Mapping[str, str],
    elements_path: tuple[Path, ...],
    architecture: str,
    filesystem: str,
    block_device: Path | None,
    minimum_size: int,
    seed: str,
    folder: Path,
    tmp_dir: Path,
    disk: Path,
    cache: Path,
    mirrors: conf_settings.Mirrors,
    operating_system: str,
    tree: bool,
    base_cache: Path | None,
    stamp: Mapping[str, str] | None = None,
    proxies: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the variables that diskimage-builder gets, and no others.

    :param given: the recipe's own.
    :param secrets: by name; they are never written anywhere.
    :param elements_path: folders of elements, the first one winning.
    :param architecture: DIB's name of it.
    :param filesystem: the root's.
    :param block_device: the user's own layout, or None.
    :param minimum_size: bytes that the disk has at least.
    :param seed: what the disk's UUIDs derive from.
    :param folder: for everything temporary.
    :param tmp_dir: in there, for what DIB builds.
    :param disk: the file that our nodes write.
    :param cache: a folder that outlives runs.
    :param mirrors: where packages come from.
    :param operating_system: ``debian`` or ``ubuntu``.
    :param tree: whether our nodes pack the disk.
    :param base_cache: a folder for base trees, or None.
    :param stamp: what the image says of its build, by our names: recipe and
        run. It is no input of the image: the next run may take it as it is.
    :param proxies: by scheme, where our own environment names none; None:
        those of the host's apt.
    """
    from diskimage_builder import paths  # type: ignore[import-untyped]

    own = Path(__file__).resolve().parent
    tools = [own / 'bin']
    if tree:
        tools.append(own / 'bin-tree')
    found = {
        'PATH': os.pathsep.join([*map(str, tools), process.search_path()]),
        'HOME': str(folder),
        'USER': 'root',
        'LANG': 'C.UTF-8',
        'TERM': 'dumb',
        'DEBIAN_FRONTEND': 'noninteractive',
        '_LIB': paths.get_path('lib'),
        'IMAGE_PIPELINE_PYTHON': sys.executable,
        'TMP_DIR': str(tmp_dir),
        # mktemp's option -t heeds this rather than DIB's --tmpdir.
        'TMPDIR': str(tmp_dir),
        'ELEMENTS_PATH': os.pathsep.join(map(str, elements_path[:-1])),
        'ARCH': architecture,
        'FS_TYPE': filesystem,
        'DIB_PYTHON_EXEC': str(own / 'bin' / 'python-for-dib'),
        'DIB_NO_TMPFS': '1',
        'DIB_IMAGE_CACHE': str(cache),
        'DIB_LOCKFILES': str(cache / 'locks'),
        # One folder of packages for all runs would have one lock for all.
        'DIB_APT_LOCAL_CACHE': '0',
        'DIB_MANIFEST_IMAGE_DIR': _MANIFESTS,
        'DIB_MANIFEST_SAVE_DIR': str(folder / 'manifests'),
    }
    found |= _reached_by(apt_conf.proxies() if proxies is None else proxies)
    found |= _mirrors(mirrors, operating_system)
    if operating_system == 'debian':
        found[base_tree.PACKAGES_VARIABLE] = _BASE_PACKAGES
    if base_cache:
        found[base_tree.CACHE_VARIABLE] = str(base_cache)
    if block_device:
        found['DIB_BLOCK_DEVICE_CONFIG'] = f'file://{block_device}'
    if tree:
        found |= {
            nodes.SEED_VARIABLE: seed,
            nodes.DISK_VARIABLE: str(disk),
            nodes.MINIMUM_VARIABLE: str(minimum_size),
            # Our nodes look at the tree; this spares DIB's `du`.
            'DIB_IMAGE_SIZE': '1',
        }
    elif minimum_size:
        found['DIB_IMAGE_SIZE'] = f'{minimum_size / (1 << 30):.3f}'
    for key, value in (stamp or {}).items():
        found[STAMP_VARIABLES[key]] = value
    # Of reproducible-builds.org; the date of the stamp, and of other tools.
    if (epoch := os.environ.get('SOURCE_DATE_EPOCH', '')).isdecimal():
        found['SOURCE_DATE_EPOCH'] = epoch
    found |= given
    found |= secrets
    found[namespace.KEEP_VARIABLE] = ':'.join(sorted(found))
    return found


def _reached_by(proxies: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies: our own environment's, else the given ones."""
    found = {f'{scheme}_proxy': proxy for scheme, proxy in proxies.items()}
    for name in _PROXIES:
        if value := os.environ.get(name) or os.environ.get(name.upper()):
            found[name] = value
    return found


def operating_system(elements: Iterable[str]) -> str:
    """Return whose packages elements install: ``debian`` or ``ubuntu``.

    :param elements: as the recipe lists them.
    """
    ubuntu = any(name.startswith('ubuntu') for name in elements)
    return 'ubuntu' if ubuntu else 'debian'


def debian_suite(
    elements: Iterable[str], given: Mapping[str, str | int | bool]
) -> tuple[str, tuple[str, ...]] | None:
    """Return the release and components that packages come from.

    :param elements: as the recipe lists them.
    :param given: the recipe's variables.
    :returns: None if it is not Debian.
    """
    if operating_system(elements) != 'debian':
        return None
    # The defaults are those of DIB's element debian-minimal.
    release = str(given.get('DIB_RELEASE', 'stable'))
    components = str(given.get('DIB_DEBIAN_COMPONENTS', 'main'))
    return release, tuple(components.replace(',', ' ').split())


def _mirrors(
    mirrors: conf_settings.Mirrors, operating_system: str
) -> dict[str, str]:
    if operating_system == 'ubuntu':
        found = {'DIB_DISTRIBUTION_MIRROR': mirrors.ubuntu}
    else:
        found = {
            'DIB_DISTRIBUTION_MIRROR': mirrors.debian,
            'DIB_DEBIAN_SECURITY_MIRROR': mirrors.debian_security,
        }
    return {name: value for name, value in found.items() if value}
