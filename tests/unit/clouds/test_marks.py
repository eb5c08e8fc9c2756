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

import datetime

import pytest

from image_pipeline.clouds import marks

NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
MARKS = marks.Marks(run_id='r1', host_id='h1', expires_at=NOON)


def test_properties_and_tags_say_the_same():
    assert marks.from_properties(MARKS.properties) == MARKS
    assert marks.from_tags(['other', *MARKS.tags]) == MARKS


def test_time_is_utc_to_the_second():
    assert MARKS.properties['image_pipeline_expires'] == '2026-03-01T12:00:00Z'


def test_tags_fit_where_neutron_and_nova_take_them():
    made = marks.make('r' * 26, 'a' * 32, seconds=60)
    assert all(
        len(tag) <= 60 and not set(tag) & set(',/') for tag in made.tags
    )


@pytest.mark.parametrize(
    'change',
    [
        {marks.RUN: ''},
        {marks.HOST: ''},
        {marks.EXPIRES: 'tomorrow'},
        {marks.EXPIRES: ''},
    ],
)
def test_damaged_marks_are_not_ours(change):
    assert marks.from_properties(MARKS.properties | change) is None


def test_tags_of_others_are_not_ours():
    assert (
        marks.from_tags(['image-pipeline:run', 'image-pipeline:x=y']) is None
    )


def test_name_begins_with_the_run():
    assert MARKS.name('server') == 'image-pipeline-r1-server'
    assert MARKS.name('port').startswith(marks.name_prefix('r1'))


def test_marks_expire_at_their_time():
    assert MARKS.expired(NOON)
    assert not MARKS.expired(NOON - datetime.timedelta(seconds=1))


def test_marks_are_made_for_a_time_from_now():
    before = datetime.datetime.now(datetime.UTC)
    made = marks.make('r1', 'h1', seconds=3600)
    assert made.expires_at > before + datetime.timedelta(seconds=3590)
    assert marks.from_properties(made.properties) == made


def test_time_without_a_zone_is_utc():
    assert marks.parse_time('2026-03-01T12:00:00') == NOON


def test_host_is_named_by_a_digest_of_its_machine_id(tmp_path):
    file = tmp_path / 'machine-id'
    file.write_text('0123456789abcdef' * 2 + '\n')
    found = marks.host_id(tmp_path / 'state', machine_id=file)
    assert found == marks.host_id(tmp_path / 'other', machine_id=file)
    assert len(found) == 32
    assert found not in file.read_text()
    assert not (tmp_path / 'state').exists()


@pytest.mark.parametrize('text', ['', 'uninitialized', '0' * 32, 'ä'])
def test_host_without_a_machine_id_keeps_one_of_its_own(tmp_path, text):
    file = tmp_path / 'machine-id'
    file.write_text(text)
    found = marks.host_id(tmp_path / 'state', machine_id=file)
    assert found == marks.host_id(tmp_path / 'state', machine_id=file)
    assert found != marks.host_id(tmp_path / 'other', machine_id=file)
    assert [path.name for path in (tmp_path / 'state').iterdir()] == [
        'host-id'
    ]
