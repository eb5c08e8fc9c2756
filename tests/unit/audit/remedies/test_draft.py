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


from image_pipeline.audit.guest import text
from image_pipeline.audit.remedies import draft
from image_pipeline.disk import edits
from image_pipeline.testing import disks
from image_pipeline.testing.disks import Link


def plan(files):
    view = disks.MemoryView(disks.MemoryDisk(disks.gpt_disk([])), files)
    return draft.Draft(view.files)


def content(made):
    (one,) = made.edits()
    return one.content


def test_what_is_not_touched_keeps_its_bytes():
    made = plan({'/a': b'one\r\n\xff two\nthree'})
    lines = text.lines(made.tree, '/a')
    made.drop(lines[0])
    made.replace(lines[2], 'four')
    made.append('/a', 'five')
    made.prepend('/a', 'zero')
    assert content(made) == b'zero\n\xff two\nfour\nfive\n'


def test_comment_stays_one():
    made = plan({'/a': 'one\n# two\n'})
    for line in text.lines(made.tree, '/a'):
        made.comment(line)
    assert content(made) == b'# one\n# two\n'


def test_file_that_stays_as_it_was_is_not_written():
    made = plan({'/a': 'one\n'})
    (line,) = text.lines(made.tree, '/a')
    made.replace(line, 'one')
    made.write('/b', '')
    assert list(made.edits()) == []


def test_new_file_has_the_mode_that_is_asked_for_and_an_old_one_keeps_its():
    made = plan({'/a': 'one\n'})
    made.append('/a', 'two', mode=0o600)
    made.append('/b', 'two', mode=0o600)
    assert [one.mode for one in made.edits()] == [None, 0o600]


def test_links_are_followed_to_the_file_and_never_at_the_end_of_what_goes():
    made = plan(
        {
            '/lib': Link('usr/lib'),
            '/usr/lib/a': 'one\n',
            '/b': Link('lib/a'),
        }
    )
    made.append('/b', 'two')
    made.remove('/lib/a')
    made.link('/lib/new/c', '/dev/null')
    assert [(type(one), one.path) for one in made.edits()] == [
        (edits.Write, '/usr/lib/a'),
        (edits.Remove, '/usr/lib/a'),
        (edits.Link, '/usr/lib/new/c'),
    ]


def test_environment_of_grub_keeps_its_size():
    path = '/boot/grub2/grubenv'
    before = b'# GRUB Environment Block\nkernelopts=quiet\n'.ljust(1024, b'#')
    made = plan({path: before})
    made.replace(text.lines(made.tree, path)[1], 'kernelopts=console=tty0')
    assert len(content(made)) == 1024
    assert b'\nkernelopts=console=tty0\n###' in content(made)
