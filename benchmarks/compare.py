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

"""Reports of several images side by side, as a table in reStructuredText.

    image-pipeline audit -f json debian-12.qcow2 > ours.json
    image-pipeline audit -f json vendor.qcow2 > vendor.json
    python benchmarks/compare.py ours=ours.json "a vendor's=vendor.json"

A report is what ``audit -f json`` writes; of several images in one file the
first counts.  Rules that say the same of all images, and that as it should
be, are counted below the table and not listed.
"""

import argparse
import dataclasses
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from image_pipeline.audit import registry

#: Words for outcomes; a failure is told by its severity.
_WORDS = {'pass': '·', 'not-applicable': 'n/a', 'waived': 'waived'}
_SEVERITIES = ('error', 'warning', 'info')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """One image's report.

    :param name: the column's heading.
    :param results: outcome and severity by rule.
    :param profile: what it was judged by.
    """

    name: str
    results: Mapping[str, tuple[str, str]]
    profile: str

    def cell(self, rule: str) -> str:
        """Return what the table says of a rule.

        :param rule: its id.
        """
        outcome, severity = self.results.get(rule, ('', ''))
        if outcome == 'fail':
            return f'**{severity}**' if severity == 'error' else severity
        return _WORDS.get(outcome, outcome)

    def count(self, outcome: str, severity: str | None = None) -> int:
        """Return how many rules have an outcome.

        :param outcome: such as ``fail``.
        :param severity: of these only; None: of all.
        """
        return sum(
            said == outcome and severity in (None, level)
            for said, level in self.results.values()
        )


def read(word: str) -> Report:
    """Read a report.

    :param word: ``name=file``.
    """
    name, _, file = word.rpartition('=')
    (value, *_) = json.loads(Path(file).read_text())
    return Report(
        name=name or Path(value['image']).name,
        results={
            one['rule']: (one['outcome'], one['severity'])
            for one in value['results']
        },
        profile=value['profile'],
    )


def rows(reports: Sequence[Report]) -> list[list[str]]:
    """Return the rules that tell the images apart, or that all break.

    :param reports: the images' reports.
    """
    ids = sorted({rule for one in reports for rule in one.results})
    known = registry.rules()
    found = []
    for rule in ids:
        cells = [one.cell(rule) for one in reports]
        if set(cells) <= {'·', 'n/a'}:
            continue
        statement = known[rule].statement if rule in known else ''
        # What a person reads must not be taken for markup.
        statement = re.sub(r'([*`|_\\])', r'\\\1', statement)
        found.append([rule, statement, *cells])
    return found


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a list table.

    :param head: the headings.
    :param body: the rows.
    """
    lines = ['.. list-table::', '   :header-rows: 1', '']
    for row in (head, *body):
        lines += [
            f'   {"-" if number else "* -"} {cell}'.replace('   - ', '     - ')
            for number, cell in enumerate(row)
        ]
    return '\n'.join(lines) + '\n'


def render(reports: Sequence[Report]) -> str:
    """Return both tables: how many, and which.

    :param reports: the images' reports.
    """
    names = [one.name for one in reports]
    counts = [
        [f'fail, {level}', *(str(r.count('fail', level)) for r in reports)]
        for level in _SEVERITIES
    ]
    counts += [
        [outcome, *(str(r.count(outcome)) for r in reports)]
        for outcome in ('unknown', 'not-applicable', 'pass')
    ]
    found = rows(reports)
    judged = Counter(rule for one in reports for rule in one.results)
    text = table(['rules', *names], counts)
    text += '\n' + table(['rule', 'says', *names], found)
    text += (
        '\n``·`` passes, ``n/a`` does not apply.  '
        f'Of {len(judged)} rules, the '
        f'{len(judged) - len(found)} that are not\nlisted object to none of '
        'these images.\n'
    )
    return text


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('reports', nargs='+', metavar='NAME=FILE')
    print(render([read(word) for word in parser.parse_args().reports]), end='')


if __name__ == '__main__':
    main()
