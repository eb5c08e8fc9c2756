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
"""Which elements there are, and what they say about themselves."""

import pathlib

import pytest

from image_pipeline import elements

PRACTICES = (
    'cloud-consoles',
    'cloud-init-openstack',
    'cloud-kernel',
    'distribution-mirrors',
    'grow-root',
    'image-hygiene',
    'image-stamp',
    'minimal-services',
    'network-dhcp',
    'one-initramfs',
    'plain-disk',
    'security-basics',
    'sshd-keys-only',
    'system-basics',
    'system-logs',
)


@pytest.fixture
def make(tmp_path):
    def make_element(folder, name, **files):
        path = tmp_path / folder / name
        path.mkdir(parents=True)
        for file, text in files.items():
            (path / file.replace('__', '-')).write_text(text)
        return path

    return make_element


def test_our_elements_lie_in_the_package():
    assert elements.path() == pathlib.Path(elements.__file__).parent
    assert set(PRACTICES) | {'egi-cloud-image'} <= set(elements.names())


def test_the_umbrella_names_every_practice_and_does_nothing_itself():
    umbrella = elements.read(elements.path() / 'egi-cloud-image')
    assert umbrella.deps == PRACTICES
    assert {path.name for path in umbrella.path.iterdir()} == {
        'README.rst',
        'element-deps',
    }


def test_the_umbrella_describes_every_practice():
    readme = elements.path() / 'egi-cloud-image' / 'README.rst'
    listed = [
        line.split('``')[1]
        for line in readme.read_text().splitlines()
        if line.startswith('* ``')
    ]
    assert tuple(listed) == PRACTICES


def test_an_element_says_what_it_is_and_needs(make, tmp_path):
    make(
        'site',
        'with-all',
        element__deps='a  # why\nb\n\n',
        element__provides='c\n',
        **{'README.rst': '========\nwith-all\n========\nIt is.\n\nMore.\n'},
    )
    [found] = elements.find([tmp_path / 'site'])
    assert found == elements.Element(
        name='with-all',
        path=tmp_path / 'site' / 'with-all',
        summary='It is.',
        deps=('a', 'b'),
        provides=('c',),
    )


def test_an_element_may_say_nothing(make, tmp_path):
    make('site', 'bare')
    [found] = elements.find([tmp_path / 'site'])
    assert (found.summary, found.deps, found.provides) == ('', (), ())


def test_the_first_of_two_elements_of_a_name_counts(make, tmp_path):
    first = make('one', 'same')
    make('two', 'same')
    make('two', 'other')
    found = elements.find([tmp_path / 'one', tmp_path / 'two'])
    assert [element.name for element in found] == ['other', 'same']
    assert found[1].path == first


def test_files_and_private_folders_are_no_elements(make, tmp_path):
    make('site', '__pycache__')
    make('site', '.git')
    (tmp_path / 'site' / 'README.rst').write_text('')
    assert elements.find([tmp_path / 'site', tmp_path / 'absent']) == ()
