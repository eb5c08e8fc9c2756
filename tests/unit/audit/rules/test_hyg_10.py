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

RULE = registry.get('HYG-10')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/root/.bash_history', 'x', 'error'),
        ('/root/.python_history', 'x', 'error'),
        ('/root/.viminfo', 'x', 'error'),
        ('/home/x/.zsh_history', 'x', 'error'),
        ('/root/.wget-hsts', 'x', 'warning'),
        ('/etc/passwd~', 'x', 'warning'),
        ('/etc/a/b/x.bak', 'x', 'warning'),
        ('/root/.x.swp', 'x', 'warning'),
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
        {'/root/.bash_history': ''},
        {'/root/.cache': None},
        {'/var/lib/app/x.bak': 'x'},
        {'/usr/share/doc/x.bak': 'x'},
        {'/etc/x.back': 'x'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'


def test_folder_of_a_tool_is_found_as_a_whole():
    verdict = check({'/root/.cache/pip/x': 'x'})
    assert [one.path for one in verdict.evidence] == ['/root/.cache']
