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


from image_pipeline.artifact import Outcome
from image_pipeline.audit import registry
from image_pipeline.audit.rule import Severity
from image_pipeline.testing import listed

RULE = registry.get('CLOUD-06')


def test_sound_image_passes():
    assert RULE.check(listed.view()).outcome is Outcome.PASS


def judge(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return found.outcome, found.severity or RULE.severity


def said(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return ' '.join(one.message for one in found.evidence)


FAIL = (Outcome.FAIL, Severity.WARNING)


def test_image_without_a_digest_is_told():
    assert judge(hash_algo=None, hash_value=None) == FAIL
    assert 'only an MD5' in said(hash_algo=None, hash_value=None)
    assert 'MD5' not in said(hash_algo=None, hash_value=None, checksum=None)


def test_weak_digest_is_told():
    assert judge(hash_algo='md5', hash_value='ab' * 16) == FAIL
    assert judge(hash_algo='sha1', hash_value='ab' * 20) == FAIL


def test_digest_of_another_length_is_told():
    assert judge(hash_value='ab' * 32) == FAIL
    assert judge(hash_algo='sha256', hash_value='ab' * 32)[0] is Outcome.PASS


def test_image_without_data_has_no_digest():
    found = judge(status='queued', hash_algo=None, hash_value=None)
    assert found[0] is Outcome.NOT_APPLICABLE
