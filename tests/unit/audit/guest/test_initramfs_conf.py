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

from image_pipeline.audit.guest import initramfs_conf
from image_pipeline.disk import files
from image_pipeline.testing import disks


def paths(content):
    tree = files.FileTree(disks.MemoryFiles(content))
    return [line.path for line in initramfs_conf.host_only(tree)]


def test_file_in_etc_masks_one_of_the_same_name():
    before = {'/usr/share/initramfs-tools/conf.d/a': 'MODULES=dep\n'}
    assert paths(before) == ['/usr/share/initramfs-tools/conf.d/a']
    assert paths(before | {'/etc/initramfs-tools/conf.d/a': ''}) == []


def test_dracut_sorts_drop_ins_of_both_folders_by_their_names():
    content = {
        '/etc/dracut.conf.d/10-a.conf': 'hostonly="no"\n',
        '/usr/lib/dracut/dracut.conf.d/20-b.conf': 'hostonly="yes"\n',
    }
    assert paths(content) == ['/usr/lib/dracut/dracut.conf.d/20-b.conf']


def test_drop_in_of_dracut_counts_after_its_file():
    content = {
        '/etc/dracut.conf': 'hostonly="yes"\n',
        '/etc/dracut.conf.d/a.conf': 'hostonly="no"\n',
    }
    assert paths(content) == []


def test_what_is_not_said_is_for_any_host():
    assert paths({'/etc': None}) == []
