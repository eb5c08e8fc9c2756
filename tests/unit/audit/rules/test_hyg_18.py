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

RULE = registry.get('HYG-18')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/etc/locale.conf', 'LANG=it_IT.UTF-8\n', 'info'),
        ('/etc/default/locale', 'LC_TIME="de_DE.UTF-8"\n', 'info'),
        ('/etc/locale.conf', 'LANG=en_US.UTF-8\n', 'info'),
        ('/etc/default/keyboard', 'XKBLAYOUT="it"\n', 'info'),
        ('/etc/vconsole.conf', 'KEYMAP=de\n', 'info'),
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
        {'/etc/locale.conf': 'LANG=C.UTF-8\n'},
        {'/etc/locale.conf': 'LANG=C.utf8\n'},
        {
            '/etc/locale.conf': 'LANG="en_US.UTF-8"\n',
            '/usr/lib/locale/en_US.utf8/LC_TIME': 'x',
        },
        {
            '/etc/locale.conf': 'LANG=en_US.UTF-8\n',
            '/usr/lib/locale/locale-archive': 'x',
        },
        {'/etc/default/keyboard': 'XKBLAYOUT="us"\n'},
        {'/etc/vconsole.conf': 'KEYMAP=us\n'},
        {'/etc/locale.conf': 'LANGUAGE=it:en\n'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'
