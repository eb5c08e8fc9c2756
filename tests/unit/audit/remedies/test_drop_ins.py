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


from image_pipeline.audit.guest import systemd_conf
from image_pipeline.audit.remedies import draft, drop_ins
from image_pipeline.testing import disks

FOLDER = '/etc/systemd/logind.conf.d'
OURS = f'{FOLDER}/10-ours.conf'


def put(files, section='Login'):
    view = disks.MemoryView(disks.MemoryDisk(disks.gpt_disk([])), files)
    plan = draft.Draft(view.files)
    said = systemd_conf.read(view.files, 'logind.conf')
    drop_ins.put(plan, OURS, section, {'NAutoVTs': '0'}, said)
    return {one.path: one.content.decode() for one in plan.edits()}


def test_drop_in_is_made():
    assert put({}) == {OURS: '[Login]\nNAutoVTs=0\n'}


def test_what_it_says_already_is_changed_in_its_place():
    assert put({OURS: '[Login]\nNAutoVTs=6\nReserveVT=0\n'}) == {
        OURS: '[Login]\nNAutoVTs=0\nReserveVT=0\n'
    }


def test_section_is_begun_where_another_is_open():
    assert put({OURS: '[Login]\nA=1\n'})[OURS] == '[Login]\nA=1\nNAutoVTs=0\n'
    assert (
        put({OURS: '[Other]\nA=1\n'})[OURS]
        == '[Other]\nA=1\n[Login]\nNAutoVTs=0\n'
    )


def test_only_what_is_read_later_becomes_a_comment():
    made = put(
        {
            '/etc/systemd/logind.conf': '[Login]\nNAutoVTs=6\n',
            f'{FOLDER}/05-a.conf': '[Login]\nNAutoVTs=6\n',
            f'{FOLDER}/99-b.conf': '[Login]\nNAutoVTs=6\n',
        }
    )
    assert made == {
        OURS: '[Login]\nNAutoVTs=0\n',
        f'{FOLDER}/99-b.conf': '[Login]\n# NAutoVTs=6\n',
    }
