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

"""The clouds that a user can name, without asking any of them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.conf import target as conf_target

if TYPE_CHECKING:
    from openstack.config import loader


def configuration(**options: Any) -> 'loader.OpenStackConfig':
    """Return what clouds.yaml, secure.yaml and OS_* say.

    :param options: for OpenStackConfig.
    :raises InvalidInput: a file cannot be read, or is no such file.
    """
    from openstack import exceptions as sdk_exceptions
    from openstack.config import loader

    # The library passes over a damaged file, to the next one or to none.
    _check('OS_CLIENT_CONFIG_FILE', loader.CONFIG_FILES)
    _check('OS_CLIENT_SECURE_FILE', loader.SECURE_FILES)
    try:
        return loader.OpenStackConfig(**options)
    except sdk_exceptions.ConfigException as exc:
        raise exceptions.InvalidInput(
            f'the clouds cannot be read: {exc}'
        ) from exc


def _check(variable: str, files: Sequence[str]) -> None:
    """Check the file that counts.

    :param variable: of the environment; names a file before the others.
    :param files: where one may be.
    """
    named = os.environ.get(variable)
    if named and not Path(named).exists():
        raise exceptions.InvalidInput(
            f'{variable} names the file {named}, and there is none'
        )
    for file in map(Path, filter(None, (named, *files))):
        if file.exists():
            _check_file(file)
            return


def _check_file(file: Path) -> None:
    import yaml

    def wrong(
        message: str, mark: yaml.Mark | None = None
    ) -> exceptions.InvalidInput:
        # Not the text around it: that is where the passwords are.
        line = mark.line + 1 if mark else None
        problem = exceptions.Problem(
            file=str(file), line=line, message=message
        )
        return exceptions.InvalidInput(
            f'the clouds cannot be read from {file}', problems=[problem]
        )

    try:
        data = yaml.safe_load(file.read_bytes())
    except OSError as exc:
        raise wrong(str(exc.strerror)) from exc
    except yaml.MarkedYAMLError as exc:
        raise wrong(str(exc.problem), exc.problem_mark) from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise wrong('it is no YAML') from exc
    clouds = data.get('clouds', {}) if isinstance(data, dict) else None
    if not isinstance(clouds, dict):
        raise wrong('it has no mapping "clouds"')
    for name, cloud in clouds.items():
        if not isinstance(name, str) or not isinstance(cloud, dict):
            raise wrong(f'the cloud "{name}" is no mapping')


def names() -> tuple[str, ...]:
    """Return the names of clouds.yaml, sorted; ``envvars`` for OS_*.

    :raises InvalidInput: clouds.yaml cannot be read.
    """
    found = sorted(configuration().get_cloud_names())
    # Without any cloud the library makes one of its defaults up.
    return () if found == ['defaults'] else tuple(found)


def target_for(
    name: str, *, requests: conf_settings.Requests | None = None
) -> conf_settings.Target:
    """Return the target that a cloud is without a group of its own.

    :param name: a name of clouds.yaml.
    :param requests: how to speak to it.
    """
    return conf_settings.Target(
        name=name,
        catalogue='glance',
        hypervisor='nova',
        cloud=name,
        requests=requests or conf_settings.Requests(),
    )


class Targets(Mapping[str, conf_settings.Target]):
    """The site's targets, and behind them the clouds of clouds.yaml.

    clouds.yaml is read when a name is asked for that the site does not have,
    or all names are.  A cloud with a name that a target cannot have needs a
    group of its own.

    :param site: the targets of the site's configuration.
    :param requests: how to speak to the others.
    """

    def __init__(
        self,
        site: Mapping[str, conf_settings.Target],
        *,
        requests: conf_settings.Requests | None = None,
    ) -> None:
        self.site = site
        self._requests = requests
        self._clouds: tuple[str, ...] | None = None

    def __getitem__(self, name: str) -> conf_settings.Target:
        if name in self.site:
            return self.site[name]
        if name in self._others():
            return target_for(name, requests=self._requests)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        yield from self.site
        yield from self._others()

    def __len__(self) -> int:
        return len(self.site) + len(self._others())

    def _others(self) -> tuple[str, ...]:
        if self._clouds is None:
            self._clouds = tuple(
                name
                for name in names()
                if name not in self.site and conf_target.NAME.fullmatch(name)
            )
        return self._clouds
