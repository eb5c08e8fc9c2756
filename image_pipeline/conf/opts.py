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

"""All options, for oslo-config-generator and the manual."""

from oslo_config import cfg

from image_pipeline.conf import (
    cache,
    clouds,
    default,
    engine,
    limits,
    mirrors,
    notifications,
    settings,
    target,
)

#: The groups of fixed names.
GROUPS = (default, cache, clouds, engine, limits, mirrors, notifications)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options by group; the entry point of oslo.config."""
    groups: list[tuple[str, list[cfg.Opt]]] = [
        (group.GROUP, list(group.opts)) for group in GROUPS
    ]
    # One example of the groups whose names the site chooses.
    groups.append((target.PREFIX + settings.LOCAL, list(target.opts)))
    return groups
