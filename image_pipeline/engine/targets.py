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

"""The catalogue and the hypervisor of a target."""

import contextlib

from image_pipeline import exceptions
from image_pipeline.catalogues import base as catalogue_base
from image_pipeline.conf import settings as conf_settings
from image_pipeline.hypervisors import base as hypervisor_base
from image_pipeline.store import cache as store_cache


def catalogue(
    target: conf_settings.Target, settings: conf_settings.Settings
) -> catalogue_base.Catalogue:
    """Return a target's catalogue.

    :param target: the target.
    :param settings: the site's settings.
    :raises NotFound: there is no such plug-in.
    """
    from image_pipeline.catalogues import registry

    return registry.load(target, settings.state_dir)


def region(target: conf_settings.Target) -> str | None:
    """Return the region that a target is in, or None if it has none.

    :param target: the target; what it does not say, clouds.yaml may.
    """
    if target.region is not None or target.cloud is None:
        return target.region
    from image_pipeline.clouds import cloud

    # What is wrong with the cloud is told by who asks it for something.
    with contextlib.suppress(exceptions.InvalidInput):
        return cloud.open_cloud(target).region
    return None


def hypervisor(
    target: conf_settings.Target,
    settings: conf_settings.Settings,
    cache: store_cache.Cache,
) -> hypervisor_base.Hypervisor:
    """Return a target's hypervisor.

    :param target: the target.
    :param settings: the site's settings.
    :param cache: for facts probed once per host.
    :raises NotFound: there is no such plug-in.
    """
    from image_pipeline.hypervisors import registry

    return registry.load(target, cache=cache, accel=settings.accel)
