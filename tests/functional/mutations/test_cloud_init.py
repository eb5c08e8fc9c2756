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
"""cloud-init is spoilt; one rule says so."""

import pytest

from image_pipeline.host import process
from image_pipeline.testing import images, mutations
from image_pipeline.testing.disks import Content, Link
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
D = '/etc/cloud/cloud.cfg.d'
LIST = f'{D}/95-cloud-init-openstack.cfg'
POLICY = '/etc/cloud/ds-identify.cfg'
ETC = '/etc/systemd/system'
BUILTIN = f'/usr/lib/modules/{images.KERNEL}/modules.builtin'
#: The beginning of a program for arm64.
AARCH64 = b'\x7fELF\2\1\1'.ljust(16, b'\0') + b'\2\0\xb7\0'


def said(names: str) -> dict[str, Content]:
    """Return another list of datasources."""
    return {LIST: f'datasource_list: [ {names} ]\n'}


MUTATIONS = {
    '01 turned off': Mutation(
        rule='EGI-CI-01',
        files={'/etc/cloud/cloud-init.disabled': '\n'},
        where='/etc/cloud/cloud-init.disabled',
    ),
    '01 a stage that is masked': Mutation(
        rule='EGI-CI-01',
        files={f'{ETC}/cloud-config.service': Link('/dev/null')},
        where=f'{ETC}/cloud-config.service',
    ),
    '01 a stage that is not enabled': Mutation(
        rule='EGI-CI-01',
        without=frozenset(
            {f'{ETC}/cloud-init.target.wants/cloud-final.service'}
        ),
        where='/usr/lib/systemd/system/cloud-final.service',
    ),
    '01 a drop-in that is no YAML': Mutation(
        rule='EGI-CI-01',
        files={f'{D}/50-site.cfg': 'ntp: {servers: [\n'},
        severity='warning',
        where=f'{D}/50-site.cfg',
    ),
    '02 a list over several lines': Mutation(
        rule='EGI-CI-02',
        files={
            LIST: 'datasource_list:\n  - ConfigDrive\n  - OpenStack\n'
            '  - None\n'
        },
        where=LIST,
    ),
    '02 a name with other capitals': Mutation(
        rule='EGI-CI-02',
        files=said('ConfigDrive, Openstack, None'),
        where=LIST,
        also=frozenset({'EGI-CI-03'}),
    ),
    '02 no list': Mutation(
        rule='EGI-CI-02', files={LIST: '# nothing\n'}, severity='warning'
    ),
    '02 None before the others': Mutation(
        rule='EGI-CI-02',
        files=said('None, ConfigDrive, OpenStack'),
        severity='warning',
        where=LIST,
    ),
    '03 no metadata service': Mutation(
        rule='EGI-CI-03', files=said('ConfigDrive, None'), where=LIST
    ),
    '03 no config drive': Mutation(
        rule='EGI-CI-03',
        files=said('OpenStack, None'),
        severity='warning',
        where=LIST,
    ),
    '03 a kernel that mounts no config drive': Mutation(
        rule='EGI-CI-03',
        files={BUILTIN: 'kernel/fs/ext4/ext4.ko\nkernel/fs/fat/vfat.ko\n'},
    ),
    '04 turned off by ds-identify': Mutation(
        rule='EGI-CI-04', files={POLICY: 'policy: disabled\n'}, where=POLICY
    ),
    '05 an Ec2 that is never chosen': Mutation(
        rule='EGI-CI-05',
        files=said('ConfigDrive, OpenStack, Ec2, None'),
        severity='info',
        where=LIST,
    ),
    '05 strict_id where nobody looks': Mutation(
        rule='EGI-CI-05',
        files=said('ConfigDrive, OpenStack, Ec2, None')
        | {f'{D}/96-aws.cfg': 'datasource:\n  Ec2:\n    strict_id: false\n'},
        severity='info',
        where=f'{D}/96-aws.cfg',
    ),
    '06 a seed': Mutation(
        rule='EGI-CI-06',
        files={
            '/var/lib/cloud/seed/nocloud/meta-data': 'instance-id: a\n',
            '/var/lib/cloud/seed/nocloud/user-data': '#cloud-config\n',
        },
        where='/var/lib/cloud/seed/nocloud',
    ),
    "06 an installer's settings": Mutation(
        rule='EGI-CI-06',
        files={f'{D}/99-installer.cfg': 'preserve_hostname: false\n'},
        where=f'{D}/99-installer.cfg',
    ),
    '06 user data in the configuration': Mutation(
        rule='EGI-CI-06',
        files={
            f'{D}/90-seed.cfg': 'datasource:\n  NoCloud:\n'
            '    seedfrom: http://10.0.0.1/\n'
        },
        where=f'{D}/90-seed.cfg',
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)


@pytest.mark.parametrize(
    ('names', 'outcome'),
    [('ConfigDrive, OpenStack, None', 'fail'), ('OpenStack', 'pass')],
)
def test_on_arm64_a_single_datasource_is_always_found(
    names, outcome, tmp_path
):
    path = images.build(
        tmp_path / 'disk.raw',
        host=HOST,
        files=said(names) | {'/usr/lib/systemd/systemd': AARCH64},
    )
    results = {one.rule: one for one in mutations.audit(path).results}
    assert results['EGI-CI-04'].outcome == outcome
