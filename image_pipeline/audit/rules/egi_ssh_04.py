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

"""EGI-SSH-04: host keys are made at the first boot."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import cloud_init, packages, systemd, text
from image_pipeline.audit.remedies import cloud_init as remedy
from image_pipeline.audit.remedies import draft
from image_pipeline.disk import edits, files

#: Units that make host keys, beside cloud-init: EL and Fedora, openSUSE and
#: Alma's templates, Debian's live images, diskimage-builder.
_UNITS = (
    'sshd-keygen.target',
    'sshd-keygen.service',
    'sshd-keygen@rsa.service',
    'sshd-keygen@ecdsa.service',
    'sshd-keygen@ed25519.service',
    'ssh-keygen.service',
    'regenerate-ssh-host-keys.service',
    'regenerate_ssh_host_keys.service',
    'runtime-ssh-host-keys.service',
)
#: Those that know nothing of cloud-init; EL's stay away where it runs.
_OWN = frozenset(_UNITS[5:])
_SSHD = ('sshd.service', 'ssh.service')
#: Scripts that make host keys; diskimage-builder's is the first.
_SCRIPTS = (
    '/usr/local/sbin/runtime-ssh-host-keys.sh',
    '/usr/local/bin/runtime-ssh-host-keys.sh',
    '/etc/init/ssh-host-keys.conf',
    '/etc/rc.local',
)
_DSA = re.compile(r'ssh-keygen\b.*-t\s*"?dsa\b|\bfor\b.*\bdsa\b')
_KEYGEN = re.compile(r'\bssh-keygen\b')
#: What cloud-init makes where nothing is said (cc_ssh.py).
_DEFAULT_TYPES = ('rsa', 'ecdsa', 'ed25519')
_KNOWN_TYPES = frozenset(_DEFAULT_TYPES)


class EgiSsh04(rule.Rule):
    """Each instance makes host keys of its own, and can."""

    id = 'EGI-SSH-04'
    severity = rule.Severity.ERROR
    statement = (
        'one mechanism makes SSH host keys at the first boot, of types that '
        'OpenSSH still knows'
    )
    rationale = (
        'Without host keys sshd does not start; a script that asks for a DSA '
        'key first stops there and makes none.'
    )
    source = (
        'cloud-init, module ssh; diskimage-builder, runtime-ssh-host-keys '
        '("set -e" and dsa first); OpenSSH 10.0 release notes (DSA is removed)'
    )
    satisfied_by = ('element:sshd-keys-only',)
    remedy = (
        'let cloud-init make them: ssh_deletekeys: true and ssh_genkeytypes: '
        '[ed25519, ecdsa, rsa]; remove scripts that ask for DSA'
    )
    fix = rule.Fix.YES
    probe = 'EGI-SSH-04'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give types that are gone, and that nothing makes keys."""
        known.sshd_config(subject)
        tree = subject.files
        cloud = known.cloud_config(subject)
        yield from _types(cloud)
        if cloud.get('ssh_deletekeys', default=True) in (False, 0, 'false'):
            yield found.at(
                cloud.where('ssh_deletekeys'),
                'cloud-init keeps the host keys that it finds, so that a '
                'snapshot shares them',
                severity=rule.Severity.WARNING,
            )
        units = known.units(subject)
        made_by = _mechanisms(units, cloud)
        scripts = list(_scripts(tree))
        for line in scripts:
            if _DSA.search(line.text):
                yield found.at(
                    line,
                    'a script begins with a DSA key, which OpenSSH 9.8 and '
                    'later need not know',
                    # Where others make keys, or this sshd is old, they are
                    # made all the same.
                    severity=rule.Severity.WARNING
                    if made_by or _knows_dsa(tree)
                    else None,
                )
        if not made_by and not any(_KEYGEN.search(s.text) for s in scripts):
            yield found.said(
                'nothing makes host keys at the first boot',
                data='cloud-init does not run its module ssh, and no unit of '
                'ssh-keygen is enabled',
            )
        own = [name for name in made_by if name in _OWN]
        if own and 'cloud-init' in made_by:
            yield found.said(
                'two mechanisms make host keys, one while the other may use '
                'them',
                data=', '.join([*own, 'cloud-init']),
                severity=rule.Severity.INFO,
            )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give cloud-init the types that there are, and no old keys."""
        cloud = known.cloud_config(subject)
        plan = draft.Draft(subject.files)
        wanted = {}
        if any(_types(cloud)):
            wanted['ssh_genkeytypes'] = '[ed25519, ecdsa, rsa]'
        if cloud.get('ssh_deletekeys', default=True) in (False, 0, 'false'):
            wanted['ssh_deletekeys'] = 'true'
        if wanted:
            remedy.put(plan, cloud, remedy.SSH, wanted)
        if 'cloud-init' in _mechanisms(known.units(subject), cloud):
            for line in _scripts(subject.files):
                if _DSA.search(line.text):
                    plan.replace(line, _without_dsa(line.text))
        yield from plan.edits()


def _knows_dsa(tree: files.FileTree) -> bool:
    """Tell whether this OpenSSH still makes DSA keys (9.8 stopped)."""
    versions = packages.dpkg_versions(tree, frozenset({'openssh-server'}))
    found_version = packages.version(versions.get('openssh-server', ''))
    return bool(found_version) and found_version < (9, 8)


def _types(cloud: cloud_init.Config) -> Iterator[rule.Finding]:
    types = cloud.get('ssh_genkeytypes')
    if types is None:
        return
    names = types if isinstance(types, list) else [types]
    line = cloud.where('ssh_genkeytypes')
    if 'dsa' in names:
        # cloud-init goes on with the next type (cc_ssh.py catches it).
        yield found.at(
            line,
            'cloud-init makes a DSA key, which OpenSSH knows no more',
            severity=rule.Severity.WARNING,
        )
    if not _KNOWN_TYPES & {str(name) for name in names}:
        yield found.at(line, 'cloud-init makes no key that OpenSSH knows')


def _scripts(tree: files.FileTree) -> Iterator[text.Line]:
    for path in _SCRIPTS:
        yield from text.said(tree, path)


def _without_dsa(said: str) -> str:
    """Return a line of a script that makes no DSA key."""
    if re.search(r'\bfor\b', said):
        return re.sub(r'[ \t]+dsa\b', '', said, count=1)
    return f'# {said}'


def _mechanisms(units: systemd.Units, cloud: cloud_init.Config) -> list[str]:
    """Return what makes host keys."""
    made_by = [name for name in _UNITS if units.is_enabled(name)]
    for name in _SSHD:
        if units.exists(name):
            said = units.settings(name)
            # EL: sshd.service wants sshd-keygen.target.
            made_by += [
                word
                for key in ('Wants', 'Requires')
                for word in said.words('Unit', key)
                if 'keygen' in word and units.exists(word)
            ]
            made_by += [
                setting.value
                for setting in said.all('Service', 'ExecStartPre')
                if 'keygen' in setting.value or 'gen-keys' in setting.value
            ]
    if 'ssh' in cloud.modules('init') and any(
        units.is_enabled(name) or units.starts(name)
        for name in ('cloud-init.service', 'cloud-init-network.service')
    ):
        made_by.append('cloud-init')
    return made_by
