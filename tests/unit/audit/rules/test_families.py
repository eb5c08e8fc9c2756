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

"""Images of other families, as they should be, break no rule of access."""

import pytest

from image_pipeline.audit import registry
from image_pipeline.testing import disks
from image_pipeline.testing.disks import File, Link

UNITS = '/usr/lib/systemd/system'
ETC = '/etc/systemd/system'
LABEL = {'security.selinux': b'system_u:object_r:etc_t:s0\0'}
RULES = [
    rule_id
    for rule_id in sorted(registry.rules())
    if rule_id.startswith(('EGI-SEC-', 'EGI-SSH-', 'OS-'))
]
MODULES = (
    'cloud_init_modules: [growpart, resizefs, set_hostname, update_hostname, '
    'users_groups, ssh]\n'
    'cloud_config_modules: [runcmd]\n'
    'cloud_final_modules: [scripts_user, ssh_authkey_fingerprints, '
    'keys_to_console]\n'
)
SSHD = (
    'PasswordAuthentication no\nKbdInteractiveAuthentication no\n'
    'PermitRootLogin no\nMaxAuthTries 4\nLoginGraceTime 60\n'
    'ClientAliveInterval 120\nX11Forwarding no\n'
)
SYSCTL = (
    'fs.protected_hardlinks = 1\nfs.protected_symlinks = 1\n'
    'kernel.dmesg_restrict = 1\nkernel.kptr_restrict = 1\n'
    'net.ipv4.conf.all.accept_redirects = 0\n'
    'net.ipv4.conf.all.rp_filter = 1\n'
    'net.ipv6.conf.all.accept_redirects = 0\n'
)


def labelled(text, mode=0o644):
    return File(text, mode=mode, xattrs=LABEL)


def enabled(name, target='multi-user.target', text='[Service]\n'):
    return {
        f'{UNITS}/{name}': text,
        f'{ETC}/{target}.wants/{name}': Link(f'{UNITS}/{name}'),
    }


COMMON = {
    '/etc/passwd': labelled(
        'root:x:0:0:root:/root:/bin/bash\n'
        'nobody:x:65534:65534::/:/sbin/nologin\n'
    ),
    '/etc/group': 'root:x:0:\nnobody:x:65534:\n',
    '/usr/sbin/sshd': labelled('ELF\n', 0o755),
    '/usr/lib/systemd/systemd': File('ELF\n', mode=0o755),
    '/usr/bin/cloud-init': File('x\n', mode=0o755),
    '/etc/sysctl.d/60-egi.conf': SYSCTL,
    f'{UNITS}/multi-user.target': '[Unit]\n',
    f'{ETC}/default.target': Link(f'{UNITS}/multi-user.target'),
    **enabled('cloud-init.service', 'cloud-init.target'),
    **enabled('cloud-init.target', 'multi-user.target', '[Unit]\n'),
}
EL = {
    **COMMON,
    '/usr/lib/os-release': 'ID="rocky"\nID_LIKE="rhel centos fedora"\n'
    'VERSION_ID="9.6"\nSUPPORT_END=9999-12-31\n',
    '/etc/shadow': File('root:!!:1::::::\n', mode=0, xattrs=LABEL),
    '/etc/ssh/sshd_config': File(
        'Include /etc/ssh/sshd_config.d/*.conf\n'
        'AuthorizedKeysFile .ssh/authorized_keys\n'
        'Subsystem sftp /usr/libexec/openssh/sftp-server\n',
        mode=0o600,
    ),
    '/etc/ssh/sshd_config.d/00-egi.conf': SSHD,
    '/etc/ssh/sshd_config.d/50-redhat.conf': 'SyslogFacility AUTHPRIV\n'
    'ChallengeResponseAuthentication no\nUsePAM yes\nX11Forwarding yes\n'
    'Include /etc/crypto-policies/back-ends/opensshserver.config\n',
    '/etc/crypto-policies/back-ends/opensshserver.config': Link(
        '/usr/share/crypto-policies/DEFAULT/opensshserver.txt'
    ),
    '/usr/share/crypto-policies/DEFAULT/opensshserver.txt': (
        'MACs hmac-sha2-256-etm@openssh.com,hmac-sha1\n'
    ),
    '/etc/cloud/cloud.cfg': f'{MODULES}disable_root: true\n'
    "ssh_pwauth: false\nssh_genkeytypes: ['rsa', 'ecdsa', 'ed25519']\n"
    'system_info:\n  default_user:\n    name: rocky\n    lock_passwd: true\n'
    '    sudo: ["ALL=(ALL) NOPASSWD:ALL"]\n  network:\n'
    "    renderers: ['sysconfig', 'eni', 'netplan', 'network-manager']\n",
    **enabled('sshd.service', text='[Unit]\nWants=sshd-keygen.target\n'),
    f'{UNITS}/sshd-keygen.target': '[Unit]\nWants=sshd-keygen@rsa.service\n',
    **enabled('NetworkManager.service'),
    '/etc/NetworkManager/NetworkManager.conf': '[main]\n',
    **enabled('chronyd.service'),
    '/etc/chrony.conf': 'pool 2.rocky.pool.example.org iburst\n',
    **enabled('dnf-automatic.timer', 'timers.target', '[Timer]\n'),
    '/etc/yum.repos.d/rocky.repo': '[baseos]\nname=Rocky $releasever\n'
    'mirrorlist=https://mirrors.example.org/?arch=$basearch\ngpgcheck=1\n',
    '/etc/selinux/config': '# SELINUX= can take\nSELINUX=enforcing\n',
}
UBUNTU = {
    **COMMON,
    '/usr/lib/os-release': 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n'
    'SUPPORT_END=9999-12-31\n',
    '/etc/shadow': File('root:*:1::::::\n', mode=0o640),
    '/etc/ssh/sshd_config': 'Include /etc/ssh/sshd_config.d/*.conf\n'
    'KbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\n',
    '/etc/ssh/sshd_config.d/00-egi.conf': SSHD,
    '/etc/ssh/sshd_config.d/60-cloudimg-settings.conf': (
        'PasswordAuthentication no\n'
    ),
    '/etc/cloud/cloud.cfg': f'{MODULES}users: [default]\n'
    'disable_root: true\nsystem_info:\n  default_user:\n    name: ubuntu\n'
    '    lock_passwd: True\n    sudo: ["ALL=(ALL) NOPASSWD:ALL"]\n'
    '  network:\n    renderers: [netplan, eni, sysconfig]\n',
    **enabled('ssh.socket', 'sockets.target', '[Socket]\nListenStream=22\n'),
    **enabled('systemd-networkd.service'),
    '/usr/sbin/netplan': File('x\n', mode=0o755),
    **enabled('systemd-resolved.service'),
    '/usr/lib/systemd/resolved.conf': '#LLMNR=no\n',
    **enabled('systemd-timesyncd.service'),
    **enabled('apparmor.service'),
    **enabled('ufw.service'),
    '/etc/ufw/ufw.conf': 'ENABLED=no\n',
    **enabled(
        'rsync.service', text='[Unit]\nConditionPathExists=/etc/rsyncd.conf\n'
    ),
    **enabled(
        'multipathd.socket',
        'sockets.target',
        '[Socket]\nListenStream=@/org/kernel/linux/storage/multipathd\n',
    ),
    '/etc/apt/apt.conf.d/20auto-upgrades': (
        'APT::Periodic::Unattended-Upgrade "1";\n'
    ),
    '/usr/bin/unattended-upgrade': File('x\n', mode=0o755),
    '/etc/apt/sources.list.d/ubuntu.sources': 'Types: deb\n'
    'URIs: http://archive.ubuntu.example.org/ubuntu/\nSuites: noble\n'
    'Components: main\nSigned-By: /usr/share/keyrings/ubuntu.gpg\n',
}


@pytest.mark.parametrize('rule_id', RULES)
@pytest.mark.parametrize('files', [EL, UBUNTU], ids=['el', 'ubuntu'])
def test_sound_image_of_another_family_passes(rule_id, files):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    found = registry.get(rule_id).check(disks.MemoryView(disk, files))
    assert found.outcome == 'pass', found.evidence
