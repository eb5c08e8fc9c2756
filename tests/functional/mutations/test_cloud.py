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


"""What a cloud lists of a sound image is spoilt; one rule says so."""

import datetime

import pytest

from image_pipeline.audit import listing
from image_pipeline.host import process
from image_pipeline.testing import listed, mutations
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
#: An image that was made long ago.
OLD = listed.NOW - datetime.timedelta(days=200)
NEW = {'name': 'another'}

MUTATIONS = {
    '01 two of one name': Mutation(
        rule='CLOUD-01', listed={}, neighbours=({},)
    ),
    '01 public one of another project': Mutation(
        rule='CLOUD-01',
        listed={},
        neighbours=({'owner': 'b0' * 16, 'visibility': 'public'},),
        severity='warning',
    ),
    '02 two current ones': Mutation(
        rule='CLOUD-02',
        listed={'state': 'current'},
        neighbours=({'state': 'current', **NEW},),
    ),
    '02 promotion that was broken off': Mutation(
        rule='CLOUD-02',
        listed={
            'state': 'candidate',
            'name': 'debian-12.candidate',
            'hidden': True,
            'properties': {listing.SWAP: 'x;2026-03-01T11:00:00Z;host/run'},
        },
    ),
    '03 deactivated': Mutation(
        rule='CLOUD-03', listed={'status': 'deactivated'}, severity='warning'
    ),
    '03 upload that was broken off': Mutation(
        rule='CLOUD-03',
        listed={'status': 'queued', 'created_at': OLD},
        severity='warning',
    ),
    '04 candidate that was forgotten': Mutation(
        rule='CLOUD-04',
        listed={'state': 'candidate', 'hidden': True, 'created_at': OLD},
        severity='warning',
    ),
    '05 public and not protected': Mutation(
        rule='CLOUD-05', listed={'visibility': 'public'}, severity='warning'
    ),
    '06 no digest': Mutation(
        rule='CLOUD-06',
        listed={'hash_value': None, 'hash_algo': None},
        severity='warning',
    ),
    '07 format of another hypervisor': Mutation(
        rule='CLOUD-07', listed={'disk_format': 'vmdk'}, severity='warning'
    ),
    '08 disk that does not fit': Mutation(
        rule='CLOUD-08', listed={'min_disk': 1}, severity='warning'
    ),
    '09 release without updates': Mutation(
        rule='CLOUD-09',
        listed={'name': 'web', 'properties': {'os_version': '10'}},
        severity='warning',
    ),
    '10 old': Mutation(
        rule='CLOUD-10', listed={'created_at': OLD}, severity='warning'
    ),
    '11 contradiction': Mutation(
        rule='CLOUD-11',
        listed={'properties': {'os_type': 'windows'}},
        severity='warning',
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)


@pytest.mark.parametrize(
    'changes',
    [{}, {'state': 'current'}, {'state': 'candidate', 'hidden': True}],
    ids=str,
)
def test_no_rule_fires_for_a_sound_image_in_a_cloud(changes, sound):
    report = mutations.audit(sound, listed=mutations.seen(changes))
    assert {result.outcome for result in report.results} <= {
        'pass',
        'not-applicable',
    }, report
