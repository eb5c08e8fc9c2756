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
"""The scripts of our elements, run in trees of every family, and judged.

The trees are of the sound image, with what elements make taken out and the
names of the family put in.  What a rule says of one before and after shows
what the element did.  What packages do when they are installed is not tried
here.
"""

import os

import pytest
import yaml

from image_pipeline.audit import registry
from image_pipeline.audit.guest import residue
from image_pipeline.disk import files as disk_files
from image_pipeline.disk import folder
from image_pipeline.testing import element_root, images
from image_pipeline.testing.disks import File, Link

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason='a root of its own takes root'
)

UNITS = '/usr/lib/systemd/system'
#: What our elements write, and what enables units.
OURS = (
    '/etc/apt/apt.conf.d/20',
    '/etc/cloud/cloud.cfg.d/',
    '/etc/image-build',
    '/etc/localtime',
    '/etc/ssh/sshd_config.d/',
    '/etc/sysctl.d/',
    '/etc/systemd/',
    '/etc/initramfs-tools',
    '/usr/bin/true',
)
#: What only Debian's family has.
DEBIAN = (
    '/etc/apt',
    '/usr/bin/unattended-upgrade',
    '/usr/sbin/netplan',
    '/etc/netplan',
    '/usr/share/keyrings',
    '/var/lib/dpkg',
    f'{UNITS}/apparmor.service',
    f'{UNITS}/ssh.service',
    f'{UNITS}/systemd-networkd.service',
    f'{UNITS}/systemd-resolved.service',
    '/usr/lib/systemd/systemd-networkd',
)


def unit(name, target='multi-user.target'):
    return {
        f'{UNITS}/{name}': f'[Unit]\nDescription={name}\n[Service]\n'
        f'ExecStart=/usr/sbin/{name}\n[Install]\nWantedBy={target}\n'
    }


def tree(left, **changes):
    """Return the sound image's files without some, and with others."""
    found = {
        path: content
        for path, content in images.FILES.items()
        if not path.startswith(left) and not path.startswith('/boot/')
    }
    return found | {'/etc/cloud/cloud.cfg.d': None} | changes


def release(distribution, version):
    return {
        '/etc/os-release': f'ID={distribution}\n'
        f'VERSION_ID="{version}"\nSUPPORT_END=9999-12-31\n'
    }


NETWORK_MANAGER = {
    **unit('NetworkManager.service'),
    '/usr/sbin/NetworkManager': File('#!/bin/sh\n', mode=0o755),
    '/etc/NetworkManager/NetworkManager.conf': '[main]\n',
}
RED_HAT = {
    **NETWORK_MANAGER,
    **unit('sshd.service'),
    **unit('chronyd.service'),
    '/etc/chrony.conf': 'pool pool.example iburst\n',
    '/usr/sbin/chronyd': File('#!/bin/sh\n', mode=0o755),
    '/etc/rsyslog.d/.keep': '',
    '/usr/sbin/rsyslogd': File('#!/bin/sh\n', mode=0o755),
    '/usr/sbin/logrotate': File('#!/bin/sh\n', mode=0o755),
    '/etc/rsyslog.conf': 'include(file="/etc/rsyslog.d/*.conf")\n'
    '*.info;mail.none /var/log/messages\n',
    '/etc/logrotate.d/rsyslog': '/var/log/messages {\n    weekly\n}\n',
    '/etc/cron.daily/logrotate': File('#!/bin/sh\n', mode=0o755),
}
APT = {'/etc/apt/apt.conf.d/01autoremove': 'APT::NeverAutoRemove "";\n'}
FAMILIES = {
    'debian': tree(OURS, **release('debian', '12'), **APT),
    'ubuntu': tree(OURS, **release('ubuntu', '24.04'), **APT),
    'rocky': tree(
        OURS + DEBIAN,
        **release('rocky', '9.4'),
        **RED_HAT,
        **{f'{UNITS}/systemd-timesyncd.service': ''},
    ),
    'centos': tree(
        OURS + DEBIAN,
        **release('centos', '8'),
        **RED_HAT,
        **{'/etc/ssh/sshd_config': 'UsePAM yes\nX11Forwarding yes\n'},
    ),
    'fedora': tree(OURS + DEBIAN, **release('fedora', '42'), **RED_HAT),
    'opensuse': tree(
        (*OURS, *DEBIAN, '/etc/ssh/sshd_config'),
        **release('opensuse-tumbleweed', '20260101'),
        **NETWORK_MANAGER,
        **unit('sshd.service'),
        **unit('chronyd.service'),
        **{
            '/usr/etc/ssh/sshd_config': 'Include '
            '/etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n',
            '/usr/sbin/chronyd': File('#!/bin/sh\n', mode=0o755),
            '/etc/chrony.conf': 'pool pool.example iburst\n',
        },
    ),
}


def make(tmp_path, distribution, **more):
    path = tmp_path / 'root'
    path.mkdir()
    root = element_root.Root(path, distribution, own_programs=True)
    root.fill(FAMILIES[distribution] | more)
    return root


@pytest.fixture(params=sorted(FAMILIES))
def root(request, tmp_path):
    """A tree of each family in turn."""
    return make(tmp_path, request.param)


def outcome(root, name):
    return registry.get(name).check(root.image()).outcome


def judged(root, *names):
    """Return the rules that a tree does not pass, with their evidence."""
    found = {name: registry.get(name).check(root.image()) for name in names}
    return {
        name: (result.outcome, result.evidence)
        for name, result in found.items()
        if result.outcome != 'pass'
    }


def run(root, element, *names, **variables):
    done = root.run(element, ' '.join(names), **variables)
    assert done.returncode == 0, f'{element}: {done.stdout}{done.stderr}'


def test_cloud_init_is_told_where_to_look(root):
    assert outcome(root, 'EGI-CI-02') == 'fail'
    root.run_all(
        'cloud-init-openstack',
        DIB_CLOUD_INIT_DATASOURCE_LIST='ConfigDrive, OpenStack',
        DIB_CLOUD_INIT_FALLBACK='1',
    )
    assert judged(root, 'EGI-CI-01', 'EGI-CI-02') == {}


def test_every_cloud_of_egi_is_looked_for_if_it_is_asked_for(root):
    root.run_all(
        'cloud-init-openstack',
        DIB_CLOUD_INIT_DATASOURCE_LIST='ConfigDrive, OpenStack, OpenNebula, '
        'Ec2, NoCloud',
        DIB_CLOUD_INIT_FALLBACK='1',
    )
    assert (
        judged(root, 'EGI-CI-02', 'EGI-CI-05', 'EGI-ONE-02', 'EGI-ONE-04')
        == {}
    )
    written = root.read('/etc/cloud/cloud.cfg.d/95-opennebula.cfg')
    assert 'parseuser: nobody' in written
    assert 'nofail' in written


def test_one_network_service_is_enabled_and_asks_dhcp(root):
    root.run_all(
        'cloud-init-openstack',
        DIB_CLOUD_INIT_DATASOURCE_LIST='OpenStack',
        DIB_CLOUD_INIT_FALLBACK='1',
    )
    root.run_all('network-dhcp')
    assert judged(root, 'OS-NET-01', 'OS-NET-02', 'OS-NET-03') == {}
    config = root.read('/etc/cloud/cloud.cfg.d/95-network-dhcp.cfg')
    expected = (
        'netplan'
        if root.distribution in ('debian', 'ubuntu')
        else ('network-manager')
    )
    assert f'renderers: [{expected}, ' in config


def test_nobody_logs_in_by_password(root):
    run(
        root,
        'cloud-init-openstack',
        'post-install.d/21-enable-cloud-init-units',
    )
    run(
        root,
        'sshd-keys-only',
        'post-install.d/81-configure-sshd',
        'post-install.d/82-enable-sshd',
        'post-install.d/83-configure-host-keys',
        'finalise.d/81-check-passwords',
        'cleanup.d/90-remove-host-keys',
        DIB_SSHD_PERMIT_ROOT_LOGIN='no',
    )
    rules = [f'EGI-SSH-0{number}' for number in range(1, 6)]
    assert judged(root, *rules, 'EGI-SEC-01', 'HYG-01') == {}


def test_the_root_grows(root):
    root.run_all('grow-root')
    assert judged(root, 'EGI-GROW-01') == {}


def test_one_terminal_is_left(root):
    assert outcome(root, 'EGI-CON-01') == 'fail'
    run(
        root,
        'cloud-consoles',
        'post-install.d/31-configure-gettys',
        'post-install.d/32-configure-old-inits',
        DIB_CLOUD_CONSOLES_SERIAL='ttyS0,115200n8',
    )
    assert judged(root, 'EGI-CON-01') == {}
    wants = '/etc/systemd/system/getty.target.wants'
    assert root.files(wants) == [f'{wants[1:]}/getty@tty1.service']


def test_the_clock_has_one_client_and_is_utc(root):
    root.run_all('system-basics', DIB_SYSTEM_LOCALE='C.UTF-8')
    assert judged(root, 'EGI-SEC-04', 'HYG-17', 'HYG-18') == {}
    enabled = {
        path.rpartition('/')[2]
        for path in root.files('/etc/systemd/system')
        if 'timesync' in path or 'chrony' in path
    }
    family = root.distribution in ('debian', 'ubuntu')
    client = 'systemd-timesyncd' if family else 'chronyd'
    assert enabled == {f'{client}.service'}


def test_logs_are_bounded_and_leases_are_filed(root):
    root.run_all('system-logs', DIB_SYSTEM_LOGS_SIZE='200M')
    assert judged(root, 'EGI-LOG-03') == {}
    if root.distribution in ('rocky', 'centos', 'fedora'):
        assert judged(root, 'EGI-LOG-02') == {}


def test_the_system_is_hardened_and_updates_have_a_policy(root):
    assert outcome(root, 'EGI-SEC-10') == 'fail'
    run(
        root,
        'security-basics',
        'post-install.d/44-harden-kernel',
        'post-install.d/45-set-update-policy',
        DIB_SECURITY_UPDATES='none',
    )
    assert judged(root, 'EGI-SEC-10') == {}
    # What zypper does by itself is YaST's to say, and the rule does not judge.
    expected = 'unknown' if root.distribution == 'opensuse' else 'pass'
    assert outcome(root, 'EGI-SEC-06') == expected


def test_the_image_says_what_made_it(root):
    assert outcome(root, 'META-02') == 'fail'
    root.run_all(
        'image-stamp',
        DIB_IMAGE_STAMP_RECIPE='Mine-1',
        DIB_IMAGE_STAMP_RUN='run-1',
        SOURCE_DATE_EPOCH='1767225600',
    )
    assert judged(root, 'META-02') == {}
    assert root.read('/etc/image-build') == (
        'recipe=Mine-1\nrun=run-1\ndate=2026-01-01T00:00:00Z\n'
    )


INITTAB = '1:2345:respawn:/sbin/getty 38400 tty1\n'
OLD = {
    '/etc/inittab': f'{INITTAB}2:23:respawn:/sbin/getty 38400 tty2\n'
    '6:23:respawn:/sbin/mingetty tty6\n',
    '/etc/init/tty1.conf': 'exec /sbin/getty tty1\n',
    '/etc/init/tty4.conf': 'exec /sbin/getty tty4\n',
    '/etc/sysconfig/init': 'ACTIVE_CONSOLES=/dev/tty[1-6]\n',
}


def test_old_inits_keep_the_first_terminal(tmp_path):
    root = make(tmp_path, 'debian', **OLD)
    run(
        root,
        'cloud-consoles',
        'post-install.d/31-configure-gettys',
        'post-install.d/32-configure-old-inits',
        DIB_CLOUD_CONSOLES_SERIAL='ttyS0,115200n8',
    )
    assert judged(root, 'EGI-CON-01') == {}
    assert root.read('/etc/inittab').startswith(INITTAB)
    assert root.files('/etc/init') == ['etc/init/tty1.conf']
    assert root.read('/etc/sysconfig/init') == 'ACTIVE_CONSOLES=/dev/tty1\n'


@pytest.mark.parametrize(
    ('options', 'status'),
    [
        ('options root=UUID=1 console=tty0 console=ttyS0,115200n8', 0),
        ('options root=UUID=1 quiet', 1),
        ('options $kernelopts', 0),
    ],
)
def test_entries_of_the_boot_loader_specification_name_the_console(
    tmp_path, options, status
):
    root = make(
        tmp_path,
        'rocky',
        **{
            '/boot/loader/entries/a.conf': f'title Rocky\n{options}\n',
            '/boot/grub2/grubenv': 'kernelopts=console=ttyS0,115200n8\n',
        },
    )
    done = root.run(
        'cloud-consoles',
        'finalise.d/97-check-consoles',
        DIB_CLOUD_CONSOLES_SERIAL='ttyS0,115200n8',
    )
    assert done.returncode == status, done.stdout + done.stderr


def test_a_list_of_several_lines_goes_and_its_yaml_stays_whole(tmp_path):
    root = make(
        tmp_path,
        'debian',
        **{
            '/etc/cloud/cloud.cfg.d/90_dpkg.cfg': 'datasource_list:\n'
            '  - NoCloud\n- Ec2\nmanage_etc_hosts: true\n'
            'runcmd:\n  - "true"\n'
        },
    )
    root.run_all(
        'cloud-init-openstack',
        DIB_CLOUD_INIT_DATASOURCE_LIST='ConfigDrive, OpenStack',
        DIB_CLOUD_INIT_FALLBACK='1',
    )
    assert judged(root, 'EGI-CI-02') == {}
    config = yaml.safe_load(root.read('/etc/cloud/cloud.cfg.d/90_dpkg.cfg'))
    assert config == {'manage_etc_hosts': True, 'runcmd': ['true']}


def test_more_datasources_than_six_fail_the_build(tmp_path):
    done = make(tmp_path, 'debian').run(
        'cloud-init-openstack',
        'post-install.d/22-write-datasource-list',
        DIB_CLOUD_INIT_DATASOURCE_LIST='ConfigDrive OpenStack Ec2 NoCloud GCE '
        'OpenNebula',
        DIB_CLOUD_INIT_FALLBACK='1',
    )
    assert done.returncode == 1
    assert 'more than 6' in done.stdout


KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 someone'
CONTEXT = f"""# Context variables generated by OpenNebula
DISK_ID='1'
ROOT_PASSWORD='it'\\''s $(touch /ran)'
SET_HOSTNAME='node-7.example'
SSH_PUBLIC_KEY='{KEY}
command="id" ssh-rsa AAAA evil
# a comment'
$(touch /ran)
HOSTNAME='later'
"""


@pytest.fixture
def context(tmp_path):
    """A tree with the unit of OpenNebula's context, run on a disk."""
    without = tree((*OURS, '/etc/cloud', '/usr/bin/cloud-init'))
    path = tmp_path / 'root'
    path.mkdir()
    root = element_root.Root(path, 'debian')
    mount = '#!/bin/sh\necho "$@" > /mounted\ncp /disk/* "$6"\n'
    root.fill(
        without
        | {
            '/etc/systemd/system': None,
            '/disk/context.sh': CONTEXT,
            '/disk/init.sh': 'touch /ran\n',
            '/usr/bin/umount': File('#!/bin/sh\n', mode=0o755),
            '/usr/bin/mount': File(mount, mode=0o755),
            '/usr/bin/hostname': File('#!/bin/sh\n', mode=0o755),
            '/usr/bin/ssh-keygen': File(
                '#!/bin/sh\necho "$@" > /keygen\n', mode=0o755
            ),
            '/etc/nsswitch.conf': 'passwd: files\n',
        }
    )
    root.run_all('opennebula-context', DIB_OPENNEBULA_USER='root')
    return root


def test_the_context_unit_is_what_the_rules_ask_for(context):
    assert judged(context, 'EGI-ONE-03') == {}
    assert outcome(context, 'EGI-ONE-02') != 'fail'
    wants = '/etc/systemd/system/sysinit.target.wants'
    assert f'{wants[1:]}/opennebula-context.service' in context.files(wants)


def test_the_context_disk_is_read_and_not_run(context):
    program = context.read('/usr/local/sbin/opennebula-context')
    assert 'noexec' in program
    done = context.enter(
        'usr/local/sbin/opennebula-context', CONTEXT_USER='root'
    )
    assert done.returncode == 0, done.stderr
    assert not (context.path / 'ran').exists()
    assert context.read('/mounted').split()[:4] == [
        '-t', 'iso9660', '-o', 'ro,nosuid,nodev,noexec',
    ]  # fmt: skip
    assert context.read('/keygen') == '-A\n'
    assert context.read('/etc/hostname') == 'node-7.example\n'
    keys = context.path / 'root/.ssh/authorized_keys'
    assert keys.read_text() == f'{KEY}\n'
    assert keys.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ('path', 'content'),
    [
        (
            '/etc/cloud/cloud.cfg.d/95-list.cfg',
            'datasource_list: [ OpenStack, OpenNebula, None ]\n',
        ),
        ('/lib/systemd/system/one-context.service', ''),
    ],
)
def test_a_second_agent_fails_the_build(tmp_path, path, content):
    root = make(tmp_path, 'debian')
    if path.startswith('/lib/'):
        path = f'/usr{path}'
    root.write(path, content)
    done = root.run(
        'opennebula-context',
        'finalise.d/96-check-one-agent',
        DIB_OPENNEBULA_USER='root',
    )
    assert done.returncode == 1
    assert 'leave this element out' in done.stdout


def test_what_listens_unasked_is_disabled(tmp_path):
    root = make(
        tmp_path,
        'debian',
        **unit('rpcbind.service'),
        **unit('avahi-daemon.service'),
        **unit('nginx.service'),
        **{
            f'/etc/systemd/system/multi-user.target.wants/{name}.service': (
                Link(f'{UNITS}/{name}.service')
            )
            for name in ('rpcbind', 'avahi-daemon', 'nginx')
        },
    )
    root.run_all(
        'minimal-services', DIB_MINIMAL_SERVICES_KEEP='avahi-daemon.service'
    )
    enabled = {
        path.rpartition('/')[2]
        for path in root.files('/etc/systemd/system/multi-user.target.wants')
    }
    assert enabled == {'avahi-daemon.service', 'nginx.service'}


def instances(pattern):
    """Return paths that a pattern of residue fits."""
    head, star, rest = pattern.partition('**')
    path = (
        f'{head}below/{rest[1:]}'
        if star and rest
        else head + 'file' * (bool(star))
    )
    return path.replace('[0-9]', '1').replace('*', 'some')


#: Lines that kinds look for in files, for those that look.
LINES = (
    'PrivateKey = secret\nx : PSK "secret"\nInitiatorName=iqn.1\n'
    'account_name = us\nHWADDR=52:54:00:12:34:56\nHOSTNAME=builder\n'
    'PRETTY_HOSTNAME=builder\n# Created by cloud-init on instance boot\n'
    'http_proxy=http://proxy.example:3128\nproxy=http://proxy.example:3128\n'
    'Acquire::http::Proxy "http://proxy.example:3128";\n'
    'nameserver 192.0.2.1\n'
)
#: diskimage-builder restores the first and empties the second; /dev is none
#: of the image's, and most of /usr is the host's here.
NOT_OURS = (
    '/etc/resolv.conf',
    '/tmp/',
    '/dev/',
    '/lib/',
    '/usr/bin/',
    '/usr/lib/',
    '/usr/share/',
)


def test_everything_that_rules_on_hygiene_object_to_is_removed(root):
    planted = {}
    for kind in residue.KINDS:
        for pattern in kind.paths:
            path = instances(pattern)
            for home in ('/root', '/home/someone', '/var/lib/agent'):
                planted[path.replace('~', home)] = LINES
    (root.path / 'etc/passwd').write_text(
        root.read('/etc/passwd') + 'agent:x:200:200::/var/lib/agent:/bin/sh\n'
    )
    (root.path / 'etc/resolv.conf').unlink()
    for path, text in planted.items():
        place = root.path / path[1:]
        if not place.is_dir() and not any(
            parent.is_file() for parent in place.parents
        ):
            root.write(path, text)
    files = disk_files.FileTree(folder.FolderFiles(root.path))
    before = {one.kind.name for one in residue.found(files)}
    assert len(before) > 45
    root.run_all('image-hygiene')
    files = disk_files.FileTree(folder.FolderFiles(root.path))
    left = {
        (one.kind.name, one.path, one.lines)
        for one in residue.found(files)
        if not one.path.startswith(NOT_OURS)
    }
    assert left == set()
