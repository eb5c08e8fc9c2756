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

RULE = registry.get('HYG-14')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/etc/pki/consumer/cert.pem', 'x', 'error'),
        ('/etc/pki/entitlement/1.pem', 'x', 'error'),
        ('/etc/sysconfig/rhn/systemid', 'x', 'error'),
        ('/etc/zypp/credentials.d/SCCcredentials', 'x', 'error'),
        ('/etc/SUSEConnect', 'x', 'error'),
        ('/var/lib/ubuntu-advantage/private/machine-token.json', 'x', 'error'),
        ('/etc/salt/pki/minion/minion.pem', 'x', 'error'),
        (
            '/etc/landscape/client.conf',
            '[client]\naccount_name = x\n',
            'error',
        ),
        ('/var/lib/waagent/ovf-env.xml', 'x', 'error'),
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
        {'/etc/pki/consumer': None},
        {'/etc/landscape/client.conf': '[client]\nlog_level = info\n'},
        {'/etc/salt/minion': 'x'},
        {'/etc/pki/product/69.pem': 'x'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'
