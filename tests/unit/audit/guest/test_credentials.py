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


from image_pipeline.audit.guest import credentials
from image_pipeline.disk import files
from image_pipeline.testing.disks import Link, MemoryFiles

KEY = b'-----BEGIN PRIVATE KEY-----\n'


def tree(content):
    return files.FileTree(MemoryFiles(content))


def test_empty_files_and_links_to_nowhere_hold_nothing():
    content = {'/root/.netrc': '', '/root/.pgpass': Link('/nowhere')}
    assert list(credentials.by_name(tree(content), ['/root'])) == []


def test_private_keys_are_looked_for_in_small_files_with_such_names():
    content = {
        '/opt/a.key': KEY,
        '/opt/b.txt': KEY,
        '/usr/share/c.key': KEY,
        '/opt/d.key': b'\0' * 100,
        '/opt/large.key': KEY + b'x' * (1 << 20),
    }
    sizes = [(path, len(data)) for path, data in content.items()]
    found = credentials.private_keys(tree(content), sizes)
    assert [leak.path for leak in found] == ['/opt/a.key']


def test_number_of_files_that_are_read_is_bounded():
    content = {f'/opt/{n}.key': KEY for n in range(600)}
    sizes = [(path, len(KEY)) for path in content]
    assert len(list(credentials.private_keys(tree(content), sizes))) == 500


def test_binary_files_have_no_tokens():
    content = {'/root/x': b'\0AKIAIOSFODNN7EXAMPLE\n'}
    assert list(credentials.tokens(tree(content))) == []


def test_text_that_is_not_utf_8_is_searched():
    content = {'/root/x': b'\xff\n \xfe AKIAIOSFODNN7EXAMPLE\n'}
    (leak,) = credentials.tokens(tree(content))
    assert leak.line is not None
    assert leak.line.number == 2
