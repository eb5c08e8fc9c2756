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

import itertools

import pytest

from image_pipeline.audit.guest import rpm_version


def test_versions_sort_as_rpm_does():
    # Of rpm's own tests: rpmvercmp.at.
    ordered = [
        '1.0~~', '1.0~rc1~git123', '1.0~rc1', '1.0~rc1^git1', '1.0~rc2',
        '1.0', '1.0^', '1.0^git1~pre', '1.0^git1', '1.0^git2', '1.0a',
        '1.0.1', '1.1', '1.10', '2.a', '2.0', '2.0.1', '2.0.1a', '10',
        '1:0.1',
    ]  # fmt: skip
    for low, high in itertools.pairwise(ordered):
        assert rpm_version.compare(low, high) == -1, (low, high)
        assert rpm_version.compare(high, low) == 1, (low, high)


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('1.0', '1.0'),
        ('1_0', '1.0'),
        ('2_0.', '2.0'),
        ('1.05', '1.5'),
        ('0:1.0', '1.0'),
        # What one of them does not say is not compared.
        ('1.0-3.el9', '1.0'),
    ],
)
def test_versions_that_are_alike(one, other):
    assert rpm_version.compare(one, other) == 0
    assert rpm_version.compare(other, one) == 0


def test_release_counts_if_both_say_it():
    assert rpm_version.compare('1.0-9.el9', '1.0-10.el9') == -1


@pytest.mark.parametrize(
    ('text', 'parts'),
    [
        ('1:3.0.7-27.el9', (1, '3.0.7', '27.el9')),
        ('3.0.7', (None, '3.0.7', '')),
        ('6.1.0-39-amd64', (None, '6.1.0-39', 'amd64')),
        ('x:1', (None, '1', '')),
        ('-1', (None, '-1', '')),
        ('', (None, '', '')),
    ],
)
def test_version_is_taken_apart(text, parts):
    assert rpm_version.split(text) == parts
