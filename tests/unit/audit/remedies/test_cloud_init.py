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


from image_pipeline.audit.guest import cloud_init as config
from image_pipeline.audit.remedies import cloud_init, draft
from image_pipeline.testing import disks

FOLDER = '/etc/cloud/cloud.cfg.d'


def made(files, change):
    view = disks.MemoryView(disks.MemoryDisk(disks.gpt_disk([])), files)
    plan = draft.Draft(view.files)
    change(plan, config.merged(view.files))
    return {one.path: one.content.decode() for one in plan.edits()}


def put(files):
    return made(
        files,
        lambda plan, said: cloud_init.put(
            plan, said, cloud_init.SSH, {'ssh_pwauth': 'false'}
        ),
    )


def test_key_is_added_and_what_wins_over_it_becomes_a_comment():
    assert put(
        {
            '/etc/cloud/cloud.cfg': 'ssh_pwauth: true\n',
            cloud_init.SSH: 'disable_root: true\n',
            f'{FOLDER}/99-x.cfg': 'a: 1\nssh_pwauth:\n  # why\n  yes\nb: 2\n',
        }
    ) == {
        cloud_init.SSH: 'disable_root: true\nssh_pwauth: false\n',
        f'{FOLDER}/99-x.cfg': 'a: 1\n# ssh_pwauth:\n  # why\n#   yes\nb: 2\n',
    }


def test_own_key_is_changed_in_its_place():
    assert put({cloud_init.SSH: 'ssh_pwauth:\n  true\na: 1\n'}) == {
        cloud_init.SSH: 'ssh_pwauth: false\na: 1\n'
    }


def test_key_goes_with_all_that_is_under_it_and_no_more():
    path = f'{FOLDER}/99-x.cfg'

    def change(plan, said):
        cloud_init.drop(plan, said.where('keys'))

    assert made(
        {path: 'a: 1\nkeys:\n- one\n\n# two\n- three\n\n# of b\nb: 2\n'},
        change,
    ) == {path: 'a: 1\n\n# of b\nb: 2\n'}


def test_line_that_is_shared_is_left_alone():
    path = f'{FOLDER}/99-x.cfg'

    def change(plan, said):
        assert not cloud_init.drop(plan, said.where('keys'))

    assert made({path: '{a: 1, keys: [one]}\n'}, change) == {}
