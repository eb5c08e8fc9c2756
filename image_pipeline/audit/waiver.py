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

"""Waivers: a rule that may fail, for a reason, until a date."""

import dataclasses
import datetime
import fnmatch
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.documents import files, kinds

_KIND = kinds.Kind(what='waivers file')
#: What a waivers file looks like.
SCHEMA: Mapping[str, Any] = {
    'type': 'object',
    'additionalProperties': False,
    'required': ['version', 'waivers'],
    'properties': {
        'version': {'const': 1},
        'waivers': {
            'type': 'array',
            'items': {
                'type': 'object',
                'additionalProperties': False,
                'required': ['rule', 'reason', 'expires'],
                'properties': {
                    'rule': {'type': 'string', 'minLength': 1},
                    'reason': {
                        'description': 'say why the rule may fail',
                        'type': 'string',
                        'pattern': r'\S',
                    },
                    'expires': {
                        'description': 'the last day on which it holds, '
                        'such as 2027-01-31',
                        'type': 'string',
                        'pattern': r'^\d{4}-\d{2}-\d{2}$',
                    },
                    'image': {'type': 'string', 'minLength': 1},
                },
            },
        },
    },
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Waiver:
    """A rule that may fail.

    :param rule: its id.
    :param reason: why, for whoever reads the report.
    :param expires: the last day on which it holds.
    :param image: a pattern that the image file's name must fit.
    """

    rule: str
    reason: str
    expires: datetime.date
    image: str = '*'

    def covers(self, rule_id: str, image: Path) -> bool:
        """Tell whether it is about this rule and image.

        :param rule_id: the rule.
        :param image: the image file.
        """
        return self.rule == rule_id and fnmatch.fnmatchcase(
            image.name, self.image
        )


def load(
    path: Path, known: Iterable[str], today: datetime.date | None = None
) -> tuple[Waiver, ...]:
    """Read a waivers file.

    :param path: the file.
    :param known: the ids of all rules.
    :param today: the day to go by; None: today.
    :raises InvalidInput: it is not valid, names an unknown rule, or has a
        waiver that expired; all problems are given.
    """
    document = files.load(path, SCHEMA, _KIND)
    today = today or datetime.datetime.now(datetime.UTC).date()
    ids = list(known)
    found = []
    problems = []
    for index, node in enumerate(document.value['waivers'].value):
        item = node.data()
        place = ('waivers', index)
        if item['rule'] not in ids:
            problems.append(
                node.at(['rule']).problem(
                    f'there is no rule {item["rule"]}',
                    path=[*place, 'rule'],
                    hint=exceptions.did_you_mean(item['rule'], ids),
                )
            )
        try:
            expires = datetime.date.fromisoformat(item['expires'])
        except ValueError:
            problems.append(
                node.at(['expires']).problem(
                    f'{item["expires"]} is no date',
                    path=[*place, 'expires'],
                )
            )
            continue
        if expires < today:
            problems.append(
                node.at(['expires']).problem(
                    f'the waiver of {item["rule"]} expired on {expires}',
                    path=[*place, 'expires'],
                    hint='mend the image, or decide anew and give a later '
                    'date',
                )
            )
        found.append(
            Waiver(
                rule=item['rule'],
                reason=item['reason'].strip(),
                expires=expires,
                image=item.get('image', '*'),
            )
        )
    if problems:
        raise _KIND.invalid(problems, str(path))
    return tuple(found)
