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
"""What our elements leave in a real image, file by file."""

import hashlib
import re

import pytest
import yaml

from image_pipeline.audit import view as audit_view
from image_pipeline.disk import files, reader

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def image(debian_12):
    """The files of the image that the recipe debian-12 makes."""
    with reader.open_disk(debian_12.path) as disk:
        yield audit_view.ImageView(disk).files


def names(image, pattern):
    return [path.rpartition('/')[2] for path in image.glob(pattern)]


def size(image, folder):
    """Return the bytes in all files below a folder."""
    stats = [image.lstat(path) for path in image.walk(folder)]
    return sum(s.size for s in stats if s.type == files.FileType.FILE)


def test_no_instance_starts_with_the_identity_of_another(image):
    assert names(image, '/etc/ssh/ssh_host_*') == []
    assert image.read_bytes('/etc/machine-id') == b''
    assert not image.exists('/var/lib/dbus/machine-id')
    assert not image.exists('/var/lib/systemd/random-seed')
    assert names(image, '/var/lib/cloud/*') == []
    assert names(image, '/var/lib/dhcp/*') == []
    assert names(image, '/etc/netplan/*') == []


def test_no_account_has_a_password(image):
    fields = [
        line.split(':')[1]
        for line in image.read_text('/etc/shadow').splitlines()
    ]
    assert fields
    assert set(fields) <= {'!', '*', '!!', '!*'}
    assert not image.exists('/etc/shadow-')


def test_nobody_but_the_system_has_an_account(image):
    accounts = [
        line.split(':') for line in image.read_text('/etc/passwd').splitlines()
    ]
    people = [a[0] for a in accounts if 1000 <= int(a[2]) < 60000]
    assert people == []
    assert names(image, '/home/*') == []
    assert not image.exists('/root/.ssh')


def test_nothing_of_the_build_is_left(image):
    for path in (
        '/etc/dib-manifests',
        '/usr/share/pkg-map',
        '/usr/sbin/policy-rc.d',
        '/usr/sbin/start-stop-daemon.REAL',
        '/etc/apt/apt.conf.d/95disable-recommends',
        '/etc/dpkg/dpkg.cfg.d/02apt-speedup',
        '/root/.bash_history',
    ):
        assert not image.exists(path), path
    for folder in ('/tmp', '/var/tmp', '/run', '/usr/local/bin'):
        assert names(image, f'{folder}/*') == [], folder
    assert names(image, '/var/lib/apt/lists/*_*') == []
    assert names(image, '/var/cache/apt/archives/*.deb') == []
    assert names(image, '/var/cache/apt/*.bin') == []
    assert size(image, '/var/log') == 0
    assert image.read_text('/etc/hostname') == 'debian\n'


def test_names_are_looked_up_where_the_instance_is(image):
    link = image.lstat('/etc/resolv.conf')
    assert link.type == files.FileType.LINK
    assert not image.exists('/etc/resolv.conf')


def test_package_sources_are_the_distributions(image):
    config = yaml.safe_load(image.read_text('/etc/cloud/cloud.cfg'))
    [mirrors] = config['system_info']['package_mirrors']
    lists = image.glob('/etc/apt/sources.list.d/*.list')
    lines = [
        line.split()
        for path in lists
        for line in image.read_text(path).splitlines()
        if line.strip()
    ]
    assert {line[1] for line in lines} == set(mirrors['failsafe'].values())
    assert {line[2] for line in lines} == {
        'bookworm',
        'bookworm-updates',
        'bookworm-security',
    }


def test_datasources_are_on_the_one_line_that_ds_identify_reads(image):
    lists = [
        line
        for path in image.glob('/etc/cloud/cloud.cfg.d/*.cfg')
        for line in image.read_text(path).splitlines()
        if re.match(r'\s*datasource_list\s*:', line)
    ]
    assert lists == ['datasource_list: [ ConfigDrive, OpenStack, None ]']


def test_cloud_init_gets_one_configuration(image):
    merged = {}
    for path in image.glob('/etc/cloud/cloud.cfg.d/95-*.cfg'):
        part = yaml.safe_load(image.read_text(path))
        assert not set(part) & set(merged), path
        merged.update(part)
    assert merged['growpart']['devices'] == ['/']
    assert merged['resize_rootfs'] is True
    assert merged['ssh_genkeytypes'] == ['ed25519', 'ecdsa', 'rsa']
    assert merged['ssh_pwauth'] is False
    assert merged['system_info']['network']['renderers'][0] == 'netplan'
    assert 'disable_network_activation' not in merged


def test_no_file_of_a_package_was_changed_by_hand(image):
    """A changed conffile makes an upgrade ask, or keep the old one."""
    packages = image.read_text('/var/lib/dpkg/status').split('\n\n')
    [status] = [p for p in packages if p.startswith('Package: cloud-init\n')]
    for path, digest in re.findall(
        r'^ (/\S+) ([0-9a-f]{32})$', status, re.MULTILINE
    ):
        actual = hashlib.md5(image.read_bytes(path)).hexdigest()
        assert actual == digest, path


def test_one_network_service_is_enabled(image):
    wanted = '/etc/systemd/system/multi-user.target.wants'
    enabled = set(names(image, f'{wanted}/*.service'))
    assert 'systemd-networkd.service' in enabled
    assert not enabled & {'NetworkManager.service', 'networking.service'}
    assert not image.exists('/etc/network/interfaces.d/eth0')


def test_grub_does_not_wait_and_every_kernel_talks_on_both_consoles(image):
    config = image.read_text('/boot/grub/grub.cfg')
    assert 'set timeout=0' in config
    assert 'set timeout_style=hidden' in config
    kernels = re.findall(r'^\s+linux\s+(.*)$', config, re.MULTILINE)
    assert kernels
    for line in kernels:
        consoles = re.findall(r'console=(\S+)', line)
        assert consoles == ['tty0', 'ttyS0,115200n8']
        assert re.search(r'root=(UUID|LABEL|PARTUUID)=', line)


def test_there_is_one_kernel_and_one_initramfs_for_it(image):
    [kernel] = names(image, '/boot/vmlinuz-*')
    version = kernel.removeprefix('vmlinuz-')
    assert version.endswith('-cloud-amd64')
    assert names(image, '/boot/initrd.img-*') == [f'initrd.img-{version}']
    assert names(image, '/lib/modules/*') == [version]
    assert not image.exists('/usr/sbin/update-initramfs.deferred')
    script = image.read_bytes('/usr/sbin/update-initramfs', limit=20_000)
    assert b'deferred by one-initramfs' not in script
    assert 'RESUME=none' in image.read_text(
        '/etc/initramfs-tools/conf.d/resume'
    )


def test_the_initramfs_is_compressed_with_zstd(image):
    [path] = image.glob('/boot/initrd.img-*')
    head = image.read_bytes(path, limit=4 << 20)
    assert head.startswith((b'070701', b'\x28\xb5\x2f\xfd'))
    assert b'\x28\xb5\x2f\xfd' in head


def test_sshd_reads_our_settings_first(image):
    first = sorted(names(image, '/etc/ssh/sshd_config.d/*.conf'))[0]
    settings = image.read_text(f'/etc/ssh/sshd_config.d/{first}').splitlines()
    assert {
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'PermitEmptyPasswords no',
        'PermitRootLogin no',
    } <= set(settings)
    main = image.read_text('/etc/ssh/sshd_config').splitlines()
    active = [line for line in main if line.strip() and line[0] != '#']
    assert active[0] == 'Include /etc/ssh/sshd_config.d/*.conf'


def test_the_image_says_what_made_it(image):
    lines = image.read_text('/etc/image-build').splitlines()
    said = dict(line.split('=', 1) for line in lines)
    assert said['recipe'] == 'debian-12'
    assert '-debian-12-' in said['run']
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', said['date'])
    day = said['date'][:10].replace('-', '')
    release = image.read_text('/usr/lib/os-release')
    assert release.endswith(f'IMAGE_ID=debian-12\nIMAGE_VERSION={day}\n')
