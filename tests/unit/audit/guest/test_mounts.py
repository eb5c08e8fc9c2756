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

from image_pipeline.audit.guest import mounts
from image_pipeline.disk import files
from image_pipeline.testing.disks import MemoryFiles


def tree(**content: str) -> files.FileTree:
    return files.FileTree(MemoryFiles(content))


def test_fstab_gives_its_mounts_with_lines():
    found = mounts.fstab(
        tree(
            **{
                '/etc/fstab': '# comment\n\nUUID=1 / ext4 rw,discard 0 1\n'
                'LABEL="x" /data/ \nonlyone\n'
            }
        )
    )
    assert [(m.spec, m.point, m.type, m.options) for m in found] == [
        ('UUID=1', '/', 'ext4', ('rw', 'discard')),
        ('LABEL=x', '/data', 'auto', ('defaults',)),
    ]
    assert [m.line.number for m in found] == [3, 4]
    assert not found[0].optional


def test_missing_fstab_mounts_nothing():
    assert mounts.fstab(tree()) == []
