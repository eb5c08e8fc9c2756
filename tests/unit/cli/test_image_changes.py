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

from image_pipeline import artifact
from image_pipeline.catalogues import base
from image_pipeline.cli import image_changes
from image_pipeline.testing import fake_catalogue, fakes
from image_pipeline.testing.conformance import catalogue as conformance


@pytest.fixture
def changed(tmp_path):
    before = conformance.register(
        fake_catalogue.FakeCatalogue(fakes.target()),
        conformance.make_image(tmp_path, b'1'),
    )
    after = dataclasses.replace(
        before,
        name=before.final_name,
        state=artifact.ImageState.CURRENT,
        hidden=False,
        reason='why',
    )
    return image_changes.Changed(target='prod', before=before, after=after)


def test_person_sees_what_became_what(changed):
    columns, [row] = image_changes.table([changed], 'table')
    shown = dict(zip(columns, row, strict=True))
    assert shown == {
        'target': 'prod',
        'id': changed.after.id,
        'name': f'{changed.before.name} → {conformance.NAME}',
        'state': 'candidate → current',
        'visibility': 'private',
        'hidden': 'yes → no',
        'reason': 'why',
    }


def test_table_has_members_only_if_there_are_any(changed):
    member = base.Member(project='p1', status='accepted')
    shared = dataclasses.replace(changed, members=(member,))
    columns, rows = image_changes.table([shared, changed], 'table')
    at = columns.index('members')
    assert [row[at] for row in rows] == ['p1 accepted', '']


@pytest.mark.parametrize('formatter', ['value', 'csv'])
def test_columns_of_a_script_are_always_the_same(changed, formatter):
    columns, [row] = image_changes.table([changed], formatter)
    assert 'members' in columns
    assert all('\n' not in cell for cell in row)


@pytest.mark.parametrize('formatter', ['json', 'yaml'])
def test_program_gets_both_states_whole(changed, formatter):
    columns, [row] = image_changes.table([changed], formatter)
    shown = dict(zip(columns, row, strict=True))
    assert shown['before'] == shown['image_before']['state'] == 'candidate'
    assert shown['after'] == shown['image_after']['state'] == 'current'
    assert shown['image_before']['hidden'] is True
    assert shown['members'] == []
