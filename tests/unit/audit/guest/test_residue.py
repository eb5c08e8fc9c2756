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

import re

import pytest

from image_pipeline.audit import registry
from image_pipeline.audit.guest import residue
from image_pipeline.audit.guest.residue import Kind, Mend
from image_pipeline.disk import files
from image_pipeline.testing import disks, images
from image_pipeline.testing.disks import Link

#: The operations of virt-sysprep, guestfs-tools 1.55.
VIRT_SYSPREP = [
    "abrt-data",
    "backup-files",
    "bash-history",
    "blkid-tab",
    "ca-certificates",
    "crash-data",
    "cron-spool",
    "customize",
    "dhcp-client-state",
    "dhcp-server-state",
    "dovecot-data",
    "firewall-rules",
    "flag-reconfiguration",
    "fs-uuids",
    "ipa-client",
    "kerberos-data",
    "kerberos-hostkeytab",
    "logfiles",
    "lvm-system-devices",
    "lvm-uuids",
    "machine-id",
    "mail-spool",
    "net-hostname",
    "net-hwaddr",
    "net-nmconn",
    "pacct-log",
    "package-manager-cache",
    "pam-data",
    "passwd-backups",
    "puppet-data-log",
    "rh-subscription-manager",
    "rhn-systemid",
    "rpm-db",
    "samba-db-log",
    "script",
    "smolt-uuid",
    "ssh-hostkeys",
    "ssh-userdir",
    "sssd-db-log",
    "tmp-files",
    "udev-persistent-net",
    "user-account",
    "utmp",
    "yum-uuid",
    "zsh-history",
]


def tree(content) -> files.FileTree:
    return files.FileTree(disks.MemoryFiles(content))


def found(content, *kinds: Kind) -> list[str]:
    return [
        one.path
        for one in residue.found(tree(content), kinds or residue.KINDS)
    ]


def kind(*paths: str, **more) -> Kind:
    return Kind(name='x', rule='HYG-01', paths=paths, why='x', **more)


def test_every_operation_of_virt_sysprep_is_here_or_said_why_not():
    names = {one.name for one in residue.KINDS}
    assert len(VIRT_SYSPREP) == 45
    assert set(VIRT_SYSPREP) <= names | set(residue.NOT_HERE)
    assert not names & set(residue.NOT_HERE)


def test_names_are_unique():
    names = [one.name for one in residue.KINDS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize('one', residue.KINDS, ids=lambda one: one.name)
def test_kind_says_what_can_be_done(one):
    assert one.paths
    assert not one.why.endswith('.')
    assert all(path.startswith(('/', '~/')) for path in one.paths)
    assert re.fullmatch(r'[A-Z]+(-[A-Z]+)?-\d\d', one.rule)
    if one.mend is Mend.LINES:
        assert one.line is not None
    if one.default:
        assert one.mend is Mend.WRITE


@pytest.mark.parametrize('one', residue.KINDS, ids=lambda one: one.name)
def test_what_is_written_is_no_residue(one):
    if one.mend is Mend.WRITE:
        os_release = {
            '/etc/os-release': f'ID={min(one.families, default="x")}'
        }
        content = {**os_release, one.paths[0]: one.default}
        assert found(content, one) == []


def test_nothing_is_residue_in_the_sound_image():
    assert found(images.FILES) == []


def test_star_fits_names_that_begin_with_a_dot():
    content = {'/tmp/.a': 'x', '/tmp/b': 'x', '/tmp/c/d': 'x'}
    assert found(content, kind('/tmp/*')) == ['/tmp/.a', '/tmp/b', '/tmp/c']


def test_two_stars_fit_files_at_any_depth():
    content = {'/var/log/a': 'x', '/var/log/b/c': 'x', '/var/log/d': None}
    assert sorted(found(content, kind('/var/log/**'))) == [
        '/var/log/a',
        '/var/log/b/c',
    ]
    assert found(content, kind('/var/**/c')) == ['/var/log/b/c']


def test_homes_are_those_of_passwd_and_those_in_home():
    content = {
        '/etc/passwd': 'a:x:1:1::/srv/a:/bin/sh\n',
        '/srv/a/.x': 'x',
        '/home/b/.x': 'x',
        '/root/.x': 'x',
    }
    assert sorted(found(content, kind('~/.x'))) == [
        '/home/b/.x',
        '/root/.x',
        '/srv/a/.x',
    ]


def test_path_is_found_once_and_without_links_on_the_way():
    content = {'/var/run': Link('/run'), '/run/utmp': 'x'}
    assert found(content, kind('/var/run/utmp', '/run/utmp')) == ['/run/utmp']


def test_empty_things_are_none_unless_they_count():
    content = {'/a': '', '/b': None}
    assert found(content, kind('/a', '/b')) == []
    assert found(content, kind('/a', '/b', empty=True)) == ['/a', '/b']


def test_link_is_residue_itself_and_only_if_links_count():
    content = {'/a': Link('/gone'), '/b': 'x'}
    assert found(content, kind('/a')) == ['/a']
    assert found(content, kind('/a', links=False)) == []
    assert found(content, kind('/a', mend=Mend.TRUNCATE)) == []


def test_folder_is_none_where_only_files_count():
    content = {'/a/b/c': 'x', '/a/d': 'x'}
    assert found(content, kind('/a/*', files=True)) == ['/a/d']


def test_what_may_stay_is_passed_over_with_all_below_it():
    content = {'/a/b/c': 'x', '/a/d': 'x'}
    assert found(content, kind('/a/**', but=('/a/b',))) == ['/a/d']


def test_what_a_package_brought_is_none():
    one = kind('/a', unless=('/p*',))
    assert found({'/a': 'x'}, one) == ['/a']
    assert found({'/a': 'x', '/pack': 'x'}, one) == []


def test_family_decides_whether_it_is_looked_for():
    one = kind('/a', families=frozenset({'redhat'}))
    assert found({'/a': 'x', '/etc/os-release': 'ID=rocky'}, one) == ['/a']
    assert found({'/a': 'x', '/etc/os-release': 'ID=debian'}, one) == []
    assert found({'/a': 'x'}, one) == []


def test_lines_that_say_it_are_told():
    one = kind('/a', line=re.compile('x='), mend=Mend.LINES)
    content = {'/a': 'b\nx=1\nc\nx=2\n'}
    (only,) = residue.found(tree(content), [one])
    assert only.lines == (2, 4)
    assert found({'/a': 'b\n'}, one) == []


def test_content_that_may_stay_is_none():
    one = kind('/a', fine=(b'uninitialized\n',))
    assert found({'/a': 'uninitialized\n'}, one) == []
    assert found({'/a': 'uninitialized?'}, one) == ['/a']


def test_census_may_be_used_to_look_below():
    asked = []

    def below(folder):
        asked.append(folder)
        return [(path, tree(content).lstat(path)) for path in content]

    content = {'/var/log/a': 'x'}
    given = list(residue.found(tree(content), [kind('/var/log/**')], below))
    assert [one.path for one in given] == ['/var/log/a']
    assert asked == ['/var/log']


PROXIES = [
    'http_proxy=http://proxy.example.org:3128',
    'export HTTPS_PROXY="http://10.0.0.1:3128"',
    'Acquire::http::Proxy "http://apt.example.org:3142";',
    'Acquire::http { Proxy "x"; }; Acquire::https::Proxy "http://b:1";',
    'proxy=http://10.1.1.1:8080',
    'https_proxy = http://10.1.1.1:8080/',
]
NO_PROXIES = [
    '#https_proxy = http://proxy.yoyodyne.com:18023/',
    '// Acquire::http::Proxy "http://x:1";',
    'proxy=_none_',
    'HTTP_PROXY=""',
    'NO_PROXY="localhost, 127.0.0.1"',
    'PROXY_ENABLED="no"',
    'Acquire::http::Proxy "DIRECT";',
]


@pytest.mark.parametrize('line', PROXIES)
def test_proxy_is_found(line):
    assert found({'/etc/environment': f'{line}\n'}) == ['/etc/environment']


@pytest.mark.parametrize('line', NO_PROXIES)
def test_what_is_no_proxy_passes(line):
    assert found({'/etc/environment': f'{line}\n'}) == []


def test_rules_that_are_named_exist():
    assert {one.rule for one in residue.KINDS} <= set(registry.rules())
