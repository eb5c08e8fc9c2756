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

RULE = registry.get('HYG-13')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/etc/passwd-', 'x', 'warning'),
        ('/etc/gshadow-', 'root:*::\n', 'warning'),
        ('/etc/shadow-', 'root:!*:1::::::\n', 'warning'),
        ('/etc/shadow-', 'root:$6$x$y:1::::::\n', 'error'),
        ('/etc/shadow-', 'root:!$y$x$z$y:1::::::\n', 'error'),
        ('/var/backups/passwd.bak', 'x', 'warning'),
        ('/var/lib/rpm/__db.001', 'x', 'warning'),
        ('/var/lib/sss/db/cache_x.ldb', 'x', 'warning'),
        ('/var/lib/samba/private/secrets.tdb', 'x', 'warning'),
        ('/etc/ipa/default.conf', 'x', 'warning'),
        ('/var/lib/yum/uuid', 'x', 'warning'),
        ('/etc/blkid.tab', 'x', 'warning'),
        ('/var/lib/chrony/drift', 'x', 'info'),
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
        {'/var/backups': None},
        {'/etc/passwd-': ''},
        {'/var/lib/rpm/rpmdb.sqlite': 'x'},
        {'/var/lib/samba/private': None},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'
