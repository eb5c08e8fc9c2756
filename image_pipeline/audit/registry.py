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

NAMESPACE = 'image_pipeline.rules'


@functools.cache
def rules() -> dict[str, rule.Rule]:
    """Return all rules by id, in the order of the ids.

    :raises PipelineError: a rule cannot be loaded, or two have one id.
    """
    # Imported here: `--help` must not pay for it.
    import stevedore
    from stevedore import exception as stevedore_exception
    from stevedore import extension

    def failed(
        manager: extension.ExtensionManager[rule.Rule],
        entry_point: object,
        error: BaseException,
    ) -> None:
        raise exceptions.PipelineError(
            f'the rule {getattr(entry_point, "name", "?")} cannot be '
            f'loaded: {error}',
            hint='repair or remove the package that brings it',
        )

    try:
        manager = stevedore.ExtensionManager(
            NAMESPACE,
            invoke_on_load=True,
            on_load_failure_callback=failed,
            conflict_resolver=extension.error_on_conflict,
        )
    except stevedore_exception.MultipleMatches as exc:
        raise exceptions.PipelineError(
            f'two packages bring a rule of one id: {exc}'
        ) from exc
    found: dict[str, rule.Rule] = {}
    for item in manager:
        if item.obj is None:
            continue
        if item.obj.id != item.name:
            raise exceptions.PipelineError(
                f'the rule {item.name} says that its id is {item.obj.id}'
            )
        found[item.name] = item.obj
    return dict(sorted(found.items()))


def get(rule_id: str) -> rule.Rule:
    """Return a rule.

    :param rule_id: such as ``EGI-LAYOUT-02``.
    :raises NotFound: there is none of that id.
    """
    known = rules()
    if rule_id not in known:
        raise exceptions.NotFound(
            f'there is no rule {rule_id}',
            hint=exceptions.did_you_mean(rule_id, known)
            or '`image-pipeline rule list` shows all',
        )
    return known[rule_id]
