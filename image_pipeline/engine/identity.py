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

"""The identity of a step: what its result depends on, and nothing else.

Not the steps before it: they count by what they made.  So a change that
leads to the same disk leads to no upload.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.conf import settings as conf_settings
from image_pipeline.recipe import plan as recipe_plan
from image_pipeline.stages import base

#: What a site may change at a target without changing what an image is
#: there: when it is promoted, how many stay, what else it takes, how the data
#: get there, how patient a smoke test is.
_POLICY = frozenset(
    {
        'promote',
        'keep',
        'formats',
        'import_method',
        'import_url',
        'keep_hours',
        'protect',
        'delete',
        'requests',
        'time_factor',
    }
)


def record(
    step: recipe_plan.Step, digests: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a step's identity is computed of, as JSON values.

    Secrets are not in it; their names are part of the options.

    :param step: the step.
    :param digests: of its bound inputs, by kind.
    """
    stage = step.stage
    value: dict[str, Any] = {
        'stage': step.stage_name,
        'version': stage.version,
        'options': dict(step.options),
        'inputs': {
            kind: digest
            for kind, digest in digests.items()
            if kind not in stage.compares
        },
        'fingerprint': dict(stage.fingerprint(step.context)),
    }
    if stage.scope == base.Scope.FORMAT:
        value['format'] = step.format
    if stage.scope == base.Scope.TARGET and step.context.target:
        value['target'] = target(step.context.target)
        # A registration says what the image is; before there is one, the
        # recipe does.
        if artifact.REGISTRATION not in step.inputs:
            value['image'] = {
                'name': step.context.image_name,
                'properties': dict(step.context.image_properties),
            }
    # As a reader of the record will see it: tuples are lists.
    normal: dict[str, Any] = json.loads(canonical(value))
    return normal


def target(value: conf_settings.Target) -> dict[str, Any]:
    """Return what makes a target another one, as JSON values.

    :param value: the target's settings.
    """
    return {
        name: one
        for name, one in dataclasses.asdict(value).items()
        if name not in _POLICY
    }


def step_id(identity: Mapping[str, Any]) -> str:
    """Return the step's identity: 64 hexadecimal digits.

    :param identity: of :func:`record`.
    """
    return hashlib.sha256(canonical(identity).encode()).hexdigest()


def canonical(value: Any) -> str:
    """Return JSON values as the one text that stands for them.

    :param value: JSON values; tuples count as lists.
    """
    return json.dumps(
        value, sort_keys=True, separators=(',', ':'), ensure_ascii=True
    )


def difference(former: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say in a few words in what two identities differ.

    :param former: of the last run's step.
    :param now: of this one.
    """
    parts = []
    if former.get('version') != now.get('version'):
        parts.append(
            f'stage version {former.get("version")} -> {now.get("version")}'
        )
    for name, words in (
        ('options', 'options changed'),
        ('inputs', 'other input'),
        ('fingerprint', 'changed'),
        ('target', 'target changed'),
        ('image', 'image changed'),
    ):
        keys = _changed(former.get(name) or {}, now.get(name) or {})
        if keys:
            parts.append(f'{words}: {", ".join(keys)}')
    return '; '.join(parts) or 'its inputs changed'


def _changed(former: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    missing = object()
    return sorted(
        key
        for key in {*former, *now}
        if former.get(key, missing) != now.get(key, missing)
    )
