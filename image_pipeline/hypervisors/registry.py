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

"""Find the hypervisors that are installed."""

from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import plugins
from image_pipeline.hypervisors import base
from image_pipeline.store import cache as store_cache

#: The entry points that are hypervisors.
NAMESPACE = 'image_pipeline.hypervisors'
_PLUGINS = plugins.Plugins[base.Hypervisor](NAMESPACE, 'hypervisor')


def names() -> tuple[str, ...]:
    """Return the names of the hypervisors that are installed, sorted."""
    return _PLUGINS.names()


def load(
    target: conf_settings.Target,
    *,
    cache: store_cache.Cache,
    accel: str = 'auto',
) -> base.Hypervisor:
    """Return a target's hypervisor.

    :param target: the target's settings.
    :param cache: for facts probed once per host.
    :param accel: ``auto``, ``kvm`` or ``tcg``; for hypervisors on this host.
    :raises NotFound: no hypervisor of that name is installed.
    :raises StateConflict: two are, or it cannot be loaded.
    """
    return plugin(target)(target, cache=cache, accel=accel)


def plugin(target: conf_settings.Target) -> type[base.Hypervisor]:
    """Return the class of a target's hypervisor.

    :param target: the target's settings.
    :raises NotFound: no hypervisor of that name is installed.
    :raises StateConflict: two are, or it cannot be loaded.
    """
    return _PLUGINS.load(target.hypervisor, where=f'target "{target.name}"')
