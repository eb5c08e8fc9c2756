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

"""The judges of all probes: good answers pass, each defect is a fail."""

import dataclasses
from typing import ClassVar

from image_pipeline import artifact
from image_pipeline.hypervisors import base as hypervisor_base
from image_pipeline.probes import base, protocol, registry
from image_pipeline.testing import hypervisor
from image_pipeline.testing.conformance import probe as conformance

EXPECTED = dataclasses.replace(
    conformance.EXPECTED,
    properties={
        'architecture': 'x86_64',
        'os_distro': 'debian',
        'os_version': '12',
        'os_admin_user': 'debian',
    },
)
KEY = EXPECTED.public_key
SEED = hypervisor_base.Seed(
    instance_id=EXPECTED.instance_id,
    hostname=EXPECTED.hostname,
    public_key=KEY,
    user_data=b'',
)
SHAPE = hypervisor_base.Shape(
    firmware=hypervisor_base.Firmware.BIOS,
    vcpus=1,
    memory_bytes=1 << 30,
    disk_bytes=EXPECTED.disk_bytes,
)
GOOD = hypervisor.good_answers(SEED, SHAPE)
#: What no boot under BIOS can confirm.
UEFI_ONLY = ('BOOT-02', 'VIRT-05')
PROBES = tuple(
    probe for probe in registry.select(None) if probe.id not in UEFI_ONLY
)


def changed(name: str, old: str, new: str) -> str:
    """Return a good answer with one thing changed."""
    assert old in GOOD[name]
    return GOOD[name].replace(old, new)


def units(*more: str) -> str:
    """Return the answer of a guest with more units."""
    return changed('LIVE-UNITS', '== jobs\n', '\n'.join((*more, '== jobs\n')))


# Probe, answer, outcome, a word of the evidence.
DEFECTS = [
    ('EGI-CI-01', '== result\n\n== log\n', 'fail', 'did not finish'),
    (
        'EGI-CI-01',
        '== result\n{"v1": {"datasource": "x", "errors": ["boom"]}}\n',
        'fail',
        'boom',
    ),
    ('EGI-CI-01', '== result\n{"v2": 1}\n', 'unknown', 'understood'),
    ('EGI-CI-01', 'noise', 'fail', 'did not finish'),
    ('EGI-CI-03', '== result\n', 'fail', 'no datasource'),
    (
        'EGI-CI-03',
        '== result\n{"v1": {"datasource": "DataSourceNoCloud [x]"}}',
        'fail',
        'NoCloud',
    ),
    (
        'BOOT-07',
        GOOD['BOOT-07'].replace('=9000000', '=61000000'),
        'fail',
        '61',
    ),
    ('BOOT-07', GOOD['BOOT-07'].replace('=9000000', '=0'), 'fail', 'not end'),
    ('BOOT-07', '', 'unknown', 'understood'),
    ('LIVE-UNITS', units('failed a.service'), 'fail', 'a.service failed'),
    ('LIVE-UNITS', units('failed a.mount'), 'fail', 'a.mount failed'),
    (
        'LIVE-UNITS',
        GOOD['LIVE-UNITS'].replace(
            '== jobs\n', '== jobs\n42 b.service start waiting\n'
        ),
        'fail',
        'b.service',
    ),
    ('LIVE-UNITS', '== none\n', 'not-applicable', 'systemd'),
    ('LIVE-UNITS', '== state\n== units\n', 'unknown', 'understood'),
    ('EGI-CON-03', 'active=tty0\n', 'fail', 'no serial console'),
    ('EGI-CON-03', 'active=tty0 ttyS0\ngetty.ttyS0=failed', 'fail', 'login'),
    ('LIVE-MEMORY', '', 'unknown', 'understood'),
    (
        'EGI-GROW-01',
        f'device=vda3\npartition={1 << 30}\ndisk={3 << 30}\n',
        'fail',
        'vda3 has 1024 MiB of 3072 MiB',
    ),
    ('EGI-GROW-01', 'device=dm-0\nwhole=1\n', 'not-applicable', 'dm-0'),
    ('EGI-LAYOUT-01', 'device=vda\nwhole=1\n', 'fail', 'vda is no partition'),
    ('EGI-LAYOUT-01', 'device=dm-0\nwhole=1\n', 'not-applicable', 'dm-0'),
    (
        'EGI-LAYOUT-06',
        changed('EGI-LAYOUT-06', '/vda2/start=133120', '/vda2/start=999999'),
        'fail',
        'vda2 lies behind the root vda3',
    ),
    ('EGI-LAYOUT-06', 'device=vda\nwhole=1\n', 'not-applicable', 'vda'),
    (
        'EGI-LAYOUT-05',
        changed(
            'EGI-LAYOUT-05', '== arrays', '/dev/vda5 /home ext4\n== arrays'
        ),
        'fail',
        '/home is a file system of its own, on /dev/vda5',
    ),
    ('EGI-LAYOUT-05', '== mounts\n', 'unknown', 'understood'),
    (
        'EGI-LAYOUT-07',
        changed(
            'EGI-LAYOUT-07',
            '== verified',
            'md0 : active raid1 vda3[0]\n== verified',
        ),
        'fail',
        'md0 is an array',
    ),
    (
        'EGI-LAYOUT-08',
        changed(
            'EGI-LAYOUT-08',
            'No errors detected.',
            'Partition 2: overlaps partition 3.\n1 error detected.',
        ),
        'fail',
        'overlaps partition 3',
    ),
    (
        'EGI-LAYOUT-08',
        'sh: 1: sfdisk: not found\n',
        'not-applicable',
        'could be verified',
    ),
    (
        'EGI-LAYOUT-09',
        changed('EGI-LAYOUT-09', 'root=UUID=4a0f78a0', 'root=/dev/vda3 x'),
        'fail',
        'root=/dev/vda3',
    ),
    (
        'EGI-LAYOUT-09',
        changed(
            'EGI-LAYOUT-09',
            'Success, no errors or warnings detected',
            '0 parse errors, 1 error, 2 warnings',
        ),
        'fail',
        '1 error',
    ),
    (
        'EGI-LAYOUT-09',
        changed('EGI-LAYOUT-09', 'Success, no errors or warnings', 'sh:'),
        'unknown',
        'findmnt',
    ),
    (
        'EGI-LAYOUT-11',
        '[    3.1] EXT4-fs (vda3): recovery complete\n492\n',
        'fail',
        'recovery complete',
    ),
    ('EGI-LAYOUT-11', '0\n', 'unknown', 'kernel'),
    ('EGI-GROW-02', f'size={1 << 20}\nfree=1\n', 'fail', '1024 MiB'),
    ('EGI-LAYOUT-02', 'vg-root=LVM-abc\n', 'fail', 'vg-root'),
    ('EGI-LAYOUT-04', 'root=CRYPT-LUKS2-abc\n', 'fail', 'encrypted'),
    ('EGI-LAYOUT-03', 'Filename\n/swapfile file 1 0 -2\n', 'fail', '/swap'),
    ('EGI-LAYOUT-03', '', 'not-applicable', 'no swap'),
    ('OS-CI-07', '', 'fail', 'no user'),
    ('OS-CI-07', f'0 root 600 {KEY}\n', 'fail', 'no user but root'),
    ('OS-CI-07', f'1000 debian 666 {KEY}\n', 'fail', 'written by others'),
    (
        'OS-CI-07',
        f'1000 debian 600 {KEY}\n1000 debian 600 ssh-rsa AAAA builder\n',
        'fail',
        'builder',
    ),
    ('EGI-SSH-01', 'tcp 0100007F:0016 0A\n', 'fail', '22'),
    ('EGI-SSH-02', 'passwordauthentication yes\n', 'fail', 'yes'),
    ('EGI-SSH-02', '', 'not-applicable', 'sshd'),
    ('EGI-SSH-03', 'permitrootlogin yes\n', 'fail', 'permitrootlogin'),
    ('EGI-SSH-03', '', 'not-applicable', 'sshd'),
    (
        'EGI-SSH-05',
        changed(
            'EGI-SSH-05', 'clientaliveinterval 120', 'clientaliveinterval 0'
        ),
        'fail',
        'ClientAliveInterval is 0',
    ),
    (
        'EGI-SSH-05',
        changed('EGI-SSH-05', 'maxauthtries 4', 'maxauthtries 6'),
        'fail',
        'MaxAuthTries is 6',
    ),
    (
        'EGI-SSH-05',
        changed('EGI-SSH-05', 'logingracetime 60', 'logingracetime 0'),
        'fail',
        'LoginGraceTime is 0',
    ),
    (
        'EGI-SSH-05',
        changed('EGI-SSH-05', 'x11forwarding no', 'x11forwarding yes'),
        'fail',
        'X11Forwarding',
    ),
    (
        'EGI-SSH-05',
        changed('EGI-SSH-05', ',aes128-ctr', ',aes128-cbc'),
        'fail',
        'aes128-cbc',
    ),
    ('EGI-SSH-05', '', 'not-applicable', 'sshd'),
    ('EGI-SSH-04', '', 'fail', 'no SSH host keys'),
    ('EGI-SSH-04', 'ssh_host_rsa_key=644 10\n', 'fail', 'read by everybody'),
    ('EGI-SSH-04', 'ssh_host_rsa_key=600 0\n', 'fail', 'empty'),
    ('EGI-SSH-04', 'ssh_host_dsa_key=600 9\n', 'fail', 'no ed25519'),
    ('EGI-SEC-01', 'shadow=read\naccount=debian\n', 'fail', 'debian'),
    ('EGI-SEC-01', '', 'unknown', 'shadow'),
    ('EGI-SEC-03', 'tcp 00000000:006F 0A\n', 'fail', '111/tcp'),
    (
        'EGI-SEC-03',
        'tcp6 00000000000000000000000000000000:0050 0A\n== owners\n'
        'tcp *:80 users:(("nginx",pid=1,fd=6))\n',
        'fail',
        'nginx',
    ),
    ('HYG-05', 'builder\n', 'fail', 'builder'),
    ('HYG-09', 'i-deadbeef\n', 'fail', 'i-deadbeef'),
    ('LIVE-IDENTITY', 'machine-id=\n', 'fail', 'empty'),
    ('EGI-CI-02', '', 'fail', 'did not run'),
    ('EGI-CI-02', 'there=1\nid=x\n', 'unknown', 'ds-identify'),
    (
        'EGI-CI-02',
        'there=1\nlist=[ Ec2, None ]\n',
        'fail',
        'ConfigDrive is not among Ec2, None',
    ),
    (
        'EGI-CI-02',
        'there=1\nlist=[ A, B, C, D, E, ConfigDrive, None ]\n',
        'fail',
        '7 datasources',
    ),
    ('EGI-CI-04', 'there=1\ndisabled=1\n', 'fail', 'disabled'),
    ('EGI-CI-04', 'there=1\nid=none\n', 'fail', 'none'),
    ('EGI-CI-04', '', 'fail', 'did not run'),
    ('EGI-CI-05', 'there=1\nwarning.ec2_strict=1\n', 'fail', 'ec2_strict'),
    ('EGI-CI-05', '', 'not-applicable', 'did not run'),
    ('EGI-CI-06', 'there=1\nid=nocloud\n', 'fail', 'nocloud'),
    (
        'EGI-CI-06',
        'there=1\nid=configdrive\n'
        'seed./var/lib/cloud/seed/nocloud/user-data=1\n',
        'fail',
        'nocloud/user-data',
    ),
    ('EGI-CI-06', '', 'not-applicable', 'did not run'),
    ('EGI-CON-01', units('getty@tty6.service'), 'fail', 'tty6'),
    ('EGI-CON-01', units('autovt@tty2.service'), 'fail', 'tty2'),
    (
        'EGI-CON-02',
        changed('EGI-CON-02', 'getty@tty1.service\n', ''),
        'fail',
        'no login waits on tty1',
    ),
    (
        'EGI-CON-02',
        changed('EGI-CON-02', 'screen=1\n', ''),
        'not-applicable',
        'no screen',
    ),
    (
        'EGI-ONE-02',
        units('one-context.service'),
        'fail',
        'one-context.service runs beside cloud-init',
    ),
    (
        'EGI-ONE-02',
        '== state\nrunning\n== units\nssh.service\n== jobs\n== devices\n',
        'fail',
        'nothing contextualises',
    ),
    (
        'EGI-SEC-04',
        units('chronyd.service'),
        'fail',
        'chrony, systemd-timesyncd',
    ),
    (
        'EGI-SEC-04',
        changed('EGI-SEC-04', 'systemd-timesyncd.service\n', ''),
        'fail',
        'nothing keeps the clock',
    ),
    ('EGI-PKG-01', units('gdm.service'), 'fail', 'gdm.service runs'),
    ('BOOT-06', units('open-vm-tools.service'), 'fail', 'open-vm-tools'),
    (
        'VIRT-01',
        changed('VIRT-01', 'fstrim.timer\n', ''),
        'fail',
        'fstrim.timer does not run',
    ),
    (
        'VIRT-01',
        changed('VIRT-01', 'vda=2147483136', 'vda=0'),
        'not-applicable',
        'discards',
    ),
    (
        'VIRT-02',
        changed('VIRT-02', 'qemu-guest-agent.service\n', ''),
        'fail',
        'none runs',
    ),
    (
        'VIRT-02',
        changed('VIRT-02', 'agent=1\n', ''),
        'not-applicable',
        'no port',
    ),
    (
        'VIRT-03',
        changed('VIRT-03', 'systemd-logind.service\n', ''),
        'fail',
        'power button',
    ),
    ('EGI-SEC-06', 'manager=apt\n', 'fail', 'not told'),
    (
        'EGI-SEC-06',
        'manager=apt\nAPT::Periodic::Unattended-Upgrade=1\n',
        'fail',
        'is not there',
    ),
    (
        'EGI-SEC-06',
        'manager=rpm\ntimer.dnf-automatic=disabled\n',
        'fail',
        'no timer',
    ),
    ('EGI-SEC-06', '', 'not-applicable', 'neither'),
    ('BOOT-01', changed('BOOT-01', '=bios', '=uefi'), 'fail', 'not bios'),
    (
        'BOOT-03',
        GOOD['BOOT-03'] + 'modules.6.1.0-57-cloud-amd64=1\n',
        'fail',
        'there is 6.1.0-57',
    ),
    (
        'BOOT-03',
        changed('BOOT-03', 'modules.6.1.0-56', 'modules.6.1.0-9'),
        'fail',
        'no modules for the kernel 6.1.0-56',
    ),
    (
        'VIRT-04',
        changed('VIRT-04', 'ro console', 'clocksource=hpet console'),
        'fail',
        'clocksource=hpet',
    ),
    ('VIRT-04', changed('VIRT-04', '=tsc', '=acpi_pm'), 'fail', 'acpi_pm'),
    (
        'META-01',
        changed('META-01', 'os.VERSION_ID=12', 'os.VERSION_ID=13'),
        'fail',
        'os_version is 13, not 12',
    ),
    (
        'META-01',
        changed('META-01', 'os.ID=debian', 'os.ID=devuan'),
        'fail',
        'os_distro is devuan',
    ),
    (
        'META-01',
        changed('META-01', 'machine=x86_64', 'machine=aarch64'),
        'fail',
        'architecture is aarch64',
    ),
    (
        'META-02',
        changed('META-02', 'stamp.run=', 'stamp.ran='),
        'fail',
        'does not say run',
    ),
    ('META-02', 'os.ID=debian\n', 'fail', 'nothing says'),
    ('META-02', '', 'unknown', 'os-release'),
    ('HYG-17', changed('HYG-17', '+0000', '+0100'), 'fail', '+0100'),
    (
        'OS-NET-01',
        'link.ens4=fa:16:3e:ea:52:83\nwithout_ipv6=0\n',
        'fail',
        'not configured',
    ),
    ('OS-NET-01', 'without_ipv6=0\n', 'not-applicable', 'no network card'),
    (
        'OS-NET-02',
        'link.ens4=fa:16:3e:ea:52:83\naddress.docker0.4=172.17.0.1/16\n'
        'without_ipv6=0\n',
        'fail',
        'no network card has an address',
    ),
    ('OS-NET-02', 'link.ens4=fa:16:3e:ea:52:83\n', 'unknown', 'understood'),
    ('OS-NET-02', 'without_ipv6=0\n', 'not-applicable', 'no network card'),
    (
        'OS-NET-03',
        GOOD['OS-NET-03'] + 'said.iface eth0 inet dhcp=1\n',
        'fail',
        'eth0 is configured',
    ),
    (
        'OS-FW-01',
        '== nft\ntable inet filter {\n chain input {\n  type filter hook '
        'input priority 0; policy drop;\n  tcp dport 80 accept\n }\n}\n',
        'fail',
        'port 22',
    ),
    ('OS-FW-01', '== iptables\n:INPUT DROP [0:0]\n', 'fail', 'port 22'),
    (
        'HYG-07',
        '== resolver\nold=/etc/resolv.conf\nservers=2\n== proxies\n',
        'fail',
        'older than this boot',
    ),
    (
        'HYG-07',
        GOOD['HYG-07'] + '/etc/environment:http_proxy=http://a:3128\n',
        'fail',
        'http_proxy',
    ),
    (
        'EGI-SEC-02',
        '0 root 600 ssh-rsa AAAA builder\n',
        'fail',
        'a key of the image: …ssh-rsa AAAA builder',
    ),
    (
        'OS-USER-01',
        GOOD['OS-USER-01'] + 'account.packer=/home/packer\n',
        'fail',
        'debian, packer',
    ),
    ('OS-USER-01', 'end=1\n', 'fail', 'no account'),
    ('OS-USER-01', GOOD['OS-USER-01'] + 'root=toor\n', 'fail', 'toor'),
    (
        'OS-USER-01',
        changed('OS-USER-01', 'sudo.debian=1\n', ''),
        'fail',
        'sudo asks debian',
    ),
    ('OS-USER-01', 'account.debian=/home/debian\n', 'unknown', 'understood'),
    (
        'HYG-16',
        GOOD['HYG-16'] + 'home./home/packer=1\n',
        'fail',
        '/home/packer is of nobody',
    ),
    ('EGI-SEC-05', '', 'not-applicable', 'dpkg'),
    (
        'EGI-SEC-05',
        'unsettled=grub-pc half-configured\ncount=254\n',
        'fail',
        'grub-pc half-configured',
    ),
    ('EGI-SEC-05', 'count=0\n', 'unknown', 'no package'),
    ('EGI-SEC-08', 'profiles=\nlabels=0\n', 'fail', 'neither'),
    ('EGI-SEC-08', 'apparmor=Y\nprofiles=0\nlabels=0\n', 'fail', 'profile'),
    ('EGI-SEC-08', 'selinux=0\nprofiles=\nlabels=0\n', 'fail', 'enforce'),
    ('EGI-SEC-08', 'selinux=1\nprofiles=\nlabels=1\n', 'fail', 'no label'),
    ('EGI-SEC-08', '', 'unknown', 'confines'),
    (
        'EGI-SEC-09',
        changed('EGI-SEC-09', '640 0 /etc/shadow', '644 0 /etc/shadow'),
        'fail',
        '/etc/shadow has mode 644',
    ),
    (
        'EGI-SEC-09',
        changed('EGI-SEC-09', '1777 0 /tmp', '777 0 /tmp'),
        'fail',
        '/tmp has mode 777',
    ),
    (
        'EGI-SEC-09',
        changed('EGI-SEC-09', '440 0 /etc', '440 1000 /etc'),
        'fail',
        'is not of root',
    ),
    (
        'EGI-SEC-09',
        changed('EGI-SEC-09', '700 1000', '777 1000'),
        'fail',
        '.ssh may be written',
    ),
    ('EGI-SEC-09', '', 'unknown', 'mode'),
    (
        'EGI-SEC-10',
        changed('EGI-SEC-10', 'kptr_restrict:1', 'kptr_restrict:0'),
        'fail',
        'kernel.kptr_restrict is 0',
    ),
    ('EGI-SEC-10', 'kernel/kptr_restrict:a\n', 'unknown', 'understood'),
    (
        'EGI-SEC-10',
        changed('EGI-SEC-10', 'accept_redirects:0', 'accept_redirects:1'),
        'fail',
        'net.ipv4.conf.all.accept_redirects is 1',
    ),
    ('EGI-SEC-10', '', 'unknown', 'setting'),
    ('EGI-SEC-11', 'preload=1\nend=1\n', 'fail', 'ld.so.preload'),
    (
        'EGI-SEC-11',
        'job./var/spool/cron/crontabs/root=1\nend=1\n',
        'fail',
        'crontabs/root is a job',
    ),
    ('EGI-SEC-11', '', 'unknown', 'jobs'),
    ('EGI-LOG-01', '', 'not-applicable', 'no rsyslog'),
    (
        'EGI-LOG-01',
        '== checked\n== logged\nfile=/var/log/syslog\ncontrol=1\nrenewal=1\n',
        'fail',
        '/var/log/syslog has what dhclient says',
    ),
    ('EGI-LOG-01', '== checked\n== logged\n', 'unknown', 'main log'),
    ('EGI-LOG-02', '', 'not-applicable', 'no rsyslog'),
    (
        'EGI-LOG-02',
        "== checked\naction '~' is deprecated\n== logged\n",
        'fail',
        "action '~' is deprecated",
    ),
    (
        'EGI-LOG-03',
        changed('EGI-LOG-03', 'journald.SystemMaxUse=200M\n', ''),
        'fail',
        'SystemMaxUse',
    ),
    (
        'EGI-LOG-03',
        GOOD['EGI-LOG-03'] + 'error=error: a.conf:3 unknown option\n',
        'fail',
        'unknown option',
    ),
    ('EGI-LOG-03', '', 'unknown', 'logs'),
    (
        'EGI-DATA-01',
        changed('EGI-DATA-01', '4\t/srv', '204800\t/srv'),
        'fail',
        '/srv holds 200 MiB',
    ),
    ('EGI-DATA-01', '4\t/srv\n', 'unknown', 'not looked through'),
    (
        'HYG-08',
        changed('HYG-08', '== old\n', '== old\n70000 /var/log/dpkg.log\n'),
        'fail',
        '/var/log/dpkg.log',
    ),
    (
        'HYG-10',
        changed(
            'HYG-10', '== histories\n', '== histories\n/root/.bash_history\n'
        ),
        'fail',
        '/root/.bash_history',
    ),
    (
        'HYG-12',
        changed('HYG-12', '== old\n', '== old\n12 /var/tmp/build.log\n'),
        'fail',
        '/var/tmp/build.log',
    ),
    (
        'HYG-14',
        changed(
            'HYG-14',
            '== registered\n',
            '== registered\n/etc/pki/consumer/cert.pem\n',
        ),
        'fail',
        'cert.pem',
    ),
    ('HYG-18', '', 'not-applicable', 'locale'),
    ('HYG-18', 'lang=de_DE.UTF-8\n', 'fail', 'de_DE'),
    (
        'HYG-18',
        'lang=en_US.UTF-8\nwarning=locale: Cannot set LC_CTYPE\n',
        'fail',
        'Cannot set',
    ),
]


def judge(name: str, text: str) -> base.ProbeResult:
    answer = protocol.Answer(text=text)
    return base.judge(registry.load(name), answer, EXPECTED)


class TestOurs(conformance.ProbeConformance):
    probes = PROBES
    good = GOOD
    defects = DEFECTS
    expected = EXPECTED


class TestUnderUefi(conformance.ProbeConformance):
    probes = registry.select(UEFI_ONLY)[:-1]
    good: ClassVar = {
        name: GOOD[name].replace('firmware=bios', 'firmware=uefi')
        for name in UEFI_ONLY
    }
    defects: ClassVar = [
        ('BOOT-02', GOOD['BOOT-02'], 'fail', 'booted under bios, not uefi'),
        (
            'VIRT-05',
            changed('VIRT-05', '   6   0   0   0   1', '   6   0   0   0   0'),
            'fail',
            'secure boot is off',
        ),
        ('VIRT-05', '', 'fail', 'secure boot is off'),
    ]
    expected = dataclasses.replace(
        EXPECTED, firmware='uefi', properties={'os_secure_boot': 'required'}
    )


def test_each_firmware_is_confirmed_by_its_own_boot() -> None:
    answer = protocol.Answer(text=GOOD['BOOT-02'])
    result = base.judge(registry.load('BOOT-02'), answer, EXPECTED)
    assert result.outcome is artifact.Outcome.NOT_APPLICABLE
    assert 'this boot was under bios' in result.evidence[0].message


def test_image_that_claims_nothing_cannot_be_contradicted() -> None:
    bare = dataclasses.replace(EXPECTED, properties={})
    for name in ('META-01', 'VIRT-05'):
        answer = protocol.Answer(text=GOOD[name])
        result = base.judge(registry.load(name), answer, bare)
        assert result.outcome is artifact.Outcome.NOT_APPLICABLE


def test_admin_user_of_the_properties_must_be_there() -> None:
    claims = dataclasses.replace(
        EXPECTED, properties={'os_admin_user': 'cloud-user'}
    )
    answer = protocol.Answer(text=GOOD['OS-USER-01'])
    result = base.judge(registry.load('OS-USER-01'), answer, claims)
    assert result.outcome is artifact.Outcome.FAIL
    assert 'os_admin_user is cloud-user' in result.evidence[0].message


def test_firewall_that_lets_ssh_in_is_none_of_our_business() -> None:
    for rules in (
        '== nft\nhook input priority 0; policy drop;\n tcp dport 22 accept\n',
        '== nft\nhook input ; policy drop;\n tcp dport { ssh, 80 } accept\n',
        '== iptables\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT',
        '== nft\ntable inet nat {\n}\n',
    ):
        assert judge('OS-FW-01', rules).outcome is artifact.Outcome.PASS


def test_updates_are_settled_by_a_timer_on_or_masked() -> None:
    for state in ('enabled', 'masked'):
        text = f'manager=rpm\ntimer.dnf5-automatic={state}\n'
        assert judge('EGI-SEC-06', text).outcome is artifact.Outcome.PASS


def test_guest_without_ipv6_has_an_address_all_the_same() -> None:
    text = changed('OS-NET-02', 'without_ipv6=0', 'without_ipv6=1')
    result = judge('OS-NET-02', text)
    assert result.outcome is artifact.Outcome.PASS
    assert 'IPv6 is turned off' in [one.message for one in result.evidence]


def test_probes_with_one_snippet_are_asked_once() -> None:
    probes = registry.select(['EGI-SSH-05', 'EGI-SSH-03', 'HYG-05'])
    assert base.asked_as(probes) == {
        'HYG-05': 'HYG-05',
        'EGI-SSH-03': 'EGI-SSH-03',
        'EGI-SSH-05': 'EGI-SSH-03',
        'LIVE-IDENTITY': 'LIVE-IDENTITY',
    }


def test_only_an_error_fails_a_smoke_test() -> None:
    hint = judge('HYG-18', 'lang=de_DE.UTF-8\n')
    error = judge('HYG-05', 'builder\n')
    assert (hint.is_bad, hint.blocks) == (True, False)
    assert (error.is_bad, error.blocks) == (True, True)


def test_zram_is_no_swap_on_a_disk() -> None:
    text = 'Filename\n/dev/zram0 partition 1 0 100\n'
    assert judge('EGI-LAYOUT-03', text).outcome is artifact.Outcome.PASS


def test_loopback_may_listen_on_any_port() -> None:
    text = (
        'tcp 0100007F:0019 0A\n'
        'tcp6 00000000000000000000000001000000:0019 0A\n'
        'tcp 00000000:0016 0A\n'
    )
    assert judge('EGI-SEC-03', text).outcome is artifact.Outcome.PASS


def test_emulated_guest_may_be_slow_but_not_wait() -> None:
    emulated = dataclasses.replace(EXPECTED, emulated=True)
    slow = GOOD['BOOT-07'].replace('=9000000', '=400000000')
    waits = slow.replace('12.50 8.00 2', '410.00 140.00 2')
    for text, outcome in ((slow, 'pass'), (waits, 'fail')):
        answer = protocol.Answer(text=text)
        result = base.judge(registry.load('BOOT-07'), answer, emulated)
        assert result.outcome.value == outcome
        assert result.facts['to_cloud_init_end'] == 400


def test_verdict_is_a_fail_with_all_that_is_wrong_or_else_a_pass():
    failed = base.judged(['a is wrong', 'b is'], 'all is well', ports=[1])
    assert failed.outcome == artifact.Outcome.FAIL
    assert [one.message for one in failed.evidence] == ['a is wrong', 'b is']
    passed = base.judged([], 'all is well', ports=[1])
    assert passed.outcome == artifact.Outcome.PASS
    assert [one.message for one in passed.evidence] == ['all is well']
    assert failed.facts == passed.facts == {'ports': [1]}


def test_what_is_not_as_wanted_says_what_was():
    wrong = base.compared('the name is a', False, 'b', name='a')
    assert wrong == base.failed('the name is a, not b', name='a')
    right = base.compared('the name is b', True, 'b', name='b')
    assert right == base.passed('the name is b', name='b')
