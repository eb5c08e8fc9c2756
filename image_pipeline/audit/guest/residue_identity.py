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

"""Residue that tells who a machine is: keys, ids, registrations.

What two instances must not share.  Sources, unless a line says otherwise:
virt-sysprep's operations (guestfs-tools, sysprep/), systemd's "Building
Images Safely", and the manual pages of what writes the files.
"""

import re

from image_pipeline.audit import rule
from image_pipeline.audit.guest.residue_kind import Kind, Mend

_WARNING = rule.Severity.WARNING

_SSH = (
    Kind(
        name='ssh-hostkeys',
        rule='HYG-01',
        paths=(
            '/etc/ssh/*_host_*',
            '/usr/etc/ssh/*_host_*',
            '/etc/dropbear/*_host_key',
            '/etc/dropbear-initramfs/*_host_key',
            '/etc/dropbear/initramfs/*_host_key',
            '/var/lib/dropbear/*_host_key',
        ),
        why='whoever has the image can pretend to be any instance of it',
        files=True,
    ),
    # What was put there for a person to log in is EGI-SEC-02's.
    Kind(
        name='ssh-userdir',
        rule='EGI-SEC-02',
        paths=('~/.ssh',),
        why='keys of a person let that person in, or are known to all',
        empty=True,
    ),
)
_KEYS = (
    Kind(
        name='service-keys',
        rule='HYG-02',
        paths=(
            '/etc/ssl/private/*',
            '/etc/pki/tls/private/*',
            '/etc/pki/CA/private/*',
            '/etc/pki/libvirt/private/*',
            '/etc/pki/nginx/private/*',
            '/etc/cockpit/ws-certs.d/*.key',
            '/etc/dovecot/private/*',
            '/etc/exim4/exim.key',
            '/etc/openvpn/*.key',
            '/etc/openvpn/*/*.key',
            '/etc/ipsec.d/private/*',
            '/etc/swanctl/private/*',
            '/etc/swanctl/rsa/*',
            '/etc/swanctl/ecdsa/*',
            '/etc/swanctl/pkcs*/*',
            '/var/lib/tor/*/hs_ed25519_secret_key',
            '/var/lib/shim-signed/mok/MOK.priv',
            '/var/lib/dkms/mok.key',
            '/var/lib/fwupd/pki/secret.key',
        ),
        why='a private key that every instance has is no secret',
        files=True,
    ),
    Kind(
        name='snakeoil-certificate',
        rule='HYG-02',
        paths=('/etc/ssl/certs/ssl-cert-snakeoil.pem',),
        why='it belongs to a private key that goes; make-ssl-cert '
        'generate-default-snakeoil makes both',
    ),
    Kind(
        name='cluster-secrets',
        rule='HYG-02',
        paths=(
            '/etc/munge/munge.key',
            '/var/lib/rabbitmq/.erlang.cookie',
            '/var/lib/couchdb/.erlang.cookie',
            '/opt/couchdb/.erlang.cookie',
            '/etc/corosync/authkey',
            '/etc/pacemaker/authkey',
            '/etc/ceph/*.keyring',
            '/var/lib/ceph/*/*/keyring',
            '/etc/bind/rndc.key',
            '/etc/rndc.key',
            '/etc/docker/key.json',
            '/etc/kubernetes/pki/**',
            '/etc/kubernetes/*.conf',
            '/var/lib/kubelet/pki/*',
            '/etc/rancher/node/password',
            '/etc/rancher/k3s/k3s.yaml',
            '/var/lib/rancher/k3s/server/*token*',
            '/var/lib/rancher/k3s/server/tls/**',
            '~/.local/share/jupyter/runtime/*',
            '~/.jupyter/*_secret',
            '/var/lib/tpm/system.data',
        ),
        why='who has the image can join, or control, what it protects',
        files=True,
    ),
    Kind(
        name='secrets-in-files',
        rule='HYG-02',
        paths=(
            '/etc/wireguard/*',
            '/etc/systemd/network/*.netdev',
            '/etc/ipsec.secrets',
            '/etc/ipsec.d/*.secrets',
            '/etc/mysql/debian.cnf',
        ),
        why='a secret that every instance has is none',
        mend=Mend.LINES,
        line=re.compile(
            r'\s*(?:PrivateKey|PresharedKey|password)\s*=\s*\S'
            r'|[^#]*:\s*(?:PSK|RSA|ECDSA|EAP|XAUTH)\s+\S'
        ),
    ),
    Kind(
        name='kerberos-hostkeytab',
        rule='HYG-02',
        paths=('/etc/krb5.keytab',),
        why="a host's own Kerberos keys",
    ),
    # virt-sysprep's is off; a KDC's database in an image is all its users'.
    Kind(
        name='kerberos-data',
        rule='HYG-02',
        paths=('/var/kerberos/krb5kdc/*', '/var/lib/krb5kdc/*'),
        why='the database of a Kerberos server has keys of its users',
        but=(
            '/var/kerberos/krb5kdc/kadm5.acl',
            '/var/kerberos/krb5kdc/kdc.conf',
        ),
        files=True,
    ),
    # iscsi-init.service of open-iscsi makes one where there is none; Debian's
    # startup-checks.sh wants a file that says to make one.
    Kind(
        name='iscsi-initiator',
        rule='HYG-02',
        paths=('/etc/iscsi/initiatorname.iscsi',),
        why='two initiators of one name damage what both mount',
        mend=Mend.WRITE,
        default=b'GenerateName=yes\n',
        line=re.compile(r'\s*InitiatorName\s*=\s*\S'),
        families=frozenset({'debian'}),
    ),
    Kind(
        name='iscsi-initiator-elsewhere',
        rule='HYG-02',
        paths=('/etc/iscsi/initiatorname.iscsi',),
        why='two initiators of one name damage what both mount',
        line=re.compile(r'\s*InitiatorName\s*=\s*\S'),
        families=frozenset({'redhat', 'suse', '-'}),
    ),
    Kind(
        name='nvme-host',
        rule='HYG-02',
        paths=('/etc/nvme/hostnqn', '/etc/nvme/hostid'),
        why='two hosts of one name damage what both mount over NVMe',
    ),
    Kind(
        name='ca-certificates',
        rule='HYG-02',
        paths=('/etc/pki/CA/newcerts/*', '/etc/pki/CA/crl/*'),
        why='what a certificate authority of the build host has issued',
        severity=_WARNING,
        files=True,
    ),
)
_IDS = (
    # Empty, not absent: systemd makes an id, and no first-boot mode begins,
    # which would enable units by preset.
    Kind(
        name='machine-id',
        rule='HYG-03',
        paths=('/etc/machine-id',),
        why='instances with one id get one address by DHCP, and mix their '
        'journals',
        mend=Mend.WRITE,
        fine=(b'uninitialized\n', b'uninitialized'),
    ),
    Kind(
        name='machine-id-dbus',
        rule='HYG-03',
        paths=('/var/lib/dbus/machine-id',),
        why='D-Bus would keep it, and systemd takes it for its own',
        links=False,
    ),
    Kind(
        name='random-seed',
        rule='HYG-04',
        paths=(
            '/var/lib/systemd/random-seed',
            '/var/lib/urandom/random-seed',
            '/var/lib/misc/random-seed',
            '/var/lib/random-seed',
            '/var/lib/seedrng/*',
            '/loader/random-seed',
            '/boot/loader/random-seed',
            '/boot/efi/loader/random-seed',
            '/efi/loader/random-seed',
        ),
        why='two instances begin with the same randomness',
    ),
    Kind(
        name='credential-secret',
        rule='HYG-04',
        paths=('/var/lib/systemd/credential.secret',),
        why='it opens the credentials of every instance',
    ),
    Kind(
        name='smolt-uuid',
        rule='HYG-13',
        paths=(
            '/etc/sysconfig/hw-uuid',
            '/etc/smolt/uuid',
            '/etc/smolt/hw-uuid',
        ),
        why='the id of the hardware that the image was made on',
    ),
    Kind(
        name='yum-uuid',
        rule='HYG-13',
        paths=('/var/lib/yum/uuid',),
        why='it counts all instances as one',
    ),
    Kind(
        name='lvm-system-devices',
        rule='EGI-LAYOUT-02',
        paths=('/etc/lvm/devices/system.devices', '/etc/lvm/devices/backup/*'),
        why='LVM would see the disks of the build host only',
    ),
)
_SUBSCRIPTION = (
    Kind(
        name='rh-subscription-manager',
        rule='HYG-14',
        paths=(
            '/etc/pki/consumer/*',
            '/etc/pki/entitlement/*',
            '/var/lib/rhsm/facts/*',
            '/etc/insights-client/machine-id',
            '/etc/insights-client/.registered',
            '/etc/redhat-access-insights/machine-id',
        ),
        why='all instances would be one registered system',
        files=True,
    ),
    Kind(
        name='rhn-systemid',
        rule='HYG-14',
        paths=(
            '/etc/sysconfig/rhn/systemid',
            '/etc/sysconfig/rhn/osad-auth.conf',
        ),
        why='all instances would be one registered system',
    ),
    Kind(
        name='suse-registration',
        rule='HYG-14',
        paths=('/etc/zypp/credentials.d/*', '/etc/SUSEConnect'),
        why='all instances would be one registered system',
        files=True,
    ),
    Kind(
        name='ubuntu-pro',
        rule='HYG-14',
        paths=(
            '/var/lib/ubuntu-advantage/private/*',
            '/var/lib/ubuntu-advantage/machine-access-*',
        ),
        why='all instances would be one attached machine',
        files=True,
    ),
    Kind(
        name='landscape',
        rule='HYG-14',
        paths=('/etc/landscape/client.conf',),
        why='all instances would be one registered machine',
        mend=Mend.LINES,
        line=re.compile(
            r'\s*(?:account_name|registration_key|computer_title)\s*=\s*\S'
        ),
    ),
    Kind(
        name='agents',
        rule='HYG-14',
        paths=(
            '/etc/salt/pki/minion/*',
            '/etc/salt/minion_id',
            '/etc/chef/client.pem',
            '/etc/puppetlabs/puppet/ssl/**',
            '/opt/puppetlabs/puppet/cache/client_data/**',
            '/var/lib/puppet/ssl/**',
            '/var/lib/waagent/*',
            '/var/lib/amazon/ssm/registration',
            '/var/lib/amazon/ssm/Vault/**',
            '/var/lib/newrelic-infra/data/**',
            '/etc/newrelic-infra/host_id',
            '/var/lib/netdata/registry/netdata.public.unique.id',
            '/var/lib/netdata/cloud.d/*',
            '/var/lib/tailscale/tailscaled.state',
            '/var/lib/zerotier-one/identity.*',
            '/etc/crowdsec/local_api_credentials.yaml',
        ),
        why='all instances would be one agent',
        files=True,
    ),
)

KINDS: tuple[Kind, ...] = (
    *_SSH,
    *_KEYS,
    *_IDS,
    *_SUBSCRIPTION,
)
