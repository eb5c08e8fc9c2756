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

from image_pipeline.audit.guest import sshd as config
from image_pipeline.audit.remedies import draft, sshd
from image_pipeline.testing import disks

INCLUDE = 'Include /etc/ssh/sshd_config.d/*.conf\n'


def put(files):
    view = disks.MemoryView(disks.MemoryDisk(disks.gpt_disk([])), files)
    plan = draft.Draft(view.files)
    sshd.put(plan, config.read(view.files), {'MaxAuthTries': '4'})
    return {one.path: (one.content.decode(), one.mode) for one in plan.edits()}


def test_drop_in_is_made_and_read():
    assert put({config.MAIN: 'MaxAuthTries 9\n'}) == {
        sshd.DROP_IN: ('MaxAuthTries 4\n', 0o600),
        config.MAIN: (f'{INCLUDE}MaxAuthTries 9\n', None),
    }


def test_what_is_read_before_the_drop_in_becomes_a_comment():
    files = {
        config.MAIN: f'MaxAuthTries 9\n{INCLUDE}MaxAuthTries 8\n',
        '/etc/ssh/sshd_config.d/00-a.conf': 'MaxAuthTries 7\n',
        '/etc/ssh/sshd_config.d/50-b.conf': 'MaxAuthTries 6\n',
    }
    assert put(files) == {
        sshd.DROP_IN: ('MaxAuthTries 4\n', 0o600),
        config.MAIN: (f'# MaxAuthTries 9\n{INCLUDE}MaxAuthTries 8\n', None),
        '/etc/ssh/sshd_config.d/00-a.conf': ('# MaxAuthTries 7\n', None),
    }


@pytest.mark.parametrize(
    'before',
    [
        'MaxAuthTries 9\nX11Forwarding no\n',
        'Match User x\n PermitTTY no\n',
    ],
)
def test_own_keyword_is_changed_and_a_new_one_is_in_no_match_block(
    before,
):
    made = put({config.MAIN: INCLUDE, sshd.DROP_IN: before})
    ((path, (content, mode)),) = made.items()
    assert path == sshd.DROP_IN
    assert mode is None
    assert content.startswith('MaxAuthTries 4\n')
    assert content.count('MaxAuthTries') == 1


def test_condition_that_says_otherwise_becomes_a_comment():
    made = put(
        {
            config.MAIN: f'{INCLUDE}Match User x\n  MaxAuthTries 9\n',
        }
    )
    assert '#   MaxAuthTries 9\n' in made[config.MAIN][0]
