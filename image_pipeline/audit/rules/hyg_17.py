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

"""HYG-17: clocks and times are sane."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import text
from image_pipeline.disk import edits, files

_DAY = 86400
_ZONES = '/zoneinfo/'
#: What UTC is called, too (tzdata, "backward").
_UTC = (
    'UTC',
    'Etc/UTC',
    'Etc/UCT',
    'Etc/Universal',
    'Etc/Zulu',
    'Zulu',
    'UCT',
)


class Hyg17(rule.Rule):
    """Clocks and times are sane."""

    id = 'HYG-17'
    severity = rule.Severity.WARNING
    statement = (
        'the time zone is UTC, the clock runs in UTC, and no file is of the '
        'future'
    )
    rationale = (
        'Logs of sites are compared, and certificates judged, by a clock '
        'that all agree on; what is newer than now is built again or never.'
    )
    source = (
        'cloud-image-val, test_timezone_is_utc; "Inside an image factory" '
        '(2013); adjtime_config(5)'
    )
    satisfied_by = ('element:system-basics',)
    remedy = (
        'link /etc/localtime to ../usr/share/zoneinfo/Etc/UTC, write UTC to '
        '/etc/adjtime, and touch files of the future'
    )
    fix = rule.Fix.YES
    probe = 'HYG-17'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'zones': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': list(_UTC),
                'description': 'Time zones that an image may have.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give another time zone, a local clock, and files of the future."""
        tree = subject.files
        zones = {zone.lower() for zone in options['zones']}
        yield from _zone(tree, zones)
        for line in text.lines(tree, '/etc/adjtime')[2:3]:
            if line.text.strip() == 'LOCAL':
                yield found.at(line, 'the clock of the hardware is local time')
        latest = time.time() + _DAY
        for path, stat in subject.census.entries:
            if stat.mtime > latest:
                yield found.in_file(
                    path,
                    'it was changed in the future',
                    data=_written(stat.mtime),
                )
        subject.census.need_whole()

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give the zone and the clock; times of files are no edit."""
        tree = subject.files
        zones = {zone.lower() for zone in options['zones']}
        if any(_zone(tree, zones)) and options['zones']:
            zone = 'Etc/UTC' if 'etc/utc' in zones else options['zones'][0]
            yield edits.Link(
                path='/etc/localtime', target=f'/usr/share/zoneinfo/{zone}'
            )
            if tree.is_file('/etc/timezone'):
                yield edits.Write(
                    path=tree.resolve('/etc/timezone'),
                    content=f'{zone}\n'.encode(),
                )
        lines = [line.text for line in text.lines(tree, '/etc/adjtime')]
        if [line.strip() for line in lines[2:3]] == ['LOCAL']:
            lines[2] = 'UTC'
            yield edits.Write(
                path=tree.resolve('/etc/adjtime'),
                content=''.join(f'{line}\n' for line in lines).encode(),
            )


def _zone(tree: files.FileTree, zones: set[str]) -> Iterator[rule.Finding]:
    """Give a time zone that is another: by link, by content, by name."""
    path = '/etc/localtime'
    try:
        target = tree.lstat(path).link
        if target is not None:
            zone = target.rpartition(_ZONES)[2].removeprefix('posix/')
            if zone.lower() not in zones:
                yield found.in_file(
                    path, 'the time zone is not UTC', data=target
                )
            return
        # The last line of a TZif file is the rule of its zone.
        rule_of_zone = tree.read_bytes(path, 1 << 20).rstrip(b'\n')
    except OSError:
        return
    said = rule_of_zone.rpartition(b'\n')[2].decode('ascii', 'replace')
    if said not in {'UTC0', '<UTC>0'} and 'utc' in zones:
        yield found.in_file(path, 'the time zone is not UTC', data=said)


def _written(seconds: float) -> str:
    try:
        return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f'{seconds:.0f} s'
