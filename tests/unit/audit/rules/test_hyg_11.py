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

RULE = registry.get('HYG-11')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/var/cache/apt/pkgcache.bin', bytes(6 << 20), 'info'),
        ('/var/lib/apt/lists/x_Packages', bytes(6 << 20), 'info'),
        ('/var/cache/pacman/pkg/a.pkg.tar', bytes(6 << 20), 'info'),
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
        {'/var/cache/apt/pkgcache.bin': bytes(4 << 20)},
        {'/var/lib/apt/lists/partial': None, '/var/lib/apt/lists/lock': ''},
        {'/var/cache/apt/archives/lock': 'x' * 100},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'


def test_what_is_in_a_folder_counts():
    files = {'/var/cache/dnf/x/packages/a.rpm': bytes(6 << 20)}
    assert check(files).evidence[1].path == '/var/cache/dnf/x'
    assert check(files, max_bytes=7 << 20).outcome == 'pass'


def test_second_kernel_is_found_but_none_for_rescue():
    rescue = {'/boot/vmlinuz-0-rescue-x': 'MZ'}
    assert check(rescue).outcome == 'pass'
    second = {'/boot/vmlinuz-5.10.0-1-amd64': 'MZ'}
    verdict = check(second)
    assert '2 kernels: 5.10.0-1-amd64, 6.1.0' in verdict.evidence[0].message
    assert check(second, max_kernels=2).outcome == 'pass'
