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

"""What a good guest answers: debian-12, booted by QEMU, as it was recorded."""

import json

from image_pipeline.hypervisors import base
from image_pipeline.probes import base as probe_base
from image_pipeline.probes import protocol, registry

_UNITS = """\
== state
running
== units
cloud-config.service
cloud-final.service
cloud-init-local.service
cloud-init.service
dbus.service
getty@tty1.service
image-pipeline-probes.service
qemu-guest-agent.service
serial-getty@ttyS0.service
ssh.service
systemd-journald.service
systemd-logind.service
systemd-networkd.service
systemd-resolved.service
systemd-timesyncd.service
dbus.socket
systemd-networkd.socket
apt-daily-upgrade.timer
fstrim.timer
== jobs
== devices
screen=1
agent=1
discard.sr0=0
discard.vda=2147483136
"""
_MACHINE = """\
firmware={firmware}
secure_boot=   6   0   0   0   1
kernel=6.1.0-56-cloud-amd64
machine=x86_64
modules.6.1.0-56-cloud-amd64=1
cmdline=BOOT_IMAGE=/boot/vmlinuz-6.1.0-56-cloud-amd64 \
root=UUID=4a0f78a0-1a8e-5cca-a0ba-22bbde5bf2cd ro console=tty0 \
console=ttyS0,115200n8
clocksource=tsc
rng=virtio_rng.0
os.VERSION_ID=12
os.ID=debian
stamp.recipe=debian-12
stamp.run=20261121-080000-1
stamp.date=2026-11-21
zone=+0000
"""
_BLOCK = '/sys/devices/pci0000:00/0000:00:03.0/virtio1/block/vda/vda3/..'
_DISK = """\
device=vda3
partition={used}
disk={disk}
start=135168
other.{block}/vda1/start=2048
other.{block}/vda2/start=133120
other.{block}/vda3/start=135168
"""
_MOUNTS = """\
== mounts
/dev/vda3 / ext4
/dev/vda1 /boot/efi vfat
== arrays
== verified
Success, no errors or warnings detected
== named
root=UUID=4a0f78a0-1a8e-5cca-a0ba-22bbde5bf2cd
== end
"""
_TABLE = """\
== vda
/dev/vda:
No errors detected.
Header version: 1.0
Using 3 out of 128 partitions.
A total of 0 free sectors is available in 0 segments (the largest is 0 B).
"""
_LINKS = """\
link.ens4=fa:16:3e:ea:52:83
address.ens4.4=10.0.2.15/24
address.ens4.6=fec0::f816:3eff:feea:5283/64
without_ipv6=0
said.Name=en* eth*=1
said.Name=ens4=1
"""
_SSHD = """\
logingracetime 60
maxauthtries 4
clientaliveinterval 120
permitrootlogin no
passwordauthentication no
kbdinteractiveauthentication no
x11forwarding no
permitemptypasswords no
ciphers chacha20-poly1305@openssh.com,aes128-ctr,aes256-gcm@openssh.com
macs umac-64-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha1
kexalgorithms sntrup761x25519-sha512,curve25519-sha256,ecdh-sha2-nistp256
"""
_HOST_KEYS = """\
ssh_host_ecdsa_key=600 513
ssh_host_ed25519_key=600 419
ssh_host_rsa_key=600 2610
"""
# cloud-init tells root whom to log in as.
_KEYS = """\
0 root 600 no-port-forwarding,no-agent-forwarding,no-X11-forwarding,\
command="echo 'Please login as the user';echo;sleep 10;exit 142" {key}
1000 debian 600 {key}
"""
_ACCOUNTS = """\
account.debian=/home/debian
sudo.debian=1
home./home/debian=1
end=1
"""
_SOCKETS = """\
tcp 00000000:0016 0A
tcp 3600007F:0035 0A
tcp6 00000000000000000000000000000000:0016 0A
udp 3500007F:0035 07
udp 0F02000A:0044 07
== owners
udp 10.0.2.15%ens4:68 users:(("systemd-network",pid=356,fd=18))
tcp 0.0.0.0:22 users:(("sshd",pid=465,fd=3))
"""
_MODES = """\
644 0 /etc/passwd
644 0 /etc/group
640 0 /etc/shadow
640 0 /etc/gshadow
440 0 /etc/sudoers
644 0 /etc/ssh/sshd_config
700 0 /root
444 0 /etc/machine-id
1777 0 /tmp
1777 0 /var/tmp
700 1000 /home/debian/.ssh
"""
_SYSCTL = """\
kernel/kptr_restrict:1
kernel/dmesg_restrict:1
fs/protected_hardlinks:1
fs/protected_symlinks:1
net/ipv4/conf/all/accept_redirects:0
net/ipv6/conf/all/accept_redirects:0
"""
_TRACES = """\
== old
== histories
== registered
== end
"""


def recorded() -> dict[str, str]:
    """Return what a good guest answers that is what judges expect, by probe.

    It was booted under BIOS, and is what
    :data:`image_pipeline.testing.conformance.probe.EXPECTED` says.
    """
    # Needs pytest, which a fake hypervisor does not.
    from image_pipeline.testing.conformance import probe as conformance

    expected = conformance.EXPECTED
    seed = base.Seed(
        instance_id=expected.instance_id,
        hostname=expected.hostname,
        public_key=expected.public_key,
        user_data=b'',
    )
    shape = base.Shape(
        firmware=base.Firmware(expected.firmware),
        vcpus=1,
        memory_bytes=1 << 30,
        disk_bytes=expected.disk_bytes,
    )
    return good(seed, shape)


def changed(name: str, old: str, new: str) -> str:
    """Return the answer of a guest in which one thing is wrong.

    :param name: the probe's id.
    :param old: what a good guest says; it must be there.
    :param new: what this one says instead.
    """
    text = recorded()[name]
    if old not in text:
        raise ValueError(f'{name} does not answer {old!r}')
    return text.replace(old, new)


def good(seed: base.Seed, shape: base.Shape) -> dict[str, str]:
    """Return what a good guest answers, by probe.

    :param seed: what the instance was told.
    :param shape: the machine.
    """
    asked = _asked(seed, shape)
    shared = probe_base.asked_as(registry.select(None))
    return {
        protocol.HELLO: '12.50 10.00\n',
        protocol.ASKED: '12.60 14.10\n',
    } | {probe: asked[first] for probe, first in shared.items()}


def _asked(seed: base.Seed, shape: base.Shape) -> dict[str, str]:
    """Return what a good guest answers to each question."""
    source = 'ConfigDrive' if shape.config_drive else 'OpenStack'
    status = {'datasource': f'DataSource{source} [net,ver=2]', 'errors': []}
    result = f'== result\n{json.dumps({"v1": status})}\n'
    unique = seed.instance_id.replace('-', '')
    used = shape.disk_bytes * 95 // 100
    return {
        'EGI-CI-01': result + '== log\n',
        'EGI-CI-02': f'there=1\nid={source.lower()}\n'
        f'list=[ {source}, None ]\n',
        'BOOT-07': 'InitRDTimestampMonotonic=0\n'
        'UserspaceTimestampMonotonic=1500000\n'
        'FinishTimestampMonotonic=9500000\n'
        '== units\nId=cloud-init-local.service\n'
        'InactiveExitTimestampMonotonic=3000000\n'
        'ActiveEnterTimestampMonotonic=4000000\n\n'
        'Id=cloud-final.service\n'
        'InactiveExitTimestampMonotonic=8000000\n'
        'ActiveEnterTimestampMonotonic=9000000\n'
        '== kernel\n6.1.0-1-cloud-amd64\n== idle\n12.50 8.00 2\n',
        'EGI-CON-03': 'active=tty0 ttyS0\ngetty.ttyS0=active\n',
        'LIVE-MEMORY': 'MemTotal: 1000000 kB\nMemAvailable: 900000 kB\n',
        'LIVE-UNITS': _UNITS,
        'EGI-SEC-06': 'manager=apt\nAPT::Periodic::Unattended-Upgrade=0\n',
        'BOOT-01': _MACHINE.format(firmware=shape.firmware.value),
        'EGI-LAYOUT-11': '492\n',
        'EGI-LAYOUT-01': _DISK.format(
            used=used, disk=shape.disk_bytes, block=_BLOCK
        ),
        'EGI-LAYOUT-05': _MOUNTS,
        'EGI-LAYOUT-08': _TABLE,
        'EGI-GROW-02': f'size={used // 1024}\nfree={used // 2048}\n',
        'EGI-LAYOUT-02': '',
        'EGI-LAYOUT-03': 'Filename\tType\tSize\tUsed\tPriority\n',
        'OS-NET-01': _LINKS,
        'OS-FW-01': '== none\n',
        'HYG-07': '== resolver\nlink=/run/systemd/resolve/stub-resolv.conf\n'
        '== proxies\n',
        'EGI-SSH-02': _SSHD,
        'EGI-SSH-04': _HOST_KEYS,
        'OS-CI-07': _KEYS.format(key=seed.public_key),
        'OS-USER-01': _ACCOUNTS,
        'EGI-SSH-01': _SOCKETS,
        'EGI-SEC-01': 'shadow=read\n',
        'HYG-05': f'{seed.hostname}\n',
        'HYG-09': f'{seed.instance_id}\n',
        'EGI-SEC-05': 'count=254\n',
        'EGI-SEC-08': 'apparmor=Y\nprofiles=9\nlabels=0\n',
        'EGI-SEC-09': _MODES,
        'EGI-SEC-10': _SYSCTL,
        'EGI-SEC-11': 'end=1\n',
        'EGI-LOG-01': '== checked\n== logged\nfile=/var/log/syslog\n'
        'control=1\n',
        'EGI-LOG-03': 'logrotate=1\njournal=kept\n'
        'journald.SystemMaxUse=200M\nend=1\n',
        'EGI-DATA-01': '4\t/mnt\n4\t/srv\n4\t/media\n4\t/opt\nend\n',
        'HYG-08': _TRACES,
        'HYG-18': 'lang=C.UTF-8\n',
        'LIVE-IDENTITY': f'machine-id={unique}\n'
        f'host-key.ssh_host_ed25519_key.pub=AAAA{unique}\n'
        f'random-seed./var/lib/systemd/random-seed={unique}\n',
    }
