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

"""Find rules by their ids, ours and those of other packages."""

import functools

from image_pipeline import exceptions
from image_pipeline.audit import rule
from image_pipeline.host import plugins

#: The entry points that are rules.
NAMESPACE = 'image_pipeline.rules'
_PLUGINS = plugins.Plugins[rule.Rule](
    NAMESPACE, 'rule', listing='image-pipeline rule list'
)


@functools.cache
def rules() -> dict[str, rule.Rule]:
    """Return all rules by id, in the order of the ids.

    :raises StateConflict: a rule cannot be loaded, two have one id, or one
        says that its id is another one.
    """
    return {
        name: _make(name, plugin)
        for name, plugin in _PLUGINS.load_all().items()
    }


def _make(name: str, plugin: type[rule.Rule]) -> rule.Rule:
    try:
        made = plugin()
        said = made.id
    except Exception as exc:
        raise exceptions.StateConflict(
            f'the rule "{name}" cannot be made: {type(exc).__name__}: {exc}',
            hint='repair or remove the package that it comes from',
        ) from exc
    if said != name:
        raise exceptions.StateConflict(
            f'the rule "{name}" says that its id is "{said}"',
            hint='the name of its entry point must be its id',
        )
    return made


def get(rule_id: str) -> rule.Rule:
    """Return a rule.

    :param rule_id: such as ``EGI-LAYOUT-02``.
    :raises NotFound: there is none of that id.
    :raises StateConflict: it cannot be loaded.
    """
    _PLUGINS.load(rule_id)
    return rules()[rule_id]
