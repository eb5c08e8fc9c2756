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

RULE = registry.get('CLOUD-07')


def test_sound_image_passes():
    assert RULE.check(listed.view()).outcome is Outcome.PASS


def judge(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return found.outcome, found.severity or RULE.severity


def said(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return ' '.join(one.message for one in found.evidence)


WARNING = (Outcome.FAIL, Severity.WARNING)


def test_format_that_is_not_wanted_is_told():
    assert judge(disk_format='vmdk') == WARNING
    assert judge(disk_format='raw')[0] is Outcome.PASS


def test_part_of_an_image_is_told():
    assert judge(disk_format='ami') == WARNING
    assert 'kernel' in said(disk_format='aki')


def test_medium_to_install_from_is_a_hint():
    assert judge(disk_format='iso') == (Outcome.FAIL, Severity.INFO)


def test_container_that_is_not_bare_is_told():
    assert judge(container_format='docker') == WARNING


def test_formats_are_options():
    options = {'disk_formats': ['vmdk'], 'container_formats': ['ova']}
    image = listed.view(disk_format='vmdk', container_format='ova')
    assert RULE.check(image, options).outcome is Outcome.PASS


def test_qcow2_where_ceph_would_clone_raw_is_told():
    kinds = {'ceph': 'rbd', 'disk': 'file'}
    assert judge(stores=('ceph',), store_kinds=kinds) == WARNING
    assert judge(stores=('disk',), store_kinds=kinds)[0] is Outcome.PASS
    raw = judge(disk_format='raw', stores=('ceph',), store_kinds=kinds)
    assert raw[0] is Outcome.PASS


def test_image_that_is_made_of_volumes_has_no_format():
    found = judge(disk_format='', properties={'block_device_mapping': '[]'})
    assert found[0] is Outcome.NOT_APPLICABLE
