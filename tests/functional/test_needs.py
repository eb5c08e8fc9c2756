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

"""What real programs say of their versions."""

import re

import pytest

from image_pipeline.recipe import needs


@pytest.mark.parametrize('name', ['bash', 'mke2fs', 'qemu-img', 'tar'])
def test_version_of_a_program_is_found(name):
    assert re.fullmatch(r'\d+(\.\d+)+', needs.host_facts().version_of(name))


def test_program_that_is_not_there_has_no_version():
    assert needs.host_facts().version_of('no-such-program') is None
