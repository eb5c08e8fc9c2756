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

"""HYG-07: resolver and proxies of the build host are gone."""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, leftovers, rule, view
from image_pipeline.disk import edits, files

#: Where resolvers make it at boot: systemd-resolved, NetworkManager,
#: resolvconf, netconfig (SUSE), connman.
_MADE = (
    '/run/systemd/resolve/',
    '/run/NetworkManager/',
    '/run/resolvconf/',
    '/run/netconfig/',
    '/run/connman/',
    '/run/dhcpcd/',
)


class Hyg07(rule.Rule):
    """Resolver and proxies of the build host are gone."""

    id = 'HYG-07'
    severity = rule.Severity.ERROR
    statement = 'there are no name servers and no proxies of the build network'
    rationale = (
        'Instances would ask name servers and go through proxies that they '
        'cannot reach.'
    )
    source = (
        'EGI fedcloud-vmi-templates; one-apps, one-resolvconf; debian- '
        'cloud-images'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'empty /etc/resolv.conf or make it the link of the resolver that is '
        'used, and remove proxies from /etc/environment, apt and dnf'
    )
    fix = rule.Fix.YES
    probe = 'HYG-07'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give name servers, proxies, and a link that leads nowhere."""
        yield from leftovers.findings(subject, self.id)
        yield from _leads_nowhere(subject.files)

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give an empty file in the place of a link that leads nowhere."""
        if any(_leads_nowhere(subject.files)):
            yield edits.Remove(path='/etc/resolv.conf')
            yield edits.Write(path='/etc/resolv.conf', content=b'')


def _leads_nowhere(tree: files.FileTree) -> Iterator[rule.Finding]:
    try:
        target = tree.lstat('/etc/resolv.conf').link or ''
    except OSError:
        return
    if not target or _is_made(target) or tree.exists('/etc/resolv.conf'):
        return
    yield found.in_file(
        '/etc/resolv.conf',
        'it is a link to what no resolver makes',
        data=target,
    )


def _is_made(target: str) -> bool:
    path = posixpath.normpath(posixpath.join('/etc', target))
    if path.startswith('/var/run/'):
        path = path.removeprefix('/var')
    return path.startswith(_MADE)
