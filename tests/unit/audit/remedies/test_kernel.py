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

from image_pipeline.audit.guest import text
from image_pipeline.audit.remedies import draft, kernel
from image_pipeline.testing import disks

GRUB = '/etc/default/grub'


def plan(files):
    view = disks.MemoryView(disks.MemoryDisk(disks.gpt_disk([])), files)
    return draft.Draft(view.files)


def content(made):
    return {one.path: one.content.decode() for one in made.edits()}


@pytest.mark.parametrize(
    ('said', 'left'),
    [
        ('GRUB_CMDLINE_LINUX="a off=1 b"', 'GRUB_CMDLINE_LINUX="a b"'),
        ('GRUB_CMDLINE_LINUX="off=1"', 'GRUB_CMDLINE_LINUX=""'),
        ('GRUB_CMDLINE_LINUX=off=1', 'GRUB_CMDLINE_LINUX='),
        ("GRUB_CMDLINE_LINUX='off=1 b'", "GRUB_CMDLINE_LINUX='b'"),
    ],
)
def test_word_goes_and_the_others_stay(said, left):
    made = plan({GRUB: f'{said}\n'})
    kernel.drop(made, lambda word: word == 'off=1')
    assert content(made) == {GRUB: f'{left}\n'}


def test_word_within_another_stays():
    made = plan({GRUB: 'GRUB_CMDLINE_LINUX="xoff=1 off=12 /off=1"\n'})
    kernel.drop(made, lambda word: word == 'off=1')
    assert content(made) == {}


@pytest.mark.parametrize(
    ('said', 'wanted'),
    [
        ('linux /v ro', 'linux /v ro console=tty0 console=ttyS0,115200n8'),
        (
            'linux /v console=tty0 ro',
            'linux /v console=tty0 console=ttyS0,115200n8 ro',
        ),
        (
            'linux /v console=ttyS0,9600 console=tty0 ro',
            'linux /v console=tty0 console=ttyS0,9600 ro',
        ),
        (
            'GRUB_CMDLINE_LINUX="quiet"',
            'GRUB_CMDLINE_LINUX="quiet console=tty0 console=ttyS0,115200n8"',
        ),
        (
            'GRUB_CMDLINE_LINUX=',
            'GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200n8"',
        ),
    ],
)
def test_serial_console_is_the_last_one(said, wanted):
    made = plan({'/x': f'{said}\n'})
    (line,) = text.lines(made.tree, '/x')
    kernel.log_to(made, line, ['ttyS0'])
    assert content(made) == {'/x': f'{wanted}\n'}


def test_speed_is_that_of_serial_lines_only():
    assert kernel.argument('hvc0') == 'console=hvc0'
    assert kernel.argument('ttyAMA0') == 'console=ttyAMA0,115200n8'


def test_screen_comes_before_the_other_consoles():
    made = plan({'/x': 'options root=x console=ttyS0\n'})
    (line,) = text.lines(made.tree, '/x')
    kernel.show(made, line)
    assert content(made) == {
        '/x': 'options root=x console=tty0 console=ttyS0\n'
    }


def test_default_that_counts_is_the_last_one():
    more = '/etc/default/grub.d/50.cfg'
    made = plan(
        {
            GRUB: 'GRUB_CMDLINE_LINUX="console=tty0"\n',
            more: 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX a"\n',
        }
    )
    kernel.defaults(made, ['ttyS0'])
    assert content(made) == {
        more: 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX a console=tty0 '
        'console=ttyS0,115200n8"\n'
    }
