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

import re

import pytest

from image_pipeline import exceptions
from image_pipeline.audit import generalise
from image_pipeline.audit.guest import residue
from image_pipeline.audit.guest.residue_kind import Kind, Mend
from image_pipeline.disk import edits, files
from image_pipeline.testing import images
from image_pipeline.testing.disks import MemoryFiles


def changes(content, **kind):
    tree = files.FileTree(MemoryFiles(content))
    made = Kind(name='x', rule='HYG-01', why='it is', **kind)
    return list(generalise.changes(tree, residue.found(tree, [made])))


def test_each_kind_is_mended_as_the_table_says():
    content = {'/etc/a': 'one\ntwo\nthree\n'}
    assert changes(content, paths=('/etc/a',)) == [edits.Remove(path='/etc/a')]
    assert changes(content, paths=('/etc/a',), mend=Mend.TRUNCATE) == [
        edits.Truncate(path='/etc/a')
    ]
    assert changes(
        content, paths=('/etc/a',), mend=Mend.WRITE, default=b'x\n'
    ) == [edits.Write(path='/etc/a', content=b'x\n')]
    assert changes(
        content, paths=('/etc/a',), mend=Mend.LINES, line=re.compile('t')
    ) == [edits.Write(path='/etc/a', content=b'one\n')]


def test_sound_image_has_nothing_to_go():
    assert generalise.found_in(images.in_memory()) == []


def test_kind_that_may_stay_is_not_found():
    view = images.in_memory({'/etc/ssh/ssh_host_rsa_key': 'x'})
    (one,) = generalise.found_in(view)
    assert not generalise.found_in(view, [one.kind.name])


def test_kind_that_there_is_not_is_told():
    with pytest.raises(exceptions.NotFound) as caught:
        generalise.kinds(['ssh-hostkey'])
    assert 'did you mean' in caught.value.hint
