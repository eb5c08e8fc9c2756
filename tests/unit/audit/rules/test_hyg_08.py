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

import dataclasses

import pytest

from image_pipeline.audit import registry
from image_pipeline.testing import images

RULE = registry.get('HYG-08')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/var/log/wtmp', 'x', 'warning'),
        ('/var/log/btmp', 'x', 'warning'),
        ('/var/lib/wtmpdb/wtmp.db', 'x', 'warning'),
        ('/var/log/installer/syslog', 'x', 'warning'),
        ('/root/original-ks.cfg', 'x', 'warning'),
        ('/var/log/cloud-init.log', 'x', 'warning'),
        (
            '/var/log/journal/0123456789abcdef0123456789abcdef',
            None,
            'warning',
        ),
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
        {'/var/log/wtmp': ''},
        {'/var/log/dpkg.log': 'x' * 60_000},
        {'/var/log/apt': None},
        {'/var/log/journal': None},
        {'/var/log/README': 'x'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'


def test_logs_count_together():
    files = {f'/var/log/{n}.log': 'x' * 10_000 for n in range(7)}
    verdict = check(files)
    assert verdict.outcome == 'fail'
    assert verdict.evidence[0].path == '/var/log'
    assert '70000 bytes' in verdict.evidence[0].message
    assert check(files, max_bytes=70_000).outcome == 'pass'


def test_many_logs_are_told_though_more_were_left_out():
    view = images.in_memory({'/var/log/a.log': 'x' * 70_000})
    view.census = dataclasses.replace(view.census, truncated=True)
    assert RULE.check(view).outcome == 'fail'
    assert RULE.check(view, {'max_bytes': 70_000}).outcome == 'unknown'
