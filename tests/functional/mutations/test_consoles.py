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
"""Consoles are spoilt; one rule says so."""

import pytest

from image_pipeline.host import process
from image_pipeline.testing import images, mutations
from image_pipeline.testing.disks import Content, Link
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
GRUB = '/boot/grub/grub.cfg'
ETC, LIB = '/etc/systemd/system', '/usr/lib/systemd/system'
LOGIND = '/etc/systemd/logind.conf.d/10-cloud-consoles.conf'


def grub(old: str, new: str) -> dict[str, Content]:
    """Return grub.cfg with something else on its command line."""
    before = images.FILES[GRUB]
    assert isinstance(before, str)
    assert old in before
    return {GRUB: before.replace(old, new)}


MUTATIONS = {
    '01 terminals on demand': Mutation(
        rule='EGI-CON-01', without=frozenset({LOGIND}), severity='info'
    ),
    '01 the reserved terminal': Mutation(
        rule='EGI-CON-01',
        files={LOGIND: '[Login]\nNAutoVTs=0\nReserveVT=6\n'},
        severity='info',
        where=LOGIND,
    ),
    '01 a second login': Mutation(
        rule='EGI-CON-01',
        files={
            f'{ETC}/getty.target.wants/getty@tty2.service': Link(
                f'{LIB}/getty@.service'
            )
        },
        severity='info',
        where=f'{ETC}/getty.target.wants/getty@tty2.service',
    ),
    '01 an inittab': Mutation(
        rule='EGI-CON-01',
        files={'/etc/inittab': '2:23:respawn:/sbin/getty 38400 tty2\n'},
        severity='info',
        where='/etc/inittab',
    ),
    '02 no login on the screen': Mutation(
        rule='EGI-CON-02',
        files={f'{ETC}/getty@tty1.service': Link('/dev/null')},
        severity='warning',
        where=f'{ETC}/getty@tty1.service',
    ),
    '02 a dark screen': Mutation(
        rule='EGI-CON-02',
        files=grub('console=tty0 ', ''),
        severity='warning',
        where=GRUB,
    ),
    '02 a console that logs in': Mutation(
        rule='EGI-CON-02',
        files={
            f'{ETC}/serial-getty@ttyS0.service.d/autologin.conf': '[Service]\n'
            'ExecStart=\nExecStart=-/sbin/agetty --autologin root %I\n'
        },
        where=f'{ETC}/serial-getty@ttyS0.service.d/autologin.conf',
    ),
    '03 no serial console': Mutation(
        rule='EGI-CON-03',
        files=grub(' console=ttyS0,115200', ''),
        severity='warning',
        where=GRUB,
    ),
    '03 the screen is the console': Mutation(
        rule='EGI-CON-03',
        files=grub(
            'console=tty0 console=ttyS0,115200',
            'console=ttyS0,115200 console=tty0',
        ),
        severity='warning',
        where=GRUB,
    ),
    '03 no login on the serial console': Mutation(
        rule='EGI-CON-03',
        files={f'{ETC}/serial-getty@.service': Link('/dev/null')},
        severity='warning',
        where=f'{ETC}/serial-getty@.service',
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)
