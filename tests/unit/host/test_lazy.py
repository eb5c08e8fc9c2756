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

"""A module is loaded by the first who uses it."""

import importlib
import sys

import pytest

from image_pipeline.host import lazy


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / 'package_of_test_lazy').mkdir()
    (tmp_path / 'package_of_test_lazy/__init__.py').write_text('')
    (tmp_path / 'package_of_test_lazy/inner.py').write_text('VALUE = 7\n')
    (tmp_path / 'package_of_test_lazy/outer.py').write_text(
        'from package_of_test_lazy import inner\n'
        'def value():\n    return inner.VALUE\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield 'package_of_test_lazy.inner'
    for name in list(sys.modules):
        if name.startswith('package_of_test_lazy'):
            del sys.modules[name]


def is_loaded(name: str) -> bool:
    return 'VALUE' in object.__getattribute__(sys.modules[name], '__dict__')


def test_module_is_loaded_by_the_first_use_and_not_by_an_import(module):
    lazy.load_when_used(module)
    outer = importlib.import_module('package_of_test_lazy.outer')
    assert not is_loaded(module)
    assert outer.value() == 7
    assert is_loaded(module)


def test_module_that_is_loaded_stays_as_it_is(module):
    found = importlib.import_module(module)
    lazy.load_when_used(module)
    assert sys.modules[module] is found


def test_module_that_is_not_there_is_left(module):
    lazy.load_when_used('package_of_test_lazy.nothing')
    assert 'package_of_test_lazy.nothing' not in sys.modules


def test_what_the_audit_spares_is_still_there():
    assert importlib.import_module(lazy.STRUTILS).string_to_bytes('1KiB')
