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

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings

if TYPE_CHECKING:
    from openstack.config import loader


def configuration(**options: Any) -> 'loader.OpenStackConfig':
    """Return what clouds.yaml, secure.yaml and OS_* say.

    :param options: for OpenStackConfig.
    :raises InvalidInput: a file cannot be read.
    """
    from openstack import exceptions as sdk_exceptions
    from openstack.config import loader

    try:
        return loader.OpenStackConfig(**options)
    except sdk_exceptions.ConfigException as exc:
        raise exceptions.InvalidInput(
            f'the clouds cannot be read: {exc}'
        ) from exc


def names() -> tuple[str, ...]:
    """Return the names of clouds.yaml, sorted; ``envvars`` for OS_*.

    :raises InvalidInput: clouds.yaml cannot be read.
    """
    found = configuration()
    # Without any cloud the library makes one of its defaults up.
    known = [name for name in found.get_cloud_names() if name != 'defaults']
    return tuple(sorted(known))


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
    or all names are.

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
                name for name in names() if name not in self.site
            )
        return self._clouds
