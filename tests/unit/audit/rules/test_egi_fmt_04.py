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

import hashlib

import pytest

from image_pipeline.audit import registry, subjects, view
from image_pipeline.testing import disks

RULE = registry.get('EGI-FMT-04')
DATA = b'an image' * 999
SHA256 = hashlib.sha256(DATA).hexdigest()
SHA512 = hashlib.sha512(DATA).hexdigest()


@pytest.fixture
def check(tmp_path):
    def judge(beside, *, published=True, **options):
        path = tmp_path / 'x.qcow2'
        path.write_bytes(DATA)
        for name, text in beside.items():
            (tmp_path / name).write_text(text)
        image = view.ImageView(disks.MemoryDisk(bytes(512)))
        return RULE.check(
            subjects.ArtifactView(
                path=path,
                image=image,
                side_files=subjects.beside(path),
                published=published,
            ),
            options,
        )

    return judge


GOOD = {'SHA256SUMS': f'{SHA256}  x.qcow2\n{"0" * 64}  y.qcow2\n'}


@pytest.mark.parametrize(
    ('beside', 'outcome', 'severity'),
    [
        (GOOD, 'pass', None),
        ({'SHA512SUMS': f'{SHA512} *x.qcow2\n'}, 'pass', None),
        ({'x.qcow2.sha512': SHA512}, 'pass', None),
        ({'CHECKSUM': f'SHA256 (x.qcow2) = {SHA256}\n'}, 'pass', None),
        ({}, 'fail', None),
        ({'SHA256SUMS': f'{SHA256}  y.qcow2\n'}, 'fail', None),
        ({'MD5SUMS': f'{"0" * 32}  x.qcow2\n'}, 'fail', None),
        ({'SHA256SUMS': f'{SHA256[::-1]}  x.qcow2\n'}, 'fail', 'error'),
        (
            GOOD | {'SHA512SUMS': f'{SHA512[::-1]}  x.qcow2\n'},
            'fail',
            'error',
        ),
    ],
)
def test_checksums_are_there_and_right(check, beside, outcome, severity):
    verdict = check(beside)
    assert (verdict.outcome, verdict.severity) == (outcome, severity)


def test_kinds_of_checksums_are_an_option(check):
    assert check(GOOD, required=['sha512']).outcome == 'fail'
    assert check(GOOD, required=['sha256']).outcome == 'pass'


def test_signature_is_an_option(check):
    assert check(GOOD, signature=True).outcome == 'fail'
    signed = GOOD | {'SHA256SUMS.gpg': 'x'}
    assert check(signed, signature=True).outcome == 'pass'


def test_file_in_the_state_folder_is_not_published(check):
    verdict = check({}, published=False)
    assert verdict.outcome == 'not-applicable'
    assert 'state folder' in verdict.evidence[0].message


def test_file_may_lie_alone_where_the_profile_says_so(check):
    assert check({}, alone=True).outcome == 'not-applicable'
    wrong = {'SHA256SUMS': f'{SHA256[::-1]}  x.qcow2\n'}
    assert check(wrong, alone=True).outcome == 'fail'
