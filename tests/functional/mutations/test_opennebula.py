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
"""What OpenNebula needs is spoilt; one rule says so."""

from collections.abc import Callable
from pathlib import Path

import pytest

from image_pipeline.host import process
from image_pipeline.testing import mutations
from image_pipeline.testing.disks import File
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
D = '/etc/cloud/cloud.cfg.d'
#: The script of the EGI wiki, as sites have it.
WIKI = '''\
#!/bin/sh
for dev in xvdb sdb hdb vdb cdrom; do
  mount -t iso9660 /dev/$dev /mnt 2>/dev/null && break
done
[ ! -f /mnt/init.sh ] || . /mnt/init.sh
[ -f /etc/ssh/ssh_host_dsa_key ] || ssh-keygen -A
'''


def template(said: str) -> Callable[[Path], object]:
    """Write a template beside the image."""

    def spoil(path: Path) -> None:
        path.with_name(f'{path.name}.one').write_text(said)

    return spoil


MUTATIONS = {
    '01 a user who is not there': Mutation(
        rule='EGI-ONE-01',
        files={
            f'{D}/95-cloud-init-openstack.cfg': 'datasource_list: '
            '[ ConfigDrive, OpenStack, OpenNebula, None ]\n'
            'datasource: {OpenNebula: {parseuser: context}}\n'
        },
        severity='warning',
        where=f'{D}/95-cloud-init-openstack.cfg',
    ),
    '02 a second agent': Mutation(
        rule='EGI-ONE-02',
        files={'/usr/sbin/one-contextd': File('#!/bin/sh\n', mode=0o755)},
        where='/usr/sbin/one-contextd',
    ),
    '02 a script that runs what it is handed': Mutation(
        rule='EGI-ONE-02',
        files={
            '/usr/local/sbin/context': File(
                '#!/bin/sh\n. /run/context/context.sh\n', mode=0o755
            )
        },
        severity='warning',
        where='/usr/local/sbin/context',
    ),
    '03 the script of the wiki': Mutation(
        rule='EGI-ONE-03',
        files={'/usr/local/sbin/vmcontext': File(WIKI, mode=0o755)},
        severity='warning',
        where='/usr/local/sbin/vmcontext',
        also=frozenset({'EGI-ONE-02'}),
    ),
    '04 a data disk at the second letter': Mutation(
        rule='EGI-ONE-04',
        files={
            f'{D}/90-data.cfg': 'mounts:\n'
            ' - [vdb, /data, ext4, "defaults,nofail"]\n'
        },
        severity='info',
        where=f'{D}/90-data.cfg',
    ),
    '04 the options of the wiki': Mutation(
        rule='EGI-ONE-04',
        files={
            f'{D}/90-data.cfg': 'mounts:\n'
            ' - [LABEL=data, /data, ext4, "nofail,data=writeback,barrier=0"]\n'
        },
        severity='warning',
        where=f'{D}/90-data.cfg',
    ),
    '05 a persistent image': Mutation(
        rule='EGI-ONE-05',
        spoil=template('PERSISTENT = "YES"\nDEV_PREFIX = "vd"\n'),
        severity='info',
        where='disk.raw.one',
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)
