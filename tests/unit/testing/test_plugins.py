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
from image_pipeline.testing import plugins


def test_fake_plugins_are_those_of_the_test_only():
    found = plugins.FakePlugins('x', 'thing', classes={'b': int, 'a': str})
    assert found.names() == ('a', 'b')
    assert found.load('b') is int
    assert found.load_all() == {'a': str, 'b': int}
    with pytest.raises(exceptions.NotFound, match='there is no thing "c"'):
        found.load('c')
