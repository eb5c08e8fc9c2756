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

"""What is read of an image, and cleaned in it, agrees with libguestfs.

Its appliance needs a kernel that it may read in /boot, or the variables
SUPERMIN_KERNEL and SUPERMIN_MODULES.  AGREEMENT_IMAGE names an image to
compare instead of a small one.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from image_pipeline.audit import generalise, view
from image_pipeline.audit.guest import packages, release
from image_pipeline.disk import files, reader
from image_pipeline.host import process
from image_pipeline.testing import images
from image_pipeline.testing.disks import File

HOST = process.Host()
PROGRAM = Path(sys.executable).with_name('image-pipeline')
#: What the appliance may take under emulation.
_MOST_SECONDS = 1200
USED = {
    '/etc/debian_version': '12.0\n',
    '/etc/ssh/ssh_host_rsa_key': 'a key\n',
    '/etc/machine-id': '0123456789abcdef0123456789abcdef\n',
    '/etc/shadow-': File('root:*:19000:0:99999:7:::\n', 0o640),
    '/etc/resolv.conf': 'nameserver 192.0.2.1\n',
    '/root/.bash_history': 'secret-word\n',
    '/root/.ssh/authorized_keys': 'ssh-ed25519 AAAA me\n',
    '/var/log/syslog': 'secret-word ' * 1000,
    '/var/log/journal/0123/system.journal': 'x' * 5000,
    '/var/lib/dhcp/dhclient.leases': 'lease\n',
    '/var/cache/apt/archives/a.deb': 'x',
    '/var/spool/cron/crontabs/root': '@daily true\n',
    '/var/mail/root': 'From me\n',
    '/var/tmp/left': 'x',
    '/tmp/left': 'x',
    '/etc/udev/rules.d/70-persistent-net.rules': 'SUBSYSTEM=="net"\n',
    '/etc/example.conf.bak': 'old\n',
    '/var/lib/dpkg/status-old': 'Package: gone\n',
    # libguestfs takes a package for one when the empty line after it comes;
    # dpkg writes one after the last, too.
    '/var/lib/dpkg/status': 'Package: grub-common\n'
    'Status: install ok installed\nArchitecture: amd64\n'
    'Version: 2.06-13+deb12u1\n\n'
    'Package: vim-tiny\n'
    'Status: install ok installed\nArchitecture: amd64\n'
    'Version: 2:9.0.1378-2\n\n'
    'Package: isc-dhcp-client\n'
    'Status: install ok installed\nArchitecture: amd64\n'
    'Version: 4.4.3-P1-2\n\n'
    'Package: gone\n'
    'Status: deinstall ok config-files\nArchitecture: amd64\n'
    'Version: 1.0\n\n',
}
#: virt-sysprep 1.48 ends with an id of its own, which would be that of all
#: instances (``customize`` in residue.NOT_HERE; HYG-03).
_ITS_OWN = {'/etc/machine-id'}
#: What we take away and it does not: it has no operation for them.
_OURS_ALONE = {'resolv-conf', 'other-caches', 'machine-id'}


@pytest.fixture(scope='module', autouse=True)
def appliance():
    for program in ('guestfish', 'virt-inspector', 'virt-sysprep'):
        if not shutil.which(program):
            pytest.skip(f'{program} is not there (bindep profile agreement)')
    done = subprocess.run(
        ['guestfish', '-a', '/dev/null', 'run'],
        capture_output=True,
        text=True,
        check=False,
        timeout=_MOST_SECONDS,
    )
    if done.returncode:
        why = done.stderr.strip().splitlines() or ['']
        pytest.skip(
            "libguestfs' appliance does not run here, which needs a kernel "
            f'in /boot or SUPERMIN_KERNEL: {why[0]}'
        )


@pytest.fixture(scope='module')
def used(tmp_path_factory):
    folder = tmp_path_factory.mktemp('used')
    made = folder / 'used.qcow2'
    named = os.environ.get('AGREEMENT_IMAGE')
    if named:
        with reader.open_disk(named) as disk:
            form = disk.format
        source = Path(named)
    else:
        form = 'raw'
        source = images.build(folder / 'used.raw', host=HOST, files=USED)
    HOST.run(["qemu-img", "convert", "-f", form, "-O", "qcow2", source, made])
    return made


def guestfs(*words):
    done = subprocess.run(
        list(map(str, words)),
        capture_output=True,
        text=True,
        check=False,
        timeout=_MOST_SECONDS,
    )
    assert not done.returncode, done.stderr
    return done.stdout


def cleaned_by_us(image, result):
    subprocess.run(
        [PROGRAM, 'sysprep', image, '--output', result],
        check=True,
        capture_output=True,
    )
    return result


def cleaned_by_it(image, result):
    shutil.copyfile(image, result)
    guestfs('virt-sysprep', '--format', 'qcow2', '-a', result)
    return result


def content(path):
    """Return every file by its path: its stat and what is in it."""
    found = {}
    with reader.open_disk(path) as disk:
        image = view.ImageView(disk)
        image.census.need_whole()
        for name, stat in image.census.entries:
            said = None
            if stat.type is files.FileType.FILE:
                said = image.files.read_bytes(name)
            found[name] = (stat.type, stat.mode, stat.link, said)
    return found


def residue_in(path):
    with reader.open_disk(path) as disk:
        return generalise.found_in(view.ImageView(disk))


def _whole(version, release):
    return f'{version}-{release}' if release else version


def test_virt_inspector_sees_the_same_release_and_packages(used):
    out = guestfs('virt-inspector', '--no-icon', '--format=qcow2', '-a', used)
    (system,) = ElementTree.fromstring(out)
    # As a whole: it cuts Debian's versions at the first dash, where Policy
    # 5.6.12 has the revision begin at the last one.
    theirs = {
        (
            one.findtext('name'),
            one.findtext('epoch') or '0',
            _whole(one.findtext('version'), one.findtext('release')),
        )
        for one in system.iter('application')
    }
    with reader.open_disk(used) as disk:
        image = view.ImageView(disk)
        said = release.os_release(image.files)
        ours = {
            (one.name, str(one.epoch), _whole(one.version, one.release))
            for one in packages.of(image)
        }
    assert system.findtext('distro') == said['ID']
    version = said['VERSION_ID'].partition('.')[0]
    assert system.findtext('major_version') == version
    assert theirs == ours
    assert ours


def test_virt_sysprep_finds_nothing_left_where_we_cleaned(used, tmp_path):
    ours = cleaned_by_us(used, tmp_path / 'ours.qcow2')
    both = cleaned_by_it(ours, tmp_path / 'both.qcow2')
    before, after = content(ours), content(both)
    changed = {
        name
        for name in {*before, *after}
        if before.get(name) != after.get(name)
    }
    # It removes logs and the like where we leave them empty, as packages
    # made them: nothing is lost that was in them.
    empty = {
        name
        for name in changed - after.keys()
        if before[name][0] is files.FileType.FOLDER or not before[name][3]
    }
    assert changed - empty - _ITS_OWN == set()


def test_we_find_only_what_it_does_not_know_where_it_cleaned(used, tmp_path):
    theirs = cleaned_by_it(used, tmp_path / 'theirs.qcow2')
    assert {one.kind.name for one in residue_in(used)} > _OURS_ALONE
    left = residue_in(theirs)
    assert {one.kind.name for one in left} <= _OURS_ALONE, left
