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
"""Our elements under the tools that check them, and their scripts run."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from image_pipeline import elements
from image_pipeline.audit import registry
from image_pipeline.testing import element_root, images

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason='a root of its own takes root'
)


@pytest.fixture
def root(tmp_path):
    path = tmp_path / 'root'
    (path / 'etc').mkdir(parents=True)
    return element_root.Root(path)


@pytest.fixture
def exported(tmp_path):
    """The elements as git has them: without what Python leaves there."""
    target = tmp_path / 'elements'
    shutil.copytree(
        elements.path(),
        target,
        ignore=shutil.ignore_patterns('__pycache__', '*.py'),
    )
    return target


def scripts(folder):
    return [
        str(path)
        for path in sorted(folder.rglob('*'))
        if path.is_file() and path.read_bytes().startswith(b'#!/bin/bash')
    ]


def test_dib_lint_passes(exported):
    tools = pathlib.Path(sys.executable).parent
    subprocess.run(['git', 'init', '-q'], cwd=exported.parent, check=True)
    done = subprocess.run(
        [tools / 'dib-lint'],
        cwd=exported.parent,
        env={
            **os.environ,
            'PATH': f'{tools}:{os.environ["PATH"]}',
            'ELEMENTS_DIR': 'elements',
            'LIB_DIR': 'elements',
        },
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stdout.splitlines() if 'ERROR' in line]
    assert (done.returncode, errors) == (0, [])


def test_bashate_passes(exported):
    found = scripts(exported)
    assert found
    done = subprocess.run(
        [sys.executable, '-m', 'bashate.bashate', '-i', 'E006', *found],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, '')


def test_bash_can_read_every_script(exported):
    found = [*scripts(exported), *map(str, exported.rglob('*.bash'))]
    wrong = [
        done.stderr
        for script in found
        if (
            done := subprocess.run(
                ['bash', '-n', script],
                capture_output=True,
                text=True,
                check=False,
            )
        ).returncode
    ]
    assert wrong == []


def write_list(root, sources, fallback='1'):
    return root.run(
        'cloud-init-openstack',
        'post-install.d/22-write-datasource-list',
        DIB_CLOUD_INIT_DATASOURCE_LIST=sources,
        DIB_CLOUD_INIT_FALLBACK=fallback,
    )


@needs_root
@pytest.mark.parametrize(
    ('sources', 'fallback', 'line'),
    [
        ('ConfigDrive, OpenStack', '1', '[ ConfigDrive, OpenStack, None ]'),
        (
            'ConfigDrive,OpenStack,None',
            '1',
            '[ ConfigDrive, OpenStack, None ]',
        ),
        ('ConfigDrive OpenStack', '0', '[ ConfigDrive, OpenStack ]'),
        ('OpenStack', '1', '[ OpenStack ]'),
        ('OpenStack, None', '1', '[ OpenStack ]'),
    ],
)
def test_datasources_are_one_list_on_one_line(root, sources, fallback, line):
    root.write('etc/cloud/cloud.cfg', 'datasource_list: [ NoCloud ]\n')
    root.write('etc/cloud/cloud.cfg.d/90_dpkg.cfg', 'datasource_list: [a]\n')
    done = write_list(root, sources, fallback)
    assert done.returncode == 0, done.stderr
    lists = [
        text
        for file in root.files('etc/cloud')
        for text in root.read(file).splitlines()
        if text.startswith('datasource_list:')
    ]
    assert lists == [f'datasource_list: {line}']


@needs_root
@pytest.mark.parametrize('sources', ['ConfigDrive, Openstack', 'None', ' , '])
def test_a_misspelt_or_missing_datasource_fails_the_build(root, sources):
    done = write_list(root, sources)
    assert done.returncode == 1
    assert 'DIB_CLOUD_INIT_DATASOURCE_LIST' in done.stdout
    assert 'known are: NoCloud ConfigDrive' in done.stdout


@needs_root
@pytest.mark.parametrize(
    ('sources', 'written'), [('OpenStack, Ec2', True), ('OpenStack', False)]
)
def test_ec2_is_allowed_outside_of_aws_if_it_is_listed(root, sources, written):
    assert write_list(root, sources).returncode == 0
    done = root.run('cloud-init-openstack', 'post-install.d/23-allow-ec2')
    assert done.returncode == 0, done.stderr
    strict = root.path / 'etc/cloud/cloud.cfg.d/96-ec2-strict-id.cfg'
    assert strict.exists() == written
    if written:
        assert '\n        strict_id: false\n' in strict.read_text()


@needs_root
@pytest.mark.parametrize(
    ('fallback', 'policy'),
    [
        ('1', ['policy: search,found=all,maybe=all,notfound=enabled']),
        ('0', []),
    ],
)
def test_cloud_init_runs_without_metadata_if_there_is_a_fallback(
    root, fallback, policy
):
    write_list(root, 'ConfigDrive, OpenStack', fallback)
    done = root.run('cloud-init-openstack', 'post-install.d/24-keep-fallback')
    assert done.returncode == 0, done.stderr
    file = root.path / 'etc/cloud/ds-identify.cfg'
    written = file.read_text().splitlines() if file.exists() else []
    assert written == policy


@needs_root
@pytest.mark.parametrize(
    ('file', 'text', 'complaint'),
    [
        ('etc/fstab', 'UUID=1 none swap sw 0 0\n', 'mounts swap'),
        ('etc/fstab', '/dev/mapper/vg-root / ext4 defaults 0 1\n', 'LVM'),
        ('etc/fstab', '/dev/vda3 / ext4 defaults 0 1\n', 'kernel name'),
        ('etc/crypttab', 'root UUID=1 none\n', 'crypttab'),
        ('etc/mdadm/mdadm.conf', 'ARRAY /dev/md0 UUID=1\n', 'arrays'),
        ('etc/systemd/system/swapfile.swap', '[Swap]\n', 'swapfile.swap'),
        ('swapfile', '', '/swapfile'),
    ],
)
def test_swap_and_stacked_disks_fail_the_build(root, file, text, complaint):
    root.write(file, text)
    done = root.run('plain-disk', 'finalise.d/97-check-plain-disk')
    assert done.returncode == 1
    assert done.stdout.startswith('plain-disk: ')
    assert complaint in done.stdout
    assert len(done.stdout.splitlines()) == 1


@needs_root
def test_a_plain_disk_passes(root):
    root.write(
        'etc/fstab',
        '# /dev/sda1 was it during the build\n\n'
        'UUID=1 / ext4 defaults 0 1\nLABEL=ESP /boot/efi vfat defaults 0 2\n',
    )
    root.write('etc/crypttab', '# <target name> <source device>\n')
    done = root.run('plain-disk', 'finalise.d/97-check-plain-disk')
    assert (done.returncode, done.stdout) == (0, '')


def shadow(root, *fields):
    root.write('etc/passwd', 'root:x:0:0:root:/root:/bin/bash\n')
    root.write('etc/group', 'root:x:0:\n')
    lines = [
        f'user{n}:{field}:1:0:99999:7:::' for n, field in enumerate(fields)
    ]
    root.write('etc/shadow', '\n'.join(['root:$y$x:1::::::', *lines]) + '\n')
    return root.run('sshd-keys-only', 'finalise.d/81-check-passwords')


@needs_root
def test_locked_accounts_pass_and_root_becomes_one(root):
    done = shadow(root, '!', '*', '!!', '!*')
    assert done.returncode == 0, done.stdout + done.stderr
    assert root.read('etc/shadow').startswith('root:!*:')


@needs_root
@pytest.mark.parametrize('field', ['', '$y$j9T$hash', '!$6$hash'])
def test_an_account_with_a_password_or_without_need_of_one_fails(root, field):
    done = shadow(root, '*', field)
    assert done.returncode == 1
    assert done.stdout.endswith('need none: user1\n')


IDENTITY = (
    'etc/ssh/ssh_host_rsa_key',
    'etc/ssh/ssh_host_ed25519_key.pub',
    'var/lib/systemd/random-seed',
    'var/lib/dhcp/dhclient.eth0.leases',
    'var/lib/cloud/instance/user-data.txt',
    'etc/netplan/50-cloud-init.yaml',
    'etc/sudoers.d/90-cloud-init-users',
    'var/lib/dbus/machine-id',
)
TRACES = (
    'root/.bash_history',
    'home/someone/.ssh/authorized_keys',
    'var/log/dpkg.log',
    'var/log/journal/0123/system.journal',
    'var/tmp/.hidden',
    'var/cache/apt/pkgcache.bin',
    'var/lib/apt/lists/mirror_InRelease',
    'etc/shadow-',
    'etc/.resolv.conf.systemd-resolved.bak',
    'run/systemd/resolve/stub-resolv.conf',
)
TOOLS = (
    'etc/dib-manifests/dib_environment',
    'etc/apt/apt.conf.d/95disable-recommends',
)
KEPT = (
    'etc/ssh/sshd_config',
    'etc/ssh/moduli',
    'root/.bashrc',
    'etc/apt/apt.conf.d/01autoremove',
    'var/lib/dpkg/status',
)


@pytest.fixture
def used(root):
    """A tree that looks as if it had been built, and lived in."""
    for name in (*IDENTITY, *TRACES, *TOOLS, *KEPT):
        root.write(name, 'something\n')
    root.write('etc/machine-id', 'uninitialized\n')
    root.write('var/log/wtmp', 'records\n')
    root.write('etc/resolv.conf.ORIG', 'nameserver 192.0.2.1\n')
    root.write('etc/hostname', 'the-build-host\n')
    root.run_all('image-hygiene')
    return root


@needs_root
def test_nothing_of_the_build_stays_in_the_image(used):
    left = [
        name
        for name in (*IDENTITY, *TRACES, *TOOLS)
        if os.path.lexists(used.path / name)
    ]
    assert left == []
    assert used.read('var/log/wtmp') == ''
    assert used.read('etc/resolv.conf.ORIG') == ''
    resolver = used.path / 'etc/resolv.conf.ORIG'
    assert resolver.stat().st_mode & 0o777 == 0o644
    assert used.read('etc/hostname') == 'debian\n'
    assert 'the-build-host' not in used.read('etc/hosts')


@needs_root
def test_what_belongs_to_the_system_stays(used):
    assert [name for name in KEPT if not (used.path / name).exists()] == []


@needs_root
def test_the_machine_id_is_there_and_empty(used):
    file = used.path / 'etc/machine-id'
    assert (file.read_text(), file.stat().st_mode & 0o777) == ('', 0o444)


@needs_root
def test_an_absolute_link_in_the_tree_does_not_lead_out_of_it(root, tmp_path):
    outside = tmp_path / 'outside'
    outside.mkdir()
    (outside / 'precious').write_text('')
    (root.path / 'var').mkdir()
    (root.path / 'var' / 'tmp').symlink_to(outside)
    done = root.run('image-hygiene', 'cleanup.d/95-remove-traces')
    assert (outside / 'precious').exists(), done.stderr


@needs_root
def test_the_mirror_of_the_build_gives_way_to_the_distributions(root):
    if subprocess.run(
        ['/usr/bin/python3', '-c', 'import yaml'], check=False
    ).returncode:
        pytest.skip('the host has no python3-yaml')
    root.write(
        'etc/cloud/cloud.cfg',
        'system_info:\n  package_mirrors:\n    - arches: [default]\n'
        '      failsafe: {primary: https://own.example/debian, '
        'security: https://own.example/sec}\n',
    )
    lists = root.path / 'etc/apt/sources.list.d'
    root.write(
        'etc/apt/sources.list.d/all.list',
        'deb http://near.example/debian/ stable main\n'
        'deb [signed-by=/k] http://near.example/sec stable-security main\n'
        'deb http://other.example/debian stable main\n',
    )
    done = root.run(
        'distribution-mirrors',
        'finalise.d/98-restore-mirrors',
        DIB_DISTRIBUTION_MIRROR='http://near.example/debian',
        DIB_DEBIAN_SECURITY_MIRROR='http://near.example/sec/',
        DIB_INSTANCE_MIRROR='',
        DIB_INSTANCE_SECURITY_MIRROR='https://mine.example/sec',
    )
    assert done.returncode == 0, done.stderr
    assert (lists / 'all.list').read_text() == (
        'deb https://own.example/debian stable main\n'
        'deb [signed-by=/k] https://mine.example/sec stable-security main\n'
        'deb http://other.example/debian stable main\n'
    )


@needs_root
@pytest.mark.parametrize(('policy', 'value'), [('none', 0), ('automatic', 1)])
def test_apt_is_told_whether_security_updates_install_themselves(
    root, policy, value
):
    (root.path / 'etc/apt/apt.conf.d').mkdir(parents=True)
    done = root.run(
        'security-basics',
        'post-install.d/45-set-update-policy',
        DIB_SECURITY_UPDATES=policy,
    )
    assert done.returncode == 0, done.stderr
    written = root.read('etc/apt/apt.conf.d/20auto-upgrades')
    assert f'APT::Periodic::Unattended-Upgrade "{value}";\n' in written


@needs_root
def test_where_there_is_no_apt_updates_by_themselves_are_masked(root):
    done = root.run(
        'security-basics',
        'post-install.d/45-set-update-policy',
        DIB_SECURITY_UPDATES='none',
    )
    assert done.returncode == 0, done.stderr
    mask = root.path / 'etc/systemd/system/dnf-automatic.timer'
    assert os.readlink(mask) == '/dev/null'


@needs_root
def test_dnf_installs_security_updates_if_it_is_asked_to(root):
    root.write(
        'etc/dnf/automatic.conf',
        '[commands]\nupgrade_type = default\napply_updates = no\n',
    )
    root.run(
        'security-basics',
        'post-install.d/45-set-update-policy',
        DIB_SECURITY_UPDATES='automatic',
    )
    assert root.read('etc/dnf/automatic.conf') == (
        '[commands]\nupgrade_type = security\napply_updates = yes\n'
    )


@needs_root
def test_a_misspelt_policy_of_updates_fails(root):
    done = root.run(
        'security-basics',
        'post-install.d/45-set-update-policy',
        DIB_SECURITY_UPDATES='sometimes',
    )
    assert done.returncode == 1
    assert "'sometimes' is not one of none, automatic" in done.stdout


@needs_root
def test_hardening_satisfies_its_rule(root):
    done = root.run('security-basics', 'post-install.d/44-harden-kernel')
    assert done.returncode == 0, done.stderr
    path = 'etc/sysctl.d/60-security-basics.conf'
    image = images.in_memory(
        {f'/{path}': root.read(path)}, ['/etc/sysctl.d/60-egi.conf']
    )
    assert registry.get('EGI-SEC-10').check(image).outcome == 'pass'


@needs_root
def test_the_journal_gets_its_bound(root):
    done = root.run(
        'system-logs',
        'post-install.d/46-bound-journal',
        DIB_SYSTEM_LOGS_SIZE='50M',
    )
    assert done.returncode == 0, done.stderr
    path = 'etc/systemd/journald.conf.d/10-system-logs.conf'
    assert root.read(path) == '[Journal]\nSystemMaxUse=50M\n'
    image = images.in_memory(
        {f'/{path}': root.read(path)},
        ['/etc/systemd/journald.conf.d/10-size.conf'],
    )
    assert registry.get('EGI-LOG-03').check(image).outcome == 'pass'


@needs_root
@pytest.mark.parametrize('size', ['200', 'much', '0M', '10%'])
def test_a_bound_that_is_no_size_fails_the_build(root, size):
    done = root.run(
        'system-logs',
        'post-install.d/46-bound-journal',
        DIB_SYSTEM_LOGS_SIZE=size,
    )
    assert done.returncode == 1
    assert f"'{size}' is no size" in done.stdout


@needs_root
def test_renewals_are_filed_where_there_is_rsyslog(root):
    (root.path / 'etc/rsyslog.d').mkdir()
    done = root.run('system-logs', 'post-install.d/47-file-leases')
    assert done.returncode == 0, done.stderr
    written = root.files('etc')
    assert written == [
        'etc/logrotate.d/system-logs',
        'etc/rsyslog.d/25-system-logs.conf',
    ]
    image = images.in_memory(
        {
            **{f'/{name}': root.read(name) for name in written},
            '/usr/sbin/rsyslogd': 'ELF',
            '/usr/sbin/dhclient': 'ELF',
            '/usr/sbin/logrotate': 'ELF',
            '/etc/cron.daily/logrotate': '#!/bin/sh',
            '/etc/logrotate.d/rsyslog': '/var/log/syslog {\n}\n',
            '/etc/rsyslog.conf': '$IncludeConfig /etc/rsyslog.d/*.conf\n'
            '*.* /var/log/syslog\n',
        }
    )
    for rule in ('EGI-LOG-01', 'EGI-LOG-02', 'EGI-LOG-03'):
        assert registry.get(rule).check(image).outcome == 'pass', rule


@needs_root
def test_network_manager_warns_of_dhcp_and_speaks_of_the_rest(root):
    (root.path / 'etc/NetworkManager').mkdir()
    done = root.run('system-logs', 'post-install.d/47-file-leases')
    assert done.returncode == 0, done.stderr
    assert root.read('etc/NetworkManager/conf.d/10-system-logs.conf') == (
        '[logging]\ndomains=DEFAULT,DHCP4:WARN,DHCP6:WARN\n'
    )
    assert not (root.path / 'etc/rsyslog.d').exists()
