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

"""Find what opens something: keys, tokens, passwords of clouds.

First by the names of files, then by what is in a bounded number of small
files where people and builders leave them.  Host keys of SSH and keys of TLS
services are not looked for here: they are an identity, not a way in.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator

from image_pipeline.audit.guest import text
from image_pipeline.disk import files

#: Below a home folder, by what they are.
IN_HOMES = {
    '.ssh/*': 'of SSH',
    '.aws/credentials': 'of AWS',
    '.azure/*.json': 'of Azure',
    '.boto': 'of Google Cloud',
    '.config/gcloud/*.db': 'of Google Cloud',
    '.config/gcloud/*.json': 'of Google Cloud',
    '.config/gh/hosts.yml': 'of GitHub',
    '.config/openstack/*.yaml': 'of OpenStack',
    '.config/rclone/rclone.conf': 'of rclone',
    '.config/containers/auth.json': 'of a container registry',
    '.docker/config.json': 'of a container registry',
    '.git-credentials': 'of Git',
    '.globus/*.pem': 'of X.509',
    '.globus/*.p12': 'of X.509',
    '.gnupg/private-keys-v1.d/*': 'of GnuPG',
    '.kube/config': 'of Kubernetes',
    '.my.cnf': 'of MySQL',
    '.netrc': 'of network services',
    '.oidc-agent/*': 'of OpenID Connect',
    '.pgpass': 'of PostgreSQL',
    '.pypirc': 'of PyPI',
    '.s3cfg': 'of S3',
    '.terraform.d/credentials.tfrc.json': 'of Terraform',
    '.vault-token': 'of Vault',
    'clouds.yaml': 'of OpenStack',
    'openrc': 'of OpenStack',
    '*openrc.sh': 'of OpenStack',
    'secure.yaml': 'of OpenStack',
}
#: Anywhere, by what they are.
ELSEWHERE = {
    '/etc/apt/auth.conf': 'of package repositories',
    '/etc/apt/auth.conf.d/*': 'of package repositories',
    '/etc/grid-security/*key.pem': 'of X.509',
    '/etc/grid-security/*/*key.pem': 'of X.509',
    '/etc/kubernetes/*.conf': 'of Kubernetes',
    '/etc/openstack/*.yaml': 'of OpenStack',
    '/etc/rancher/k3s/k3s.yaml': 'of Kubernetes',
    '/etc/skel/.ssh/*': 'of SSH',
    '/etc/ssh/authorized_keys*': 'of SSH',
    '/etc/ssh/authorized_keys.d/*': 'of SSH',
    '/tmp/x509up_u*': 'of X.509',  # noqa: S108 - in the image
}
#: Where tokens are said in passing.
_LIKELY = (
    '/etc/environment',
    '/etc/profile.d/*',
    '/etc/apt/apt.conf.d/*',
    '/etc/apt/sources.list',
    '/etc/apt/sources.list.d/*',
    '/etc/yum.repos.d/*.repo',
    '/etc/zypp/repos.d/*.repo',
    '/etc/dnf/dnf.conf',
    '/etc/yum.conf',
    '/etc/pip.conf',
    '/etc/wgetrc',
    '/etc/npmrc',
    '/etc/rc.local',
    '/etc/default/*',
    '/etc/sysconfig/*',
    '/etc/cloud/cloud.cfg.d/*',
    '/etc/systemd/system/*.service',
    '/etc/systemd/system/*.d/*.conf',
    '/root/*',
    '/root/.*rc',
    '/root/.*profile',
    '/root/.config/*/*',
    '/home/*/*',
    '/home/*/.*rc',
    '/home/*/.*profile',
    '/home/*/.config/*/*',
)
#: Folders with private keys in files with other names.
_KEYS_BELOW = ('/etc', '/root', '/home', '/opt', '/srv', '/usr/local', '/var')
#: HYG-01 and HYG-02 tell of what is in these.
_IDENTITIES = (
    '/etc/ssh/ssh_host_',
    '/etc/ssl/',
    '/etc/pki/',
    '/etc/dropbear/',
    '/etc/iscsi/',
    '/etc/ipsec',
    '/etc/munge/',
    '/etc/swanctl/',
    '/etc/wireguard/',
    '/var/lib/dpkg/',
    '/var/lib/postgresql/',
    '/var/lib/rancher/',
    '/var/lib/kubelet/',
    '/var/lib/tpm',
)
_KEY_NAME = re.compile(
    r'(?:\.(?:pem|key|priv|ppk|pkcs8|private)$|^id_|key$)', re.IGNORECASE
)
_KEY = re.compile(
    rb'-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED|PGP) )?PRIVATE KEY'
    rb'(?: BLOCK)?-----'
)
_TOKENS = {
    'an access key of AWS': re.compile(r'\b(?:AKIA|ASIA)[0-9A-Z]{16}\b'),
    'a token of GitHub': re.compile(
        r'\b(?:gh[opsur]_[A-Za-z0-9]{36}|github_pat_\w{50})'
    ),
    'a token of GitLab': re.compile(r'\bglpat-[\w-]{20}'),
    'a token of Slack': re.compile(r'\bxox[abprs]-[\w-]{10}'),
    'a token of Vault': re.compile(r'\bhvs\.[\w-]{24}'),
    'a web token': re.compile(r'\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10}'),
    'a password in an address': re.compile(
        r'\b[a-z][a-z0-9+.-]{1,9}://[^\s/:@\'"$<{*]{1,64}:'
        r'[^\s/:@\'"$<{*]{1,64}@\w'
    ),
    'a password of OpenStack': re.compile(
        r'\bOS_(?:PASSWORD|APPLICATION_CREDENTIAL_SECRET|TOKEN)='
        r'["\']?[^\s$"\']'
    ),
    'a secret key of AWS': re.compile(
        r'(?i)\baws_secret_access_key\s*=\s*["\']?[A-Za-z0-9/+]{40}'
    ),
    'a password of a repository': re.compile(r'^\s*password\s*=\s*\S'),
}
#: The last kind is one only there.
_REPOSITORY = ('/etc/yum.repos.d/', '/etc/zypp/repos.d/')
_LONGEST = 64 << 10
_MOST_FILES = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class Leak:
    """One credential.

    :param path: the file.
    :param what: what it is; nothing of its content.
    :param line: the line, where one is known.
    """

    path: str
    what: str
    line: text.Line | None = None


def by_name(tree: files.FileTree, homes: Iterable[str]) -> Iterator[Leak]:
    """Give files whose names say that they hold credentials.

    :param tree: the image's files.
    :param homes: the home folders.
    """
    patterns = {
        f'{home}/{pattern}': what
        for home in homes
        for pattern, what in IN_HOMES.items()
    }
    for pattern, what in (patterns | ELSEWHERE).items():
        for path in tree.glob(pattern):
            if _size(tree, path):
                yield Leak(path=path, what=f'a credential {what}')


def private_keys(
    tree: files.FileTree, sizes: Iterable[tuple[str, int]]
) -> Iterator[Leak]:
    """Give files that hold private keys.

    :param tree: the image's files.
    :param sizes: paths and sizes of all regular files.
    """
    left = _MOST_FILES
    tops = tuple(f'{top}/' for top in _KEYS_BELOW)
    for path, size in sizes:
        if (
            not 0 < size <= _LONGEST
            or not path.startswith(tops)
            or path.startswith(_IDENTITIES)
            or not _KEY_NAME.search(path.rpartition('/')[2])
        ):
            continue
        if left <= 0:
            return
        left -= 1
        if _KEY.search(_read(tree, path)):
            yield Leak(path=path, what='a private key')


def tokens(tree: files.FileTree) -> Iterator[Leak]:
    """Give the lines of likely files that say a token or a password.

    :param tree: the image's files.
    """
    left = _MOST_FILES
    for pattern in _LIKELY:
        for path in tree.glob(pattern):
            if not 0 < _size(tree, path) <= _LONGEST:
                continue
            if left <= 0:
                return
            left -= 1
            yield from _in_text(tree, path)


def _in_text(tree: files.FileTree, path: str) -> Iterator[Leak]:
    data = _read(tree, path)
    if _KEY.search(data):
        yield Leak(path=path, what='a private key')
    if b'\0' in data[:1024]:
        return
    lines = data.decode('utf-8', 'replace').splitlines()
    for number, said in enumerate(lines, 1):
        line = text.Line(path=path, number=number, text=said)
        if line.is_comment:
            continue
        for what, pattern in _TOKENS.items():
            if what.endswith('repository') and not path.startswith(
                _REPOSITORY
            ):
                continue
            if pattern.search(said[:4096]):
                yield Leak(path=path, what=what, line=line)


def _size(tree: files.FileTree, path: str) -> int:
    try:
        stat = tree.stat(path)
    except OSError:
        return 0
    return stat.size if stat.type is files.FileType.FILE else 0


def _read(tree: files.FileTree, path: str) -> bytes:
    try:
        return tree.read_bytes(path, _LONGEST)
    except OSError:
        return b''
