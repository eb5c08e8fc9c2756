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

"""An image with many faults is mended by the command; a person's stay."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.audit import mending, profile, registry
from image_pipeline.host import cancellation, process
from image_pipeline.testing import images, mutations
from image_pipeline.testing.disks import File, Link

HOST = process.Host()
PROGRAM = Path(sys.executable).with_name('image-pipeline')
SYSTEM = '/etc/systemd/system'
UNITS = '/usr/lib/systemd/system'
#: By rule: what breaks it.
FAULTS = {
    'EGI-CI-02': {
        '/etc/cloud/cloud.cfg.d/95-cloud-init-openstack.cfg': 'datasource_list'
        ': [ openstack, configdrive ]\n'
    },
    'EGI-CI-06': {'/etc/cloud/cloud.cfg.d/99-installer.cfg': 'a: 1\n'},
    'EGI-CON-01': {
        '/etc/systemd/logind.conf.d/10-cloud-consoles.conf': '[Login]\n'
        'NAutoVTs=6\n'
    },
    'EGI-CON-03': images.changed(
        '/boot/grub/grub.cfg',
        'console=tty0 console=ttyS0,115200',
        'console=tty0 clocksource=tsc mitigations=off',
    ),
    'EGI-LOG-03': {'/etc/systemd/journald.conf.d/10-size.conf': '[Journal]\n'},
    'EGI-SEC-01': {
        '/etc/shadow': File(
            'root:$6$secretword$x:20778:0:99999:7:::\n'
            'daemon:*:20778:0:99999:7:::\nnobody:*:20778:0:99999:7:::\n'
            'sshd:!:20778::::::\n',
            mode=0o640,
            gid=42,
        )
    },
    'EGI-SEC-02': {'/root/.ssh/authorized_keys': 'ssh-rsa secretword x\n'},
    'EGI-SEC-03': {
        f'{UNITS}/rpcbind.service': '[Install]\nWantedBy=multi-user.target\n',
        f'{SYSTEM}/multi-user.target.wants/rpcbind.service': Link(
            f'{UNITS}/rpcbind.service'
        ),
    },
    'EGI-SEC-09': {'/usr/share/open': File('x', mode=0o666)},
    'EGI-SEC-10': {'/etc/sysctl.d/60-egi.conf': 'vm.swappiness = 1\n'},
    # Three rules ask for lines of one file, which is not there.
    'EGI-SSH-02': {
        '/etc/ssh/sshd_config.d/00-sshd-keys-only.conf': '# nothing\n',
        '/etc/ssh/sshd_config': 'UsePAM yes\nPasswordAuthentication yes\n'
        'PermitRootLogin yes\nMaxAuthTries 9\nX11Forwarding yes\n',
    },
    'EGI-SSH-03': {},
    'EGI-SSH-05': {},
    'HYG-01': {'/etc/ssh/ssh_host_rsa_key': 'a key\n'},
    'HYG-05': {'/etc/hostname': 'builder\n'},
    'HYG-08': {'/var/log/syslog': 'secretword\n' * 10_000},
    'VIRT-01': {f'{SYSTEM}/timers.target.wants/fstrim.timer': Link('x')},
    'VIRT-04': {},
}
FAULTS['VIRT-01'] = {
    '/etc/fstab': str(images.FILES['/etc/fstab']).replace(
        'errors=remount-ro', 'errors=remount-ro,discard'
    )
}
#: What only a person can say.
PERSON = {
    '/etc/passwd': f'{images.FILES["/etc/passwd"]}'
    'ann:x:1000:100:Ann:/srv:/bin/bash\n',
    '/etc/group': f'{images.FILES["/etc/group"]}users:x:100:\n',
}


@pytest.fixture(scope='module')
def faulty(tmp_path_factory):
    files = {
        path: it for fault in FAULTS.values() for path, it in fault.items()
    }
    folder = tmp_path_factory.mktemp('faulty')
    return images.build(folder / 'faulty.raw', host=HOST, files=files | PERSON)


def failed(report):
    return {
        one['rule'] for one in report['results'] if one['outcome'] == 'fail'
    }


def fix(source, result, *arguments, **options):
    return subprocess.run(
        [
            PROGRAM,
            'audit',
            source,
            '--fix',
            result,
            '--profile',
            mutations.PROFILE,
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_faults_of_all_groups_are_mended_and_a_persons_stays(faulty, tmp_path):
    before = mutations.audit(faulty).to_json()
    assert set(FAULTS) | {'OS-USER-01'} <= failed(before)
    result = tmp_path / 'mended.raw'
    done = fix(faulty, result, '-f', 'json')
    assert 'Traceback' not in done.stderr
    (report,) = json.loads(done.stdout)
    assert failed(report) == {'OS-USER-01'}
    assert report['fixed']['worse'] == []
    mended = {one['rule'] for one in report['fixed']['changes']}
    assert set(FAULTS) <= mended
    assert b'secretword' not in result.read_bytes()
    done = fix(result, tmp_path / 'again.raw', '-f', 'json')
    (report,) = json.loads(done.stdout)
    assert report['fixed']['changes'] == []


def test_journal_is_replayed_before_anything_is_changed(tmp_path):
    image = images.build(
        tmp_path / 'open.raw', host=HOST, files=FAULTS['HYG-05']
    )
    place = f'{image}?offset={images.ROOT_START}'
    HOST.run(['debugfs', '-w', '-R', 'feature needs_recovery', place])
    result = tmp_path / 'mended.raw'
    (report,) = json.loads(fix(image, result, '-f', 'json').stdout)
    assert failed(mutations.audit(image).to_json()) >= {'EGI-LAYOUT-11'}
    assert failed(report) == set()


def test_copy_has_no_snapshots(tmp_path):
    raw = images.build(tmp_path / 'sound.raw', host=HOST)
    image = tmp_path / 'sound.qcow2'
    HOST.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, image])
    HOST.run(['qemu-img', 'snapshot', '-c', 'before', image])
    assert 'EGI-FMT-02' in failed(mutations.audit(image).to_json())
    result = tmp_path / 'mended.qcow2'
    (report,) = json.loads(fix(image, result, '-f', 'json').stdout)
    assert failed(report) == set()


def test_name_of_another_format_is_refused(faulty, tmp_path):
    done = fix(faulty, tmp_path / 'x.vmdk')
    assert done.returncode == 2
    assert '.vmdk files are not written' in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('command', ['audit', 'sysprep'])
def test_disk_that_takes_no_more_is_told_and_nothing_is_left(
    faulty, tmp_path, command
):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    result = tmp_path / 'x.qcow2'
    words = ['audit', faulty, '--fix', result]
    if command == 'sysprep':
        words = ['sysprep', faulty, '-o', result]
    done = subprocess.run(
        [PROGRAM, *words],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )
    assert done.returncode == exceptions.StageFailed.exit_status
    assert f'{tmp_path}: a raw copy of the image could not be' in done.stderr
    assert 'Traceback' not in done.stderr
    assert list(tmp_path.iterdir()) == []


class Stopping(cancellation.CancellationToken):
    """A token that is cancelled when it is asked for the n-th time."""

    def __init__(self, left):
        super().__init__()
        self.left = left

    def check(self):
        self.left -= 1
        if self.left == 0:
            self.cancel('SIGINT')
        super().check()


def test_nothing_is_left_wherever_it_is_interrupted(faulty, tmp_path):
    chosen = profile.load(str(mutations.PROFILE), registry.rules())

    def mend(token):
        return mending.mend(
            faulty,
            tmp_path / 'x.qcow2',
            chosen,
            host=HOST,
            cancelled=token,
        )

    counted = Stopping(0)
    mend(counted)
    (tmp_path / 'x.qcow2').unlink()
    steps = -counted.left
    assert steps > 3
    for stop in (1, 2, steps // 2, steps):
        with pytest.raises(exceptions.Interrupted):
            mend(Stopping(stop))
        assert list(tmp_path.iterdir()) == []
