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

"""The operating system in the sound image: accounts, services, SSH, network.

A Debian as the EGI best practices want it, cut down to what rules look at.
"""

from collections.abc import Mapping

from image_pipeline.testing.disks import Content, File, Folder, Link

#: The beginning of a program for x86-64.
ELF_X86_64 = b'\x7fELF\2\1\1'.ljust(16, b'\0') + b'\2\0\x3e\0'
_UNITS = '/usr/lib/systemd/system'
_WANTS = '/etc/systemd/system'


def _unit(description: str, *lines: str) -> str:
    return '\n'.join(('[Unit]', f'Description={description}', *lines, ''))


def _service(name: str, target: str = 'multi-user.target') -> str:
    return _unit(
        name,
        '',
        '[Service]',
        f'ExecStart=/usr/sbin/{name}',
        '',
        '[Install]',
        f'WantedBy={target}',
    )


def _enabled(
    name: str, target: str = 'multi-user.target'
) -> Mapping[str, Content]:
    """Return a service and what enables it."""
    path = f'{_UNITS}/{name}.service'
    return {
        path: _service(name, target),
        f'{_WANTS}/{target}.wants/{name}.service': Link(path),
    }


ACCOUNTS: Mapping[str, Content] = {
    '/etc/passwd': 'root:x:0:0:root:/root:/bin/bash\n'
    'daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n'
    'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n'
    'sshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n',
    '/etc/group': 'root:x:0:\ndaemon:x:1:\nsudo:x:27:\nshadow:x:42:\n'
    'nogroup:x:65534:\n',
    '/etc/shadow': File(
        'root:!*:20778:0:99999:7:::\ndaemon:*:20778:0:99999:7:::\n'
        'nobody:*:20778:0:99999:7:::\nsshd:!:20778::::::\n',
        mode=0o640,
        gid=42,
    ),
    '/etc/gshadow': File(
        'root:*::\ndaemon:*::\nsudo:*::\nshadow:*::\nnogroup:*::\n',
        mode=0o640,
        gid=42,
    ),
    '/etc/sudoers': File(
        'Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n'
        '%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n',
        mode=0o440,
    ),
    '/etc/sudoers.d': None,
    '/etc/machine-id': File('', mode=0o444),
    '/root': Folder(mode=0o700),
    '/root/.bashrc': '# a comment\n',
    '/home': None,
    '/tmp': Folder(mode=0o1777),  # noqa: S108 - in the image
    '/var/tmp': Folder(mode=0o1777),  # noqa: S108 - in the image
}
SSHD: Mapping[str, Content] = {
    '/usr/sbin/sshd': File('ELF\n', mode=0o755),
    '/etc/ssh/sshd_config': 'Include /etc/ssh/sshd_config.d/*.conf\n'
    'KbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\n'
    'Subsystem sftp /usr/lib/openssh/sftp-server\n',
    '/etc/ssh/sshd_config.d/00-sshd-keys-only.conf': File(
        'PasswordAuthentication no\nKbdInteractiveAuthentication no\n'
        'PermitEmptyPasswords no\nPermitRootLogin no\nMaxAuthTries 4\n'
        'LoginGraceTime 60\nClientAliveInterval 120\nX11Forwarding no\n',
        mode=0o600,
    ),
    **_enabled('ssh'),
    f'{_WANTS}/sshd.service': Link(f'{_UNITS}/ssh.service'),
}
NETWORK: Mapping[str, Content] = {
    '/etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
    '/etc/resolv.conf': Link('../run/systemd/resolve/stub-resolv.conf'),
    '/etc/netplan': None,
    '/etc/systemd/network/90-network-dhcp.network': '[Match]\nType=ether\n'
    'Kind=!*\nName=en* eth*\n\n[Network]\nDHCP=yes\n',
    '/etc/systemd/resolved.conf.d/10-network-dhcp.conf': '[Resolve]\n'
    'LLMNR=no\nMulticastDNS=no\n',
    '/usr/sbin/netplan': File('#!/usr/bin/python3\n', mode=0o755),
    '/usr/lib/systemd/systemd-networkd': File('ELF\n', mode=0o755),
    **_enabled('systemd-networkd'),
    **_enabled('systemd-resolved', 'sysinit.target'),
}
CLOUD_INIT: Mapping[str, Content] = {
    '/usr/bin/cloud-init': File('#!/usr/bin/python3\n', mode=0o755),
    '/etc/cloud/cloud.cfg': 'users:\n - default\n'
    'disable_root: true\npreserve_hostname: false\n'
    'cloud_init_modules:\n - growpart\n - resizefs\n - set_hostname\n'
    ' - update_hostname\n - users-groups\n - ssh\n'
    'cloud_config_modules:\n - set-passwords\n - runcmd\n'
    'cloud_final_modules:\n - scripts-user\n - ssh-authkey-fingerprints\n'
    ' - keys-to-console\n'
    'system_info:\n distro: debian\n default_user:\n  name: debian\n'
    '  lock_passwd: True\n  sudo: ["ALL=(ALL) NOPASSWD:ALL"]\n'
    '  shell: /bin/bash\n',
    '/etc/cloud/cloud.cfg.d/95-cloud-init-openstack.cfg': 'datasource_list: '
    '[ ConfigDrive, OpenStack, None ]\n',
    '/etc/cloud/cloud.cfg.d/95-network-dhcp.cfg': 'system_info:\n network:\n'
    '  renderers: [netplan, networkd]\n  activators: [netplan, networkd]\n',
    '/etc/cloud/cloud.cfg.d/95-sshd-keys-only.cfg': 'ssh_pwauth: false\n'
    'ssh_deletekeys: true\nssh_genkeytypes: [ed25519, ecdsa, rsa]\n',
    '/usr/lib/cloud-init/ds-identify': File('#!/bin/sh\n', mode=0o755),
    '/usr/lib/systemd/system-generators/cloud-init-generator': File(
        '#!/bin/sh\n', mode=0o755
    ),
    '/usr/bin/growpart': File('#!/bin/sh\n', mode=0o755),
    '/usr/sbin/sfdisk': File('ELF\n', mode=0o755),
    '/usr/sbin/resize2fs': File('ELF\n', mode=0o755),
    **_enabled('cloud-init-local', 'cloud-init.target'),
    **_enabled('cloud-init', 'cloud-init.target'),
    **_enabled('cloud-config', 'cloud-init.target'),
    **_enabled('cloud-final', 'cloud-init.target'),
    f'{_UNITS}/cloud-init.target': _unit('cloud-init'),
    f'{_WANTS}/multi-user.target.wants/cloud-init.target': Link(
        f'{_UNITS}/cloud-init.target'
    ),
}
SYSTEMD: Mapping[str, Content] = {
    '/usr/lib/systemd/systemd': File(ELF_X86_64, mode=0o755),
    '/etc/systemd/system/default.target': Link(f'{_UNITS}/multi-user.target'),
    f'{_UNITS}/multi-user.target': _unit(
        'Multi-User System', 'Requires=basic.target'
    ),
    f'{_UNITS}/basic.target': _unit('Basic', 'Requires=sysinit.target'),
    f'{_UNITS}/sysinit.target': _unit('System Initialization'),
    **_enabled('systemd-timesyncd', 'sysinit.target'),
    '/usr/lib/systemd/systemd-journald': File('ELF\n', mode=0o755),
    '/etc/systemd/journald.conf.d/10-size.conf': '[Journal]\n'
    'SystemMaxUse=200M\n',
    '/var/log/journal': None,
}
SECURITY: Mapping[str, Content] = {
    '/etc/apt/sources.list.d/debian.sources': 'Types: deb\n'
    'URIs: https://archive.example/debian\nSuites: bookworm bookworm-updates\n'
    'Components: main\n'
    'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
    '/usr/share/keyrings/debian-archive-keyring.gpg': b'\x99\x02',
    '/etc/apt/apt.conf.d/20auto-upgrades': (
        'APT::Periodic::Update-Package-Lists "1";\n'
        'APT::Periodic::Unattended-Upgrade "1";\n'
    ),
    '/usr/bin/unattended-upgrade': File('#!/usr/bin/python3\n', mode=0o755),
    '/etc/sysctl.d/60-egi.conf': 'fs.protected_hardlinks = 1\n'
    'fs.protected_symlinks = 1\nkernel.dmesg_restrict = 1\n'
    'kernel.kptr_restrict = 1\nnet.ipv4.conf.all.accept_redirects = 0\n'
    'net.ipv4.conf.all.rp_filter = 2\n'
    'net.ipv6.conf.all.accept_redirects = 0\n',
    **_enabled('apparmor', 'sysinit.target'),
}
CONSOLES: Mapping[str, Content] = {
    f'{_UNITS}/getty.target': _unit('Login Prompts'),
    f'{_UNITS}/multi-user.target.wants/getty.target': Link('../getty.target'),
    f'{_UNITS}/getty@.service': _service('agetty', 'getty.target'),
    f'{_UNITS}/autovt@.service': Link('getty@.service'),
    f'{_UNITS}/serial-getty@.service': _service('agetty', 'getty.target'),
    f'{_WANTS}/getty.target.wants/getty@tty1.service': Link(
        f'{_UNITS}/getty@.service'
    ),
    '/usr/lib/systemd/system-generators/systemd-getty-generator': File(
        'ELF\n', mode=0o755
    ),
    '/usr/lib/systemd/systemd-logind': File('ELF\n', mode=0o755),
    '/etc/systemd/logind.conf.d/10-cloud-consoles.conf': '[Login]\n'
    'NAutoVTs=0\nReserveVT=0\n',
}
#: What a guest does for its hypervisor: discards, and its power button.
VIRTUAL: Mapping[str, Content] = {
    f'{_UNITS}/systemd-logind.service': _service(
        'systemd-logind', 'multi-user.target'
    ),
    f'{_UNITS}/fstrim.timer': '[Timer]\nOnCalendar=weekly\n'
    '[Install]\nWantedBy=timers.target\n',
    f'{_WANTS}/timers.target.wants/fstrim.timer': Link(
        f'{_UNITS}/fstrim.timer'
    ),
    '/etc/localtime': Link('/usr/share/zoneinfo/Etc/UTC'),
}
FILES: Mapping[str, Content] = {
    **ACCOUNTS,
    **SSHD,
    **NETWORK,
    **CLOUD_INIT,
    **SYSTEMD,
    **CONSOLES,
    **SECURITY,
    **VIRTUAL,
}
