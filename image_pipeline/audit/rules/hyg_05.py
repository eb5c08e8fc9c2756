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
from image_pipeline.disk import files

#: Names that distributions and clouds give what has none.
_GENERIC = frozenset(
    {
        'localhost', 'localhost6', 'localhost4', 'localhost-live', 'linux',
        'cloud', 'host', 'unassigned-hostname', 'archlinux', 'almalinux',
        'alpine', 'centos', 'debian', 'fedora', 'opensuse', 'rocky', 'rhel',
        'sles', 'ubuntu', 'oraclelinux', 'amazon', 'gentoo', 'kali',
    }
)  # fmt: skip
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
        names = _GENERIC | {name.lower() for name in options['names']}
        names |= release.names(known.os_release(subject))
        yield from leftovers.findings(subject, self.id)
        yield from _in_name_files(tree, names)
        yield from _in_hosts(tree, names)
        yield from _in_mail(tree, names)


def _is_generic(name: str, names: frozenset[str] | set[str]) -> bool:
    return name.partition('.')[0].lower() in names


def _in_name_files(
    tree: files.FileTree, names: set[str] | frozenset[str]
) -> Iterator[rule.Finding]:
    for path in ('/etc/hostname', '/etc/HOSTNAME', '/etc/mailname'):
        for line in text.said(tree, path):
            if not _is_generic(line.text.strip(), names):
                yield found.at(line, 'it is the name of one host')


def _in_hosts(
    tree: files.FileTree, names: set[str] | frozenset[str]
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


def _in_mail(
    tree: files.FileTree, names: set[str] | frozenset[str]
) -> Iterator[rule.Finding]:
    for path in _MAIL_FILES:
        for line in text.said(tree, path):
            match = _MAIL.match(line.text)
            said = text.unquote(match[1]) if match else ''
            for name in re.split(r'[\s:;,]+', said):
                if name and '$' not in name and not _is_generic(name, names):
                    yield found.at(line, f'{name} is the name of one host')
