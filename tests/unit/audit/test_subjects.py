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

from image_pipeline.audit import rule, subjects, view
from image_pipeline.testing import disks, mutations


def test_files_that_belong_to_an_image_are_found(tmp_path):
    for name in (
        'x.qcow2', 'x.qcow2.sha512', 'x.ova', 'SHA256SUMS', 'SHA256SUMS.gpg',
        'Cloud-43-CHECKSUM', 'y.qcow2', 'y.qcow2.sha512', 'README',
    ):  # fmt: skip
        (tmp_path / name).touch()
    (tmp_path / 'MD5SUMS').mkdir()
    assert list(subjects.beside(tmp_path / 'x.qcow2')) == [
        'Cloud-43-CHECKSUM', 'SHA256SUMS', 'SHA256SUMS.gpg', 'x.ova',
        'x.qcow2.sha512',
    ]  # fmt: skip


def test_files_beside_the_name_that_was_given_count(tmp_path):
    (tmp_path / 'store').mkdir()
    (tmp_path / 'store' / 'id').touch()
    link = tmp_path / 'x.qcow2'
    link.symlink_to('store/id')
    (tmp_path / 'SHA512SUMS').touch()
    assert list(subjects.beside(link)) == ['SHA512SUMS']


def test_folder_that_cannot_be_listed_has_none(tmp_path):
    assert subjects.beside(tmp_path / 'none' / 'x.qcow2') == {}


@pytest.mark.parametrize(
    ('value', 'said'),
    [('yes', True), ('True', True), ('1', True), ('no', False), ('', False)],
)
def test_properties_are_understood_as_nova_does(value, said):
    found = subjects.RegisteredImageView(name='x', properties={'p': value})
    assert found.says('p') is said
    assert not found.says('q')


def test_disk_that_is_not_at_hand_cannot_be_told():
    found = subjects.RegisteredImageView(name='x', properties={})
    with pytest.raises(rule.CannotTell):
        found.need_image()


def test_each_rule_is_shown_what_it_is_about():
    image = view.ImageView(disks.MemoryDisk(bytes(512)))
    shown = subjects.Subjects(image=image)
    assert shown.get(rule.Subject.IMAGE) is image
    assert shown.get(rule.Subject.RUN) is None


def test_image_of_a_catalogue_is_not_among_its_others():
    record = mutations.RECORD
    other = dataclasses.replace(record, id='other')
    found = subjects.RegisteredImageView.of(record, [record, other])
    assert (found.name, found.state) == (record.name, 'current')
    assert found.properties == record.properties
    assert found.others == (other,)
    assert found.need_record() is record


def test_planned_image_has_no_record():
    planned = subjects.RegisteredImageView(name='x', properties={})
    with pytest.raises(rule.NotApplicable):
        planned.need_record()
