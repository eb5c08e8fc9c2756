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
"""``element list``, called as cliff calls it."""

import argparse
import types

import pytest

from image_pipeline import elements
from image_pipeline.cli import element


@pytest.fixture
def listing(tmp_path):
    """What the command returns, with one folder of the site's own."""
    own = tmp_path / 'site' / 'cloud-kernel'
    own.mkdir(parents=True)
    (own / 'README.rst').write_text('====\nours\n====\nAnother kernel.\n')
    app = types.SimpleNamespace(
        settings=types.SimpleNamespace(elements_path=(own.parent,))
    )

    def run(**arguments):
        command = element.ElementList(app, argparse.Namespace())
        columns, rows = command.take_action(argparse.Namespace(**arguments))
        return [dict(zip(columns, row, strict=True)) for row in rows]

    return run


def test_our_elements_are_listed_with_what_they_say(listing):
    rows = {row['name']: row for row in listing(all=False)}
    assert set(rows) == set(elements.names())
    umbrella = rows['egi-cloud-image']
    assert umbrella['summary'] == 'A cloud image by the EGI best practices'
    assert 'image-hygiene' in umbrella['deps'].machine_readable()
    assert umbrella['folder'] == str(elements.path())


def test_an_element_of_the_site_comes_before_ours(listing, tmp_path):
    rows = {row['name']: row for row in listing(all=False)}
    assert rows['cloud-kernel']['summary'] == 'Another kernel.'
    assert rows['cloud-kernel']['folder'] == str(tmp_path / 'site')


def test_stock_elements_are_listed_if_asked_for(listing):
    names = {row['name'] for row in listing(all=True)}
    assert {'debian-minimal', 'vm', 'egi-cloud-image'} <= names
