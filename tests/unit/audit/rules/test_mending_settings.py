"""What rules change makes them pass, and nothing is changed twice."""

import pytest

from image_pipeline.audit import registry
from image_pipeline.disk import edits
from image_pipeline.testing import images, mends
from image_pipeline.testing.disks import File, Folder, Link

SSHD = '/etc/ssh/sshd_config'
DROP_IN = '/etc/ssh/sshd_config.d/00-sshd-keys-only.conf'
CLOUD = '/etc/cloud/cloud.cfg.d'
GRUB = '/boot/grub/grub.cfg'
UNITS = '/usr/lib/systemd/system'
WANTS = '/etc/systemd/system/multi-user.target.wants'
SERVICE = '[Unit]\nDescription=x\n[Install]\nWantedBy=multi-user.target\n'
LIST = f'{CLOUD}/95-cloud-init-openstack.cfg'
CONSOLE = 'console=tty0 console=ttyS0,115200'
SYSLOG = {
    '/usr/sbin/rsyslogd': 'ELF\n',
    '/usr/sbin/logrotate': 'ELF\n',
    '/etc/cron.daily/logrotate': '#!/bin/sh\n',
    '/etc/rsyslog.conf': '$IncludeConfig /etc/rsyslog.d/*.conf\n'
    '*.*;auth,authpriv.none -/var/log/syslog\n',
    '/etc/logrotate.d/rsyslog': '/var/log/syslog {\n weekly\n}\n',
}
KEY = (
    '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n'
    '-----END OPENSSH PRIVATE KEY-----\n'
)


def enabled(name):
    return {
        f'{UNITS}/{name}': SERVICE,
        f'{WANTS}/{name}': Link(f'{UNITS}/{name}'),
    }


def boots(words, path=GRUB):
    return images.changed(path, CONSOLE, words)


def _list(names):
    return f'datasource_list: [{names}]\n'


#: By rule: files that break it.
BROKEN = [
    ('EGI-CI-02', {LIST: 'datasource_list: [ openstack, configdrive ]\n'}),
    ('EGI-CI-02', {LIST: 'datasource_list:\n - OpenStack\n - ConfigDrive\n'}),
    ('EGI-CI-02', {LIST: '# nothing\n'}),
    ('EGI-CI-02', {LIST: 'datasource_list: [ None, OpenStack ]\n'}),
    (
        'EGI-CI-02',
        {f'{CLOUD}/99-x.cfg': 'a: 1\ndatasource_list: [Nobody]\nb: 2\n'},
    ),
    (
        'EGI-CI-02',
        {'/etc/cloud/cloud.cfg': 'datasource_list: [ Ec2, None ]\n'},
    ),
    ('EGI-CI-03', {LIST: 'datasource_list: [ OpenStack, Ec2, None ]\n'}),
    ('EGI-CI-03', {LIST: 'datasource_list: [ ConfigDrive, Ec2, None ]\n'}),
    ('EGI-CI-04', {'/etc/cloud/ds-identify.cfg': 'policy: disabled\n'}),
    ('EGI-CI-04', boots('console=ttyS0 ci.di.policy=disabled')),
    (
        'EGI-CI-05',
        {LIST: 'datasource_list: [ ConfigDrive, OpenStack, Ec2, None ]\n'},
    ),
    (
        'EGI-CI-05',
        {
            LIST: 'datasource_list: [ ConfigDrive, OpenStack, Ec2, None ]\n',
            f'{CLOUD}/97-x.cfg': 'datasource: {Ec2: {strict_id: true}}\n',
        },
    ),
    ('EGI-CI-06', {f'{CLOUD}/99-installer.cfg': 'x: 1\n'}),
    ('EGI-CI-06', {f'{CLOUD}/98-x.cfg': 'network: {config: disabled}\n'}),
    (
        'EGI-CI-06',
        {
            f'{CLOUD}/98-x.cfg': 'network:\n  # none\n'
            '  config: disabled\nx: 1\n'
        },
    ),
    (
        'EGI-CI-06',
        {
            f'{CLOUD}/98-x.cfg': 'datasource:\n NoCloud:\n'
            '  seedfrom: http://192.0.2.1/\n Ec2:\n  strict_id: false\n'
        },
    ),
    ('EGI-CI-06', boots(f'{CONSOLE} autoinstall ds=nocloud;s=/x')),
    (
        'EGI-CON-01',
        {'/etc/systemd/logind.conf.d/10-cloud-consoles.conf': ''},
    ),
    (
        'EGI-CON-01',
        {
            '/etc/systemd/logind.conf': '[Login]\nNAutoVTs=6\n',
            '/etc/systemd/logind.conf.d/99-x.conf': '[Login]\nNAutoVTs=4\n',
        },
    ),
    (
        'EGI-CON-01',
        {
            '/etc/systemd/system/getty.target.wants/getty@tty3.service': Link(
                f'{UNITS}/getty@.service'
            ),
            '/etc/inittab': '1:23:respawn:/sbin/getty 38400 tty1\n'
            '2:23:respawn:/sbin/getty 38400 tty2\n',
            '/etc/init/tty4.conf': 'exec /sbin/getty -8 38400 tty4\n',
        },
    ),
    (
        'EGI-CON-02',
        {'/etc/systemd/system/getty@tty1.service': Link('/dev/null')},
    ),
    (
        'EGI-CON-02',
        {
            '/etc/systemd/system/getty@tty1.service.d/a.conf': '[Service]\n'
            'ExecStart=\n'
            'ExecStart=-/sbin/agetty --autologin root --noclear %I\n'
        },
    ),
    ('EGI-CON-02', boots('console=ttyS0,115200')),
    ('EGI-CON-03', boots('console=tty0')),
    ('EGI-CON-03', boots('console=ttyS0,115200 console=tty0')),
    ('EGI-CON-03', boots('quiet')),
    (
        'EGI-CON-03',
        {'/etc/systemd/system/serial-getty@ttyS0.service': Link('/dev/null')},
    ),
    ('EGI-LOG-01', {**SYSLOG, '/usr/sbin/dhclient': 'ELF\n'}),
    (
        'EGI-LOG-01',
        {**SYSLOG, **enabled('NetworkManager.service')},
    ),
    (
        'EGI-LOG-02',
        {**SYSLOG, '/etc/rsyslog.d/1.conf': ':msg, contains, "~" ~\n& ~\n'},
    ),
    (
        'EGI-LOG-03',
        {'/etc/systemd/journald.conf.d/10-size.conf': '[Journal]\n'},
    ),
    (
        'EGI-LOG-03',
        {**SYSLOG, '/etc/rsyslog.d/1.conf': 'auth.* /var/log/auth.log\n'},
    ),
    (
        'EGI-SEC-01',
        {
            '/etc/shadow': File(
                'root:$y$j9T$abc$def:20778:0:99999:7:::\n'
                'daemon::20778:0:99999:7:::\n',
                mode=0o640,
                gid=42,
            )
        },
    ),
    (
        'EGI-SEC-01',
        {
            '/root/anaconda-ks.cfg': 'rootpw secret\n',
            f'{CLOUD}/99-x.cfg': 'password: secret\nchpasswd:\n'
            '  expire: false\n  list: |\n    root:secret\n',
        },
    ),
    (
        'EGI-SEC-01',
        images.changed(
            '/etc/cloud/cloud.cfg', 'lock_passwd: True', 'lock_passwd: False'
        ),
    ),
    ('EGI-SEC-02', {'/root/.ssh/authorized_keys': 'ssh-rsa AAAA x\n'}),
    ('EGI-SEC-02', {'/home/x/.ssh/id_rsa': KEY}),
    (
        'EGI-SEC-02',
        {f'{CLOUD}/99-x.cfg': 'ssh_authorized_keys:\n- ssh-rsa AAAA x\n'},
    ),
    ('EGI-SEC-03', enabled('rpcbind.service')),
    (
        'EGI-SEC-03',
        {
            f'{UNITS}/nginx.service': SERVICE,
            f'{UNITS}/multi-user.target.wants/nginx.service': Link(
                '../nginx.service'
            ),
        },
    ),
    ('EGI-SEC-03', enabled('postfix.service')),
    (
        'EGI-SEC-03',
        {
            **enabled('postfix.service'),
            '/etc/postfix/main.cf': 'inet_interfaces = all\n',
        },
    ),
    (
        'EGI-SEC-03',
        {
            **enabled('exim4.service'),
            '/etc/exim4/update-exim4.conf.conf': "dc_local_interfaces=''\n",
        },
    ),
    (
        'EGI-SEC-03',
        {'/etc/systemd/resolved.conf.d/10-network-dhcp.conf': ''},
    ),
    (
        'EGI-SEC-04',
        {
            **enabled('chrony.service'),
            '/etc/chrony/chrony.conf': 'pool x\nallow\ncmdallow all\n',
        },
    ),
    (
        'EGI-SEC-04',
        {**enabled('ntp.service'), '/etc/ntp.conf': 'pool x\n'},
    ),
    (
        'EGI-SEC-04',
        {
            **enabled('ntpsec.service'),
            '/etc/ntpsec/ntp.conf': 'restrict default kod\n',
        },
    ),
    ('EGI-SEC-06', {'/etc/apt/apt.conf.d/20auto-upgrades': '# nothing\n'}),
    (
        'EGI-SEC-07',
        {
            '/etc/apt/sources.list': 'deb [trusted=yes] http://x.org/d s m\n'
            'deb [arch=amd64 trusted=yes] http://x.org/d s m\n',
            '/etc/apt/apt.conf.d/99x': 'APT::Get::AllowUnauthenticated "1";\n',
            '/usr/sbin/policy-rc.d': '#!/bin/sh\nexit 101\n',
        },
    ),
    (
        'EGI-SEC-07',
        {
            '/etc/apt/sources.list.d/x.sources': 'Types: deb\n'
            'URIs: https://x.org/d\nSuites: s\nTrusted: yes\n'
        },
    ),
    (
        'EGI-SEC-07',
        {'/etc/yum.repos.d/x.repo': '[x]\nenabled=1\ngpgcheck=0\n'},
    ),
    ('EGI-SEC-08', boots(f'{CONSOLE} apparmor=0')),
    ('EGI-SEC-09', {'/etc/shadow': File('root:*:1::::::\n', mode=0o644)}),
    ('EGI-SEC-09', {'/tmp': Folder(mode=0o777)}),
    ('EGI-SEC-09', {'/usr/share/x': File('x', mode=0o666)}),
    ('EGI-SEC-10', {'/etc/sysctl.d/60-egi.conf': '# nothing\n'}),
    (
        'EGI-SEC-10',
        {
            '/etc/sysctl.d/99-x.conf': 'kernel.dmesg_restrict=0\n',
            '/etc/modprobe.d/cis.conf': 'install vfat /bin/true\n',
        },
    ),
    ('EGI-SEC-10', boots(f'{CONSOLE} mitigations=off')),
    ('EGI-SSH-02', {DROP_IN: '# nothing\n', SSHD: 'UsePAM yes\n'}),
    (
        'EGI-SSH-02',
        {'/etc/ssh/sshd_config.d/00-a.conf': 'PasswordAuthentication yes\n'},
    ),
    (
        'EGI-SSH-02',
        {
            DROP_IN: 'PermitRootLogin no\n',
            SSHD: 'PasswordAuthentication yes\n'
            'Include /etc/ssh/sshd_config.d/*.conf\n'
            'Match User x\n  PasswordAuthentication yes\n',
        },
    ),
    ('EGI-SSH-02', {f'{CLOUD}/99-x.cfg': 'ssh_pwauth: true\n'}),
    (
        'EGI-SSH-03',
        {
            DROP_IN: 'PermitRootLogin yes\n',
            '/etc/ssh/sshd_config.d/01-permitrootlogin.conf': 'x y\n',
            f'{CLOUD}/99-x.cfg': 'disable_root: false\n',
        },
    ),
    (
        'EGI-SSH-04',
        {
            f'{CLOUD}/99-x.cfg': 'ssh_genkeytypes:\n  - dsa\n'
            'ssh_deletekeys: false\n'
        },
    ),
    (
        'EGI-SSH-04',
        {'/etc/rc.local': 'for t in dsa rsa; do\nssh-keygen -t $t\ndone\n'},
    ),
    ('EGI-SSH-04', {'/etc/rc.local': 'ssh-keygen -q -t dsa\n'}),
    (
        'EGI-SSH-05',
        {
            DROP_IN: 'ClientAliveInterval 0\nMaxAuthTries 6\n',
            SSHD: 'Include /etc/ssh/sshd_config.d/*.conf\n'
            'Ciphers aes128-cbc\nX11Forwarding yes\n',
        },
    ),
    (
        'OS-NET-01',
        {
            '/etc/network/interfaces': 'iface eth0 inet dhcp\n'
            ' hwaddress ether 52:54:00:12:34:56\n',
            '/usr/lib/udev/rules.d/75-persistent-net-generator.rules': 'x\n',
        },
    ),
    (
        'VIRT-01',
        {
            '/etc/fstab': 'UUID=x / ext4 discard 0 1\n',
            '/etc/systemd/system/timers.target.wants/fstrim.timer': Link(
                '/dev/null'
            ),
        },
    ),
    ('VIRT-04', boots(f'{CONSOLE} clocksource=tsc no-kvmclock')),
    ('VIRT-04', {'/etc/chrony/chrony.conf': 'pool x iburst\n'}),
]


@pytest.mark.parametrize(
    ('rule', 'files'),
    BROKEN,
    ids=[f'{number}-{rule}' for number, (rule, _) in enumerate(BROKEN)],
)
def test_mended_rule_passes_and_asks_for_nothing_more(rule, files):
    assert mends.after(rule, files) == 'pass'
    made = mends.apply({**images.FILES, **files}, mends.changes(rule, files))
    left = set(images.FILES) - set(made)
    again = mends.apply(made, mends.changes(rule, made, left))
    assert again == made


@pytest.mark.parametrize(
    ('rule', 'files', 'options'),
    [
        ('EGI-CI-03', {LIST: _list('Ec2')}, {'config_drive': 'never'}),
        ('EGI-CI-02', {LIST: _list('ec2, gce, None')}, {'most': 3}),
        ('EGI-CON-03', {}, {'consoles': ['ttyAMA0']}),
        ('EGI-ONE-01', {'/usr/bin/sudo': 'ELF'}, {'wanted': True}),
        (
            'EGI-SEC-03',
            {**enabled('nginx.service'), **enabled('named.service')},
            {'allowed': ['nginx.service']},
        ),
        ('EGI-SEC-06', {}, {'policy': 'none'}),
        ('EGI-SSH-05', {}, {'max_alive_interval': 60, 'max_auth_tries': 3}),
        (
            'EGI-SEC-10',
            {'/etc/sysctl.d/60-egi.conf': 'x = 1\n'},
            {'ignored': ['kernel.dmesg_restrict']},
        ),
    ],
)
def test_options_of_a_profile_are_respected(rule, files, options):
    assert mends.after(rule, files, **options) == 'pass'


def test_what_a_profile_allows_stays():
    files = {**enabled('nginx.service'), **enabled('named.service')}
    changed = mends.changes('EGI-SEC-03', files, allowed=['nginx.service'])
    assert {one.path for one in changed} == {f'{WANTS}/named.service'}
    changed = mends.changes(
        'EGI-SEC-10',
        {'/etc/sysctl.d/60-egi.conf': 'x = 1\n'},
        ignored=['kernel.dmesg_restrict'],
    )
    (written,) = [one for one in changed if 'security' in one.path]
    assert b'kptr_restrict' in written.content
    assert b'dmesg_restrict' not in written.content


def test_secret_is_in_no_file_that_was_mended():
    for rule, files in BROKEN:
        if rule in {'EGI-SEC-01', 'EGI-SEC-02'}:
            for one in mends.changes(rule, files):
                assert b'secret' not in getattr(one, 'content', b'')
                assert b'AAAA' not in getattr(one, 'content', b'')


def test_boot_loader_that_is_updated_keeps_the_console():
    files = {
        **boots('console=tty0'),
        '/etc/default/grub': 'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX=\n',
    }
    written = {one.path: one for one in mends.changes('EGI-CON-03', files)}
    assert (
        written['/etc/default/grub'].content == b'GRUB_TIMEOUT=0\n'
        b'GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200n8"\n'
    )


def test_selinux_is_not_enforced_where_files_have_no_labels():
    files = {
        '/etc/os-release': 'ID=rocky\nID_LIKE="rhel"\nVERSION_ID="9.4"\n',
        '/etc/selinux/config': 'SELINUX=permissive\n',
    }
    assert (
        registry.get('EGI-SEC-08').check(images.in_memory(files)).outcome
        == 'fail'
    )
    assert mends.changes('EGI-SEC-08', files) == []


def test_network_that_only_presets_start_is_enabled_for_good():
    unit = f'{UNITS}/systemd-networkd.service'
    files = {
        '/etc/machine-id': 'uninitialized\n',
        '/usr/lib/systemd/system-preset/90-systemd.preset': 'enable *\n',
        unit: '[Install]\nWantedBy=multi-user.target\n'
        'Also=systemd-networkd.socket\n'
        'Alias=dbus-org.freedesktop.network1.service\n',
        f'{UNITS}/systemd-networkd.socket': '[Install]\n'
        'WantedBy=sockets.target\n',
    }
    without = [f'{WANTS}/systemd-networkd.service']
    made = {
        one.path: one
        for one in mends.changes('HYG-03', files, without)
        if isinstance(one, edits.Link)
    }
    assert {path: one.target for path, one in made.items()} == {
        f'{WANTS}/systemd-networkd.service': unit,
        '/etc/systemd/system/sockets.target.wants/systemd-networkd.socket': (
            f'{UNITS}/systemd-networkd.socket'
        ),
        '/etc/systemd/system/dbus-org.freedesktop.network1.service': unit,
    }
    assert mends.after('HYG-03', files, without) == 'pass'
