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

from image_pipeline.audit.guest import ds_identify
from image_pipeline.disk import files
from image_pipeline.testing import disks

CFG, D = '/etc/cloud/cloud.cfg', '/etc/cloud/cloud.cfg.d'


def tree(content):
    return files.FileTree(disks.MemoryFiles(content))


@pytest.mark.parametrize(
    ('said', 'names'),
    [
        ('datasource_list: [ ConfigDrive, OpenStack, None ]\n', 3),
        ('datasource_list: ["ConfigDrive", \'OpenStack\',None]\n', 3),
        ('"datasource_list" : [ ConfigDrive, OpenStack, None ] # all\n', 3),
        ('datasource_list:\n  - ConfigDrive\n  - OpenStack\n', 0),
        ('datasource_list: [ ]\n', 0),
        ('# datasource_list: [ ConfigDrive ]\n', 0),
        ('', 0),
    ],
)
def test_a_list_is_read_from_one_line(said, names):
    found = ds_identify.datasources(tree({CFG: said}))
    assert found.names == ('ConfigDrive', 'OpenStack', 'None')[:names]


def test_a_list_over_two_lines_is_cut():
    found = ds_identify.datasources(
        tree({CFG: 'datasource_list: [ A,\n  B ]\n'})
    )
    assert found.names == ('A',)


def test_the_last_line_of_the_last_file_counts():
    found = ds_identify.datasources(
        tree(
            {
                CFG: 'datasource_list: [ A ]\n',
                f'{D}/90_dpkg.cfg': 'datasource_list: [ B ]\n',
                f'{D}/95.cfg': 'x: 1\n\ndatasource_list: [ C ]\n',
                f'{D}/99.yaml': 'datasource_list: [ D ]\n',
                f'{D}/.99.cfg': 'datasource_list: [ E ]\n',
            }
        )
    )
    assert found.names == ('C',)
    assert found.line and (found.line.path, found.line.number) == (
        f'{D}/95.cfg',
        3,
    )


@pytest.mark.parametrize(
    ('said', 'single'),
    [
        ('[ OpenStack ]', True),
        ('[ OpenStack, None ]', True),
        ('[ OpenStack, Ec2 ]', False),
        ('', False),
    ],
)
def test_a_list_of_one_needs_no_look_at_the_machine(said, single):
    found = ds_identify.datasources(tree({CFG: f'datasource_list: {said}\n'}))
    assert found.is_single is single


@pytest.mark.parametrize(
    ('said', 'policy'),
    [
        ('', ('search', 'all', 'none', 'disabled')),
        ('policy: disabled\n', ('disabled', 'all', 'none', 'disabled')),
        (
            'policy: "search,maybe=all,notfound=enabled" # ours\n',
            ('search', 'all', 'all', 'enabled'),
        ),
        ('policy: found=some,x\n', ('search', 'all', 'none', 'disabled')),
        ('# policy: disabled\n', ('search', 'all', 'none', 'disabled')),
    ],
)
def test_the_policy_is_that_of_ds_identify_cfg(said, policy):
    found, line = ds_identify.policy(tree({ds_identify.CONFIG: said}))
    assert tuple(found.values()) == policy
    assert (line is not None) is said.startswith('policy')


def test_the_command_line_sets_the_policy_and_the_datasource():
    files_ = tree(
        {
            '/etc/kernel/cmdline': 'ds=nocloud;s=/x/ ci.di.policy=enabled\n',
            ds_identify.CONFIG: 'datasource: Ec2\npolicy: disabled\n',
        }
    )
    named = ds_identify.named(files_)
    assert named and named.value == 'nocloud'
    assert ds_identify.policy(files_)[0]['mode'] == 'enabled'


def test_the_datasource_may_be_set_in_ds_identify_cfg():
    named = ds_identify.named(
        tree({ds_identify.CONFIG: 'datasource: OpenStack\n'})
    )
    assert named and named.value == 'OpenStack'
    assert ds_identify.named(tree({})) is None
