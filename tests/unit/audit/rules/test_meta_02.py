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

RULE = registry.get('META-02')
STAMP = '/etc/image-build'
RELEASE = '/usr/lib/os-release'
DUMP = '/etc/dib-manifests/dib_environment'


def check(files, **options):
    left = {STAMP} if STAMP not in files else set()
    return RULE.check(images.in_memory(files, without=left), options)


@pytest.mark.parametrize(
    'files',
    [
        {STAMP: 'recipe=debian-12\nrun="1"\ndate=2026-11-21T08:00:00Z\n'},
        {RELEASE: 'ID=debian\nIMAGE_ID=ours\nIMAGE_VERSION=1\n'},
        {RELEASE: 'ID=arch\nBUILD_ID=2026.11.01\n'},
        {'/etc/cloud/build.info': 'build_name: server\nserial: 20261101\n'},
        {'/etc/egi-image-release': '2026-11-21 fc45d0d\n'},
    ],
)
def test_image_that_says_what_it_is_made_from_passes(files):
    assert check(files).outcome == 'pass'


@pytest.mark.parametrize(
    ('files', 'said'),
    [
        ({}, 'no /etc/image-build'),
        ({RELEASE: 'ID=debian\nIMAGE_ID=ours\n'}, 'no /etc/image-build'),
        ({'/etc/cloud/build.info': ''}, 'no /etc/image-build'),
        ({STAMP: '# empty\n'}, 'recipe and run and date'),
        ({STAMP: 'recipe=r\nrun=\ndate=2026-11-21\n'}, 'not say run'),
    ],
)
def test_image_that_does_not_say_it_is_told(files, said):
    verdict = check(files)
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    assert said in verdict.evidence[0].message


def test_site_may_have_a_stamp_of_its_own():
    files = {'/etc/site-image': 'build 7\n'}
    assert check(files).outcome == 'fail'
    assert check(files, stamps=['/etc/site-image']).outcome == 'pass'


SOUND = {STAMP: 'recipe=r\nrun=1\ndate=2026-11-21\n'}


@pytest.mark.parametrize(
    'line',
    [
        'declare -x DIB_DEV_USER_PASSWORD="geheim"',
        "DIB_GITHUB_TOKEN='abc'",
        'export DIB_AWS_SECRET_KEY=abc',
        'declare -x DIB_PIP_INDEX="https://bob:geheim@pypi.example.org/"',
    ],
)
def test_credential_of_the_build_is_an_error_and_not_repeated(line):
    verdict = check(SOUND | {DUMP: f'declare -x DIB_RELEASE="x"\n{line}\n'})
    assert (verdict.outcome, verdict.severity) == ('fail', 'error')
    assert (verdict.evidence[0].path, verdict.evidence[0].line) == (DUMP, 2)
    assert 'geheim' not in str(verdict) and 'abc' not in str(verdict)


@pytest.mark.parametrize(
    'line',
    [
        'declare -x DIB_RELEASE="bookworm"',
        'declare -x DIB_DEV_USER_PASSWORD=""',
        'declare -x DIB_MIRROR="https://deb.example.org/debian"',
    ],
)
def test_environment_without_a_credential_is_no_matter_of_this_rule(line):
    assert check(SOUND | {DUMP: line}).outcome == 'pass'
