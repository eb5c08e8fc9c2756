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

import pathlib

import pytest

from image_pipeline import exceptions
from image_pipeline.catalogues import glance_checks
from image_pipeline.clouds import offers
from image_pipeline.testing import fake_glance, fake_images, fakes
from image_pipeline.testing.conformance import catalogue_fixtures

#: As Glance 25 tells it, shortened.
SCHEMA = {
    'name': 'image',
    'properties': {
        'id': {'type': 'string'},
        'name': {'type': ['null', 'string'], 'maxLength': 255},
        'owner': {'type': ['null', 'string'], 'maxLength': 255},
        'disk_format': {'enum': [None, 'raw', 'qcow2', 'iso']},
        'container_format': {'enum': [None, 'bare', 'ovf']},
        'min_disk': {'type': 'integer'},
        'min_ram': {'type': 'integer'},
        'os_distro': {'type': 'string', 'is_base': False},
        'kernel_id': {
            'type': ['null', 'string'],
            'pattern': '^[0-9a-f-]{36}$',
            'is_base': False,
        },
        'policy': {
            'type': 'string',
            'enum': ['on', 'off'],
            'maxLength': 3,
            'is_base': False,
        },
    },
    'additionalProperties': {'type': 'string'},
}


def wanted(name='debian-12.candidate-aaaaaaaa', image_format='qcow2'):
    return glance_checks.Wanted(
        name=name, format=image_format, size=512, properties={}
    )


def target(**changes):
    return fakes.target('cloud', cloud='c', **changes)


def messages(problems):
    return [one.message for one in problems]


def of_properties(properties, schema=SCHEMA):
    return messages(glance_checks.properties(schema, properties))


def test_sound_properties_are_no_problem():
    assert (
        of_properties(
            {
                'os_distro': 'debian',
                'min_disk': '2',
                'min_ram': '512',
                'trait:HW_CPU_X86_AVX2': 'required',
                'kernel_id': '11111111-1111-4111-8111-111111111111',
                'policy': 'on',
                'empty': '',
                'señal': 'ä',
            }
        )
        == []
    )


@pytest.mark.parametrize(
    ('key', 'value', 'said'),
    [
        ('', 'x', 'cannot be the name of a property'),
        ('k' * 256, 'x', 'cannot be the name of a property'),
        ('k', 'v' * 65536, '65535 bytes'),
        ('k', 'ä' * 40000, '65535 bytes'),
        ('k', '\U0001f41b', 'characters of four bytes'),
        ('k\U0001f41b', 'v', 'characters of four bytes'),
        ('min_disk', '1.5', 'not a whole number'),
        ('min_disk', '-1', 'not a whole number'),
        ('min_ram', '', 'not a whole number'),
        ('min_ram', '٣', 'not a whole number'),
        ('min_ram', '2147483648', 'not a whole number'),
        ('owner', 'me', 'a field of every image'),
        ('name', 'x', 'a field of every image'),
        ('kernel_id', 'vmlinuz', 'not what the cloud takes'),
        ('policy', 'no', 'the cloud takes on, off'),
    ],
)
def test_property_that_glance_refuses_is_named(key, value, said):
    found = of_properties({key: value, 'os_distro': 'debian'})
    assert len(found) == 1
    assert said in found[0]


def test_cloud_that_takes_no_other_properties_is_believed():
    closed = SCHEMA | {'additionalProperties': False}
    assert of_properties({'os_distro': 'x'}, closed) == []
    assert of_properties({'mine': 'x'}, closed) == [
        'the cloud takes no property "mine"'
    ]


def test_too_many_properties_are_told_before_glance_does():
    many = {f'p{number}': 'x' for number in range(101)}
    assert of_properties(many) == ['101 properties are too many']
    del many['p0']
    assert of_properties(many | {'min_disk': '1', 'min_ram': '2'}) == []


def test_own_properties_are_within_what_is_set_aside():
    source = pathlib.Path(glance_checks.__file__).parent
    names = {
        line.split("PREFIX + '")[1].split("'")[0]
        for file in source.glob('glance*.py')
        for line in file.read_text().splitlines()
        if "PREFIX + '" in line
    }
    assert 10 < len(names) <= glance_checks._OWN


@pytest.mark.parametrize(
    ('name', 'image_format', 'said'),
    [
        ('', 'qcow2', 'cannot be the name'),
        ('n' * 256, 'qcow2', 'cannot be the name'),
        ('\U0001f41b', 'qcow2', 'four bytes'),
        ('x', 'vmdk', 'disk_format vmdk'),
    ],
)
def test_field_that_glance_refuses_is_named(name, image_format, said):
    found = messages(
        glance_checks.fields(SCHEMA, target(), wanted(name, image_format))
    )
    assert len(found) == 1
    assert said in found[0]


def test_formats_of_a_cloud_are_told():
    found = list(
        glance_checks.fields(SCHEMA, target(), wanted(image_format='vmdk'))
    )
    assert 'it takes raw, qcow2, iso' in (found[0].hint or '')


def test_cloud_without_bare_images_is_refused():
    properties = dict(SCHEMA['properties'])
    properties['container_format'] = {'enum': ['ovf']}
    schema = SCHEMA | {'properties': properties}
    found = messages(glance_checks.fields(schema, target(), wanted()))
    assert found == [
        'the cloud does not take images of the container_format bare'
    ]


def test_tags_that_glance_refuses_are_named():
    tags = ('', 't' * 256, *(f't{number}' for number in range(127)))
    found = messages(glance_checks.fields(SCHEMA, target(tags=tags), wanted()))
    assert len(found) == 3
    assert '129 tags are too many' in found


def test_all_problems_are_raised_at_once():
    client = fake_images.FakeImages()
    many = glance_checks.Wanted(
        name='', format='raw', size=1, properties={'': 'x', 'min_ram': 'x'}
    )
    with pytest.raises(exceptions.InvalidInput) as caught:
        glance_checks.check(client, target(stores=('no',)), many)
    assert len(caught.value.problems) == 4


def test_one_problem_is_the_message():
    client = fake_images.FakeImages()
    with pytest.raises(exceptions.InvalidInput) as caught:
        glance_checks.check_properties(client, target(), {'min_ram': 'x'})
    assert caught.value.message == (
        'target "cloud": min_ram is "x", not a whole number'
    )


def test_store_that_is_not_there_is_named_with_the_nearest():
    client = fake_images.FakeImages(
        fake_glance.FakeGlance(
            stores=(
                offers.Store(id='ceph'),
                offers.Store(id='http', read_only=True),
            )
        )
    )
    found = list(glance_checks.stores(client, target(stores=('cehp', 'http'))))
    assert messages(found) == [
        'the cloud has no store "cehp"',
        'the store "http" can only be read',
    ]
    assert found[0].hint == 'did you mean "ceph"?'


def test_stores_are_not_asked_for_where_the_target_names_none():
    client = fake_images.FakeImages()
    assert list(glance_checks.stores(client, target())) == []
    assert client.requests == []


@pytest.mark.parametrize(
    ('used', 'limit', 'staged', 'refused'),
    [
        (0, 10, False, False),
        (10, 10, False, False),
        (11, 10, False, True),
        (9, 10, True, False),
        (10, 10, True, True),
        (10, None, True, False),
    ],
)
def test_quota_of_bytes_is_as_glance_counts_it(used, limit, staged, refused):
    client = fake_images.FakeImages()
    client.service.quota = offers.Quota(
        size=offers.Limit(limit=limit, used=used)
    )
    found = list(glance_checks.room(client, 1, staged=staged))
    assert bool(found) == refused


def test_quota_of_images_leaves_room_for_one_more():
    client = fake_images.FakeImages()
    for used, refused in ((9, False), (10, True)):
        client.service.quota = offers.Quota(
            images=offers.Limit(limit=10, used=used)
        )
        assert bool(list(glance_checks.room(client, 1))) == refused
    with pytest.raises(exceptions.QuotaExceeded, match='10 images'):
        glance_checks.check(client, target(), wanted())


def test_cloud_without_quota_has_room():
    assert list(glance_checks.room(fake_images.FakeImages(), 1)) == []


def test_values_outside_metadata_definitions_are_doubts():
    client = fake_images.FakeImages()
    client.service.namespaces = (
        offers.Namespace(
            name='Our::Images',
            properties={
                'hw_disk_bus': {'type': 'string', 'enum': ['virtio', 'scsi']},
                'hw_serial_port_count': {'type': 'integer', 'minimum': 1},
                'weight': {'type': 'number', 'maximum': 1},
                'flags': {'type': 'array'},
            },
        ),
    )
    doubts = list(
        glance_checks.doubts(
            client,
            {
                'hw_disk_bus': 'nvme',
                'hw_serial_port_count': '0',
                'weight': 'x',
                'flags': '<in> a',
                'other': 'x',
            },
        )
    )
    assert len(doubts) == 3
    assert 'hw_disk_bus is "nvme"; the cloud takes virtio, scsi' in doubts[0]
    assert 'Our::Images' in doubts[0]
    assert list(glance_checks.doubts(client, {'hw_disk_bus': 'scsi'})) == []


def test_file_that_is_no_longer_of_its_size_is_refused(tmp_path):
    image = catalogue_fixtures.make_image(tmp_path)
    image.path.chmod(0o644)
    image.path.write_bytes(b'short')
    with pytest.raises(exceptions.DigestMismatch, match='5 bytes, not 512'):
        glance_checks.content(image)


def test_format_that_the_file_does_not_show_is_refused(tmp_path):
    image = catalogue_fixtures.make_image(tmp_path, image_format='qcow2')
    with pytest.raises(exceptions.DigestMismatch, match='format raw'):
        glance_checks.content(image)
