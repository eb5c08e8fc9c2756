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

"""HYG-05: the name of the build host is not in the image."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, leftovers, rule, view
from image_pipeline.audit.guest import release, text
from image_pipeline.disk import edits, files

#: Names that distributions and clouds give what has none.
_GENERIC = frozenset(
    {
        'localhost', 'localhost6', 'localhost4', 'localhost-live', 'linux',
        'cloud', 'host', 'unassigned-hostname', 'archlinux', 'almalinux',
        'alpine', 'centos', 'debian', 'fedora', 'opensuse', 'rocky', 'rhel',
        'sles', 'ubuntu', 'oraclelinux', 'amazon', 'gentoo', 'kali',
    }
)  # fmt: skip
_NAME_FILES = ('/etc/hostname', '/etc/HOSTNAME', '/etc/mailname')
_LOCAL = re.compile(r'(?:ip6-)?(?:localhost|loopback)|ip6-\w+')
_MAIL = re.compile(r'\s*(?:myhostname|dc_other_hostnames)\s*=\s*(.*)')
_MAIL_FILES = ('/etc/postfix/main.cf', '/etc/exim4/update-exim4.conf.conf')


class Hyg05(rule.Rule):
    """The name of the build host is not in the image."""

    id = 'HYG-05'
    severity = rule.Severity.WARNING
    statement = (
        'the host name is generic, and /etc/hosts names nothing but localhost'
    )
    rationale = (
        'The name of the build host tells where an image was made, and '
        'instances take it for their own until they get one.'
    )
    source = (
        'virt-sysprep, net-hostname; EGI fedcloud-vmi-templates; cloud- '
        'image-val, test_ipv_localhost; one-apps, one-hostname'
    )
    satisfied_by = ('element:image-hygiene',)
    remedy = (
        'remove /etc/hostname or write localhost, and leave localhost alone '
        'in /etc/hosts'
    )
    fix = rule.Fix.YES
    probe = 'HYG-05'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'names': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': [],
                'description': 'Further names that an image may have.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give names of hosts that are not generic."""
        tree = subject.files
        names = self._names(subject, options)
        yield from leftovers.findings(subject, self.id)
        yield from _in_name_files(tree, names)
        yield from _in_hosts(tree, names)
        yield from _in_mail(tree, names)

    @staticmethod
    def _names(
        subject: view.ImageView, options: Mapping[str, Any]
    ) -> frozenset[str]:
        """Return the names that an image may have."""
        return (
            _GENERIC
            | {name.lower() for name in options['names']}
            | release.names(known.os_release(subject))
        )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give generic names, and hosts without those of others."""
        tree = subject.files
        names = self._names(subject, options)
        for path in _NAME_FILES:
            if any(
                not _is_generic(line.text.strip(), names)
                for line in text.said(tree, path)
            ):
                yield edits.Write(
                    path=tree.resolve(path), content=b'localhost\n'
                )
        if any(_in_hosts(tree, names)):
            yield edits.Write(
                path=tree.resolve('/etc/hosts'), content=_hosts(tree, names)
            )


def _is_generic(name: str, names: frozenset[str]) -> bool:
    return name.partition('.')[0].lower() in names


def _in_name_files(
    tree: files.FileTree, names: frozenset[str]
) -> Iterator[rule.Finding]:
    for path in _NAME_FILES:
        for line in text.said(tree, path):
            if not _is_generic(line.text.strip(), names):
                yield found.at(line, 'it is the name of one host')


def _in_hosts(
    tree: files.FileTree, names: frozenset[str]
) -> Iterator[rule.Finding]:
    local: set[int] = set()
    lines = text.said(tree, '/etc/hosts')
    for line in lines:
        words = line.text.partition('#')[0].split()
        try:
            address = ipaddress.ip_address(words[0].partition('%')[0])
        except ValueError:
            continue
        if address.is_loopback and 'localhost' in words[1:]:
            local.add(address.version)
        others = [
            name
            for name in words[1:]
            if not _LOCAL.fullmatch(name) and not _is_generic(name, names)
        ]
        if others and not address.is_multicast:
            yield found.at(line, f'{others[0]} is the name of one host')
    for version in (4, 6) if lines else ():
        if version not in local:
            yield found.in_file(
                '/etc/hosts',
                f'localhost has no address of IPv{version}',
                severity=rule.Severity.INFO,
            )


def _hosts(tree: files.FileTree, names: frozenset[str]) -> bytes:
    """Return /etc/hosts with localhost, and without other names."""
    kept = ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback']
    for line in text.lines(tree, '/etc/hosts'):
        words = line.text.partition('#')[0].split()
        if not words:
            kept.append(line.text)
        elif 'localhost' not in words:
            allowed = [
                name
                for name in words[1:]
                if _LOCAL.fullmatch(name) or _is_generic(name, names)
            ]
            if allowed:
                kept.append(' '.join((words[0], *allowed)))
    return ''.join(f'{line}\n' for line in kept).encode()


def _in_mail(
    tree: files.FileTree, names: frozenset[str]
) -> Iterator[rule.Finding]:
    for path in _MAIL_FILES:
        for line in text.said(tree, path):
            match = _MAIL.match(line.text)
            said = text.unquote(match[1]) if match else ''
            for name in re.split(r'[\s:;,]+', said):
                if name and '$' not in name and not _is_generic(name, names):
                    yield found.at(line, f'{name} is the name of one host')
