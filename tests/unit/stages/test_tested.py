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

import logging

import pytest

from image_pipeline.catalogues import base
from image_pipeline.stages import tested
from image_pipeline.testing import fake_catalogue, fakes
from image_pipeline.testing.conformance import catalogue as conformance


@pytest.fixture
def catalogue():
    return fake_catalogue.FakeCatalogue(fakes.target())


@pytest.fixture
def add(catalogue, tmp_path):
    def register(**properties):
        return conformance.register(
            catalogue,
            conformance.make_image(tmp_path),
            properties=properties,
        )

    return register


def test_image_asks_for_the_memory_that_it_was_tested_with(catalogue, add):
    record = add(os_distro='debian')
    tested.note(catalogue, record, 1024)
    now = catalogue.get(record.id)
    assert now.properties == {'os_distro': 'debian', 'min_ram': '1024'}
    assert (now.tested_sha256, now.tested_ram) == (record.sha256, 1024)


def test_later_test_with_other_memory_counts(catalogue, add):
    record = add()
    tested.note(catalogue, record, 1024)
    tested.note(catalogue, catalogue.get(record.id), 512)
    now = catalogue.get(record.id)
    assert now.properties == {'min_ram': '512'}
    assert now.tested_ram == 512


@pytest.mark.parametrize(
    ('said', 'warned'),
    [('512', True), ('1024', False), ('4096', False), ('some', False)],
)
def test_what_a_person_said_stays(catalogue, add, caplog, said, warned):
    record = add(min_ram=said)
    with caplog.at_level(logging.WARNING):
        tested.note(catalogue, record, 1024)
    assert catalogue.get(record.id).properties == {'min_ram': said}
    assert catalogue.get(record.id).tested_ram == 1024
    assert bool(caplog.records) is warned
    if warned:
        assert f'{said} MiB, but it was tested with 1024' in caplog.text


def test_what_a_person_set_after_a_test_stays(catalogue, add):
    record = add()
    tested.note(catalogue, record, 1024)
    catalogue.set_properties(record.id, {'min_ram': '2048'})
    tested.note(catalogue, catalogue.get(record.id), 1024)
    assert catalogue.get(record.id).properties == {'min_ram': '2048'}


def test_smoke_test_is_about_the_content_that_was_booted(catalogue, add):
    record = add()
    tested.note(catalogue, record, 1024)
    assert catalogue.get(record.id).tested_sha256 == record.sha256
    catalogue.set_properties(
        record.id, {}, tested=base.Tested(sha256='0' * 64, ram=1)
    )
    assert catalogue.get(record.id).tested_sha256 == '0' * 64
