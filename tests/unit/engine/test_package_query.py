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

from image_pipeline import exceptions
from image_pipeline.engine import package_lists, package_query


def package(name, version, *, source=None, manager='dpkg'):
    return package_lists.Package(
        name=name,
        version=version,
        source=source or name,
        source_version=version,
        manager=manager,
    )


@pytest.mark.parametrize(
    ('text', 'version', 'found'),
    [
        ('p', '1', True),
        ('q', '1', False),
        ('p<3.0.17', '3.0.16-1~deb12u1', True),
        ('p<3.0.17', '3.0.17~rc1-1', True),
        ('p<3.0.17', '3.0.17-1', False),
        ('p<=3.0.17-1', '3.0.17-1', True),
        ('p <= 3.0.17-1', '3.0.17-1+b1', False),
        ('p=3.0.17-0', '3.0.17', True),
        ('p==1.10', '1.9', False),
        ('p>=1.9', '1.10', True),
        ('p>1:1.0', '2.0', False),
        ('p>>1', '2', True),
        ('p<<2', '1', True),
        ('p*<2', '1', True),
        ('?<2', '1', True),
    ],
)
def test_debian_versions_are_compared_as_dpkg_does(text, version, found):
    query = package_query.parse(text)
    assert query.finds(package('p', version)) is found


@pytest.mark.parametrize(
    ('text', 'version', 'found'),
    [
        ('p<1:3.0.7-28', '1:3.0.7-27.el9', True),
        ('p<=1:3.0.7', '1:3.0.7-27.el9', True),
        ('p<2^', '2', True),
        ('p<2', '2^git1', False),
    ],
)
def test_versions_of_rpm_are_compared_as_rpm_does(text, version, found):
    query = package_query.parse(text)
    assert query.finds(package('p', version, manager='rpm')) is found


def test_source_package_finds_what_was_built_of_it():
    library = package('libssl3', '3.0.16-1', source='openssl')
    assert package_query.parse('openssl<3.0.17').finds(library)
    assert package_query.parse('libssl3<3.0.17').finds(library)


def test_source_has_a_version_of_its_own():
    compiler = package_lists.Package(
        name='gcc',
        version='4:12.2.0-3',
        source='gcc-defaults',
        source_version='1.203',
    )
    assert package_query.parse('gcc-defaults<2').finds(compiler)
    assert not package_query.parse('gcc<2').finds(compiler)


@pytest.mark.parametrize(
    'text', ['', ' ', '<3', 'p<', 'p<1 2', 'p<>1', 'p~1', 'p<1<2', 'p;q', 'ü']
)
def test_what_is_no_package_is_refused_with_an_example(text):
    with pytest.raises(exceptions.InvalidInput) as caught:
        package_query.parse(text)
    assert 'openssl<' in caught.value.hint


@pytest.mark.parametrize(
    ('text', 'version', 'meant'),
    [
        ('p<9.3', '1:9.2-1', '< 1:9.3'),
        ('p<=3.0.16', '3.0.16-1', '<= 3.0.16-1'),
        ('p=3.0.16', '3.0.16-1', '= 3.0.16-1'),
        ('p<=9.2', '1:9.2-1', '<= 1:9.2-1'),
    ],
)
def test_what_the_question_leaves_open_is_told(text, version, meant):
    doubt = package_query.parse(text).doubt(package('p', version))
    assert doubt.endswith(meant)


@pytest.mark.parametrize(
    ('text', 'version'),
    [('p<9.1', '1:9.2-1'), ('p<3', '2'), ('p<1:2', '2:1'), ('q<9', '1:1')],
)
def test_clear_answer_has_no_doubt(text, version):
    assert package_query.parse(text).doubt(package('p', version)) is None


def test_every_question_must_find_a_package():
    packages = [package('a', '1'), package('b', '2')]
    both = [package_query.parse('a<2'), package_query.parse('b<3')]
    assert package_query.find(both, packages) == (packages, [])
    one = [package_query.parse('a<2'), package_query.parse('b<2')]
    assert package_query.find(one, packages) == ([], [])
