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

"""Something of the build is left in the image; one rule says so."""

from pathlib import Path

import pytest

from image_pipeline.host import process
from image_pipeline.testing import mutations
from image_pipeline.testing.disks import File, Link
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
H = 'HYG-'
ID = '0123456789abcdef0123456789abcdef'
#: The last day that an ext4 with small inodes can say: in January of 2038.
FUTURE = 2147400000


def same_guid(path: Path) -> None:
    """Give the second partition the GUID of the first."""
    HOST.run(['sgdisk', '--partition-guid=1:' + GUID, path])
    HOST.run(['sgdisk', '--partition-guid=2:' + GUID, path])


GUID = '0FC63DAF-0000-4000-8000-000000000001'


def left(rule: str, path: str, content='left over\n', **more) -> Mutation:
    """Return an image with one more file."""
    more.setdefault('where', path)
    return Mutation(rule=f'{H}{rule}', files={path: content}, **more)


def warned(rule: str, path: str, content='left over\n', **more) -> Mutation:
    """Return an image with one more file, which is only warned of."""
    return left(rule, path, content, severity='warning', **more)


MUTATIONS = {
    '01 host key': left('01', '/etc/ssh/ssh_host_ed25519_key'),
    '02 initiator': left(
        '02',
        '/etc/iscsi/initiatorname.iscsi',
        'InitiatorName=iqn.1993-08.org.debian:01:0123\n',
    ),
    '03 id': left('03', '/etc/machine-id', f'{ID}\n'),
    '03 none': Mutation(
        rule=f'{H}03',
        without=frozenset({'/etc/machine-id'}),
        severity='warning',
        where='/etc/machine-id',
    ),
    '04 seed': left('04', '/var/lib/systemd/random-seed', bytes(512)),
    '05 name': warned('05', '/etc/hostname', 'builder42\n'),
    '05 hosts': warned(
        '05',
        '/etc/hosts',
        '127.0.0.1 localhost\n127.0.1.1 b.example.org b\n::1 localhost\n',
    ),
    '06 lease': left('06', '/var/lib/dhcp/dhclient.eth0.leases'),
    '07 name server': left('07', '/etc/resolv.conf', 'nameserver 192.0.2.1\n'),
    '08 many': warned(
        '08', '/var/log/dpkg.log', 'x' * 70_000, where='/var/log'
    ),
    '09 instance': left(
        '09',
        '/var/lib/cloud/instance',
        Link('/var/lib/cloud/instances/i-0'),
    ),
    '10 history': left('10', '/root/.bash_history', 'ls\n'),
    '10 backup': warned('10', '/etc/fstab~'),
    '11 lists': left(
        '11',
        '/var/lib/apt/lists/x_Packages',
        bytes(6 << 20),
        severity='info',
    ),
    '12 temporary file': warned('12', '/var/tmp/x'),
    '13 backup of passwd': warned(
        '13', '/etc/passwd-', 'root:x:0:0:root:/root:/bin/bash\n'
    ),
    '13 hash in the backup of shadow': Mutation(
        rule=f'{H}13',
        files={'/etc/shadow-': File('root:$6$x$y:1::::::\n', mode=0o600)},
        also=frozenset({'EGI-SEC-01'}),
        where='/etc/shadow-',
    ),
    '14 subscription': left('14', '/etc/pki/consumer/cert.pem'),
    '15 one id twice': Mutation(
        rule=f'{H}15', spoil=same_guid, severity='info'
    ),
    '16 home': warned('16', '/home/builder/notes', where='/home/builder'),
    '17 zone': warned(
        '17', '/etc/localtime', Link('/usr/share/zoneinfo/Europe/Rome')
    ),
    '17 future': warned('17', '/srv/x', File('x', mtime=FUTURE)),
    '18 locale': left(
        '18', '/etc/locale.conf', 'LANG=it_IT.UTF-8\n', severity='info'
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)
