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

from image_pipeline.audit import leftovers, registry
from image_pipeline.testing import images


def test_findings_are_those_of_one_rule():
    files = {'/etc/ssh/ssh_host_rsa_key': 'x', '/root/.bash_history': 'x'}
    view = images.in_memory(files)
    (one,) = leftovers.findings(view, 'HYG-01')
    assert one.evidence.path == '/etc/ssh/ssh_host_rsa_key'
    assert one.severity is None


def test_line_is_named_and_not_repeated():
    view = images.in_memory({'/etc/environment': 'A=1\nhttp_proxy=a:1@b:2\n'})
    ((residue, finding),) = leftovers.of(view, 'HYG-07')
    assert residue.lines == (2,)
    assert finding.evidence.line == 2
    assert finding.evidence.data is None


@pytest.mark.parametrize(
    ('rule_id', 'files', 'outcome'),
    [
        # It looks at what lies deep in folders.
        ('HYG-02', {}, 'unknown'),
        ('HYG-10', {}, 'unknown'),
        ('HYG-02', {'/etc/munge/munge.key': 'x'}, 'fail'),
        # It looks at places that are named.
        ('HYG-01', {}, 'pass'),
    ],
)
def test_what_was_left_out_is_no_pass(rule_id, files, outcome):
    view = images.in_memory(files)
    view.census = dataclasses.replace(view.census, truncated=True)
    assert registry.get(rule_id).check(view).outcome == outcome
