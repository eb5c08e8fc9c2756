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

RULE = registry.get('META-06')
STATUS = '/var/lib/dpkg/status'
OK = 'Status: install ok installed\n'


def check(status='', files=None, **options):
    given = {STATUS: images.FILES[STATUS] + status} | (files or {})
    return RULE.check(images.in_memory(given), options)


def package(name, section='utils', state=OK):
    return f'\nPackage: {name}\n{state}Section: {section}\nVersion: 1\n'


@pytest.mark.parametrize(
    'status',
    [
        '',
        package('firmware-nvidia-graphics', 'non-free-firmware/kernel'),
        package('linux-firmware', 'restricted/misc'),
        package(
            'unrar', 'non-free/utils', 'Status: deinstall ok config-files\n'
        ),
        package('codec2', 'contrib/sound'),
    ],
)
def test_what_may_be_shared_passes(status):
    assert check(status).outcome == 'pass'


@pytest.mark.parametrize(
    ('status', 'said'),
    [
        (package('nvidia-driver'), "nvidia-driver: NVIDIA's driver"),
        (package('google-chrome-stable'), 'a browser'),
        (package('unrar', 'non-free/utils'), 'section non-free: unrar'),
        (package('steam', 'multiverse/games'), 'section multiverse: steam'),
    ],
)
def test_what_may_not_be_shared_is_told(status, said):
    verdict = check(status)
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    assert said in verdict.evidence[0].message


def test_many_packages_are_one_line():
    status = ''.join(package(f'cuda-part-{number}') for number in range(30))
    (evidence,) = check(status).evidence
    assert 'and 20 more: CUDA' in evidence.message


def test_distribution_with_subscriptions_is_told():
    files = {'/usr/lib/os-release': 'ID=rhel\nVERSION_ID="9.6"\n'}
    (evidence,) = check(files=files).evidence
    assert 'Red Hat' in evidence.message
    assert check(files=files, allowed=['rhel']).outcome == 'pass'


def test_site_may_allow_what_it_has_a_licence_for():
    status = package('matlab-runtime') + package('unrar', 'non-free/utils')
    assert check(status, allowed=['matlab*', 'unrar']).outcome == 'pass'
    (evidence,) = check(status, allowed=['unrar']).evidence
    assert 'matlab-runtime' in evidence.message


def test_image_without_packages_is_not_passed():
    image = images.in_memory(without={STATUS})
    assert RULE.check(image).outcome == 'unknown'
