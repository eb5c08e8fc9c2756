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

"""Catalogues by name: entry points in ``image_pipeline.catalogues``."""

from pathlib import Path

from image_pipeline.catalogues import base
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import plugins

#: The entry points that are catalogues.
NAMESPACE = 'image_pipeline.catalogues'
_PLUGINS = plugins.Plugins[base.Catalogue](NAMESPACE, 'catalogue')


def names() -> tuple[str, ...]:
    """Return the names of the catalogues that are installed, sorted."""
    return _PLUGINS.names()


def load(target: conf_settings.Target, state_dir: Path) -> base.Catalogue:
    """Return a target's catalogue.

    :param target: the target's settings.
    :param state_dir: the state folder, for catalogues on this host.
    :raises NotFound: no catalogue of that name is installed.
    :raises StateConflict: two are, or it cannot be loaded.
    """
    plugin = _PLUGINS.load(target.catalogue, where=f'target "{target.name}"')
    return plugin(target, state_dir=state_dir)
