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

"""EGI-SEC-07: packages come from where they should, signed."""

import ipaddress
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import systemd_conf, text
from image_pipeline.audit.remedies import draft
from image_pipeline.disk import edits, files

_ONE_LINE = re.compile(r'^\s*deb(?:-src)?\s+(?:\[([^\]]*)\]\s*)?(\S+)')
_TRUSTED = re.compile(
    r'\b(?:trusted|allow-insecure)\s*=\s*yes\b', re.IGNORECASE
)
_FIELD = re.compile(r'^([A-Za-z-]+):\s*(.*)$')
_UNSIGNED = re.compile(
    r'(?:AllowUnauthenticated|AllowInsecureRepositories)\s+"?'
    r'(?:true|yes|1)\b',
    re.IGNORECASE,
)
#: What apt's cachers listen on (apt-cacher-ng, squid-deb-proxy).
_CACHER_PORTS = frozenset({3142, 8000, 9999})
_NO = frozenset({'0', 'no', 'false', 'off'})
_YES = frozenset({'yes', 'true', '1'})
_CHECKS = ('gpgcheck', 'pkg_gpgcheck', 'sslverify')
_EMPTY = re.compile(r'\[\s*\]\s*|(?<=\[)\s+|\s+(?=\])')
_POLICY = '/usr/sbin/policy-rc.d'
_REPOSITORIES = ('/etc/yum.repos.d/*.repo', '/etc/zypp/repos.d/*.repo')
_PIP = ('/etc/pip.conf', '/root/.pip/pip.conf', '/root/.config/pip/pip.conf')
_INDEX = re.compile(r'^\s*(?:extra-)?index-url\s*=\s*(\S+)')


class EgiSec07(rule.Rule):
    """Instances install from official places what is signed."""

    id = 'EGI-SEC-07'
    severity = rule.Severity.WARNING
    statement = (
        'packages come signed, and from places that instances reach too'
    )
    rationale = (
        'An unsigned source installs what anybody on the way likes; a mirror '
        "of the build host's does not answer."
    )
    source = (
        'Debian, official cloud images, A to E; cloud-image-val, '
        'test_pkg_signature_and_gpg_keys; EGI fedcloud-vmi-templates'
    )
    satisfied_by = ('element:distribution-mirrors',)
    remedy = (
        "restore the distribution's own sources, remove trusted=yes and "
        'gpgcheck=0, and /usr/sbin/policy-rc.d'
    )
    fix = rule.Fix.YES
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'allowed_hosts': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': [],
                'description': "Hosts of the site's own that instances "
                'reach, though their names do not look so.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give each source that is unsigned, or out of reach."""
        tree = subject.files
        allowed = frozenset(options['allowed_hosts'])
        yield from _apt(tree, allowed)
        yield from _rpm(tree, allowed)
        for path in _PIP:
            for line in text.said(tree, path):
                match = _INDEX.match(line.text)
                if match:
                    yield from _place(line, match[1], allowed)
        if tree.is_file(_POLICY):
            yield found.in_file(
                _POLICY, 'it keeps packages from starting their services'
            )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give sources that must be signed; where they are, stays."""
        tree = subject.files
        plan = draft.Draft(tree)
        for line, instead in (*_unsigned(tree), *_unchecked(tree)):
            plan.replace(line, instead)
        for path in _PIP:
            for line in text.said(tree, path):
                match = _INDEX.match(line.text)
                if match and any(
                    _place(line, match[1], frozenset(options['allowed_hosts']))
                ):
                    plan.comment(line)
        if tree.is_file(_POLICY):
            plan.remove(_POLICY)
        yield from plan.edits()


def _apt(
    tree: files.FileTree, allowed: frozenset[str]
) -> Iterator[rule.Finding]:
    for path in (
        '/etc/apt/sources.list',
        *tree.glob('/etc/apt/sources.list.d/*.list'),
    ):
        for line in text.said(tree, path):
            match = _ONE_LINE.match(line.text)
            if not match:
                continue
            if match[1] and _TRUSTED.search(match[1]):
                yield found.at(line, 'the source needs no signature')
            yield from _place(line, match[2], allowed)
    yield from _deb822(tree, allowed)
    for path in ('/etc/apt/apt.conf', *tree.glob('/etc/apt/apt.conf.d/*')):
        for line in text.said(tree, path):
            if _UNSIGNED.search(
                line.text
            ) and not line.text.lstrip().startswith('//'):
                yield found.at(line, 'apt takes what is not signed')


def _deb822(
    tree: files.FileTree, allowed: frozenset[str]
) -> Iterator[rule.Finding]:
    for path in tree.glob('/etc/apt/sources.list.d/*.sources'):
        for stanza in _stanzas(tree, path):
            said = {key: value.lower() for key, (_, value) in stanza.items()}
            if said.get('enabled', 'yes') in _NO:
                continue
            for key in ('trusted', 'allow-insecure'):
                if said.get(key) in _YES:
                    yield found.at(
                        stanza[key][0], 'the source needs no signature'
                    )
            if 'uris' in stanza:
                line, value = stanza['uris']
                for uri in value.split():
                    yield from _place(line, uri, allowed)


def _stanzas(
    tree: files.FileTree, path: str
) -> Iterator[dict[str, tuple[text.Line, str]]]:
    """Give the stanzas of a deb822 file: by field in lower case."""
    stanza: dict[str, tuple[text.Line, str]] = {}
    last = ''
    for line in text.lines(tree, path):
        if line.text.startswith('#'):
            continue
        if not line.text.strip():
            if stanza:
                yield stanza
            stanza, last = {}, ''
            continue
        match = _FIELD.match(line.text)
        if match:
            last = match[1].lower()
            stanza[last] = (line, match[2].strip())
        elif last:
            first, value = stanza[last]
            stanza[last] = (first, f'{value} {line.text.strip()}'.strip())
    if stanza:
        yield stanza


def _rpm(
    tree: files.FileTree, allowed: frozenset[str]
) -> Iterator[rule.Finding]:
    for pattern in _REPOSITORIES:
        for path in tree.glob(pattern):
            said = systemd_conf.parse(tree, [path])
            for section in said.sections:
                enabled = said.get(section, 'enabled')
                if enabled is not None and enabled.value.lower() in _NO:
                    continue
                for key in _CHECKS:
                    setting = said.get(section, key)
                    if setting is not None and setting.value.lower() in _NO:
                        yield found.at(setting.line, f'{key} is off')
                for setting in said.all(section, 'baseurl'):
                    for uri in setting.value.replace(',', ' ').split():
                        yield from _place(setting.line, uri, allowed)
    for path in ('/etc/dnf/dnf.conf', '/etc/yum.conf'):
        said = systemd_conf.parse(tree, [path])
        setting = said.get('main', 'gpgcheck')
        if setting is not None and setting.value.lower() in _NO:
            yield found.at(setting.line, 'gpgcheck is off')


def _place(
    line: text.Line, uri: str, allowed: frozenset[str]
) -> Iterator[rule.Finding]:
    """Give what keeps instances from reaching a place."""
    scheme, _, rest = uri.partition(':')
    if scheme in ('file', 'copy', 'cdrom', 'dir', 'hd'):
        if not rest.lstrip('/').startswith('etc/apt/mirrors'):
            yield found.at(line, 'the source is on the disk of the build host')
        return
    if '://' not in uri or '$' in uri.partition('://')[2].partition('/')[0]:
        return
    try:
        parts = urllib.parse.urlsplit(uri.replace('mirror+', ''))
        host, port = parts.hostname or '', parts.port
    except ValueError:
        return
    if host in allowed:
        return
    if _is_inside(host) or port in _CACHER_PORTS:
        yield found.at(line, "the source is a mirror of the build host's")


def _is_inside(host: str) -> bool:
    """Tell whether a host's name or address is one of a private network."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return (
            '.' not in host
            or host.endswith(('.local', '.internal', '.lan', '.localdomain'))
        ) and host != ''


def _unsigned(tree: files.FileTree) -> Iterator[tuple[text.Line, str]]:
    """Give lines by which apt checks nothing, and what they say instead."""
    for path in (
        '/etc/apt/sources.list',
        *tree.glob('/etc/apt/sources.list.d/*.list'),
    ):
        for line in text.said(tree, path):
            match = _ONE_LINE.match(line.text)
            if match and match[1] and _TRUSTED.search(match[1]):
                yield line, _EMPTY.sub('', _TRUSTED.sub('', line.text))
    for path in tree.glob('/etc/apt/sources.list.d/*.sources'):
        for stanza in _stanzas(tree, path):
            for key in ('trusted', 'allow-insecure'):
                if key in stanza and stanza[key][1].lower() in _YES:
                    line = stanza[key][0]
                    yield line, f'# {line.text}'
    for path in ('/etc/apt/apt.conf', *tree.glob('/etc/apt/apt.conf.d/*')):
        for line in text.said(tree, path):
            if _UNSIGNED.search(
                line.text
            ) and not line.text.lstrip().startswith('//'):
                yield line, f'// {line.text}'


def _unchecked(tree: files.FileTree) -> Iterator[tuple[text.Line, str]]:
    """Give lines by which rpm checks nothing, and what they say instead."""
    for pattern in (*_REPOSITORIES, '/etc/dnf/dnf.conf', '/etc/yum.conf'):
        for path in tree.glob(pattern):
            said = systemd_conf.parse(tree, [path])
            for section in said.sections:
                for key in _CHECKS:
                    setting = said.get(section, key)
                    if setting and setting.value.lower() in _NO:
                        yield setting.line, f'{key}=1'
