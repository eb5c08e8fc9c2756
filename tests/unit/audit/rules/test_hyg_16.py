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

RULE = registry.get('HYG-16')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/home/builder', None, 'warning'),
        ('/var/lib/systemd/linger/builder', '', 'warning'),
        ('/etc/subuid', 'builder:100000:65536\n', 'info'),
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
        {'/home': None},
        {'/home/lost+found': None},
        {'/etc/subuid': 'daemon:100000:65536\n'},
        {'/etc/subuid': '1000:100000:65536\n'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'


def test_home_of_an_account_may_have_what_the_skeleton_has():
    passwd = 'debian:x:1000:1000::/home/debian:/bin/bash\n'
    files = {
        '/etc/passwd': passwd,
        '/etc/skel/.bashrc': 'x',
        '/home/debian/.bashrc': 'x',
    }
    assert check(files).outcome == 'pass'
    verdict = check(files | {'/home/debian/notes': 'x'})
    assert [one.path for one in verdict.evidence] == ['/home/debian/notes']
