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

import pytest

from image_pipeline.audit import registry
from image_pipeline.testing import images
from image_pipeline.testing.disks import File, Link

RULE = registry.get('HYG-17')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/etc/localtime', Link('/usr/share/zoneinfo/Europe/Rome'), 'warning'),
        ('/etc/localtime', b'TZif2\nCET-1CEST,M3.5.0,M10.5.0/3\n', 'warning'),
        ('/etc/adjtime', '0 0 0\n0\nLOCAL\n', 'warning'),
        ('/srv/x', File('x', mtime=1 << 33), 'warning'),
        ('/srv/x', File('x', mtime=1 << 62), 'warning'),
    ],
    ids=str,
)
def test_what_breaks_the_rule_is_found(path, content, severity):
    verdict = check({path: content})
    assert verdict.outcome == 'fail'
    assert (verdict.severity or RULE.severity) == severity
    assert path in {one.path for one in verdict.evidence}


@pytest.mark.parametrize(
    'files',
    [
        {'/etc/localtime': Link('../usr/share/zoneinfo/UTC')},
        {'/etc/localtime': Link('/usr/share/zoneinfo/posix/Etc/UTC')},
        {'/etc/localtime': b'TZif2\nUTC0\n'},
        {'/etc/adjtime': '0.0 0 0.0\n0\nUTC\n'},
        {'/srv/x': File('x', mtime=1)},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'


def test_time_zone_that_is_not_set_is_utc():
    assert check({}, without=('/etc/localtime',)).outcome == 'pass'


def test_other_zones_may_be_allowed():
    files = {'/etc/localtime': Link('/usr/share/zoneinfo/Europe/Rome')}
    assert check(files, zones=['Europe/Rome']).outcome == 'pass'
