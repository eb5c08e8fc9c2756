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


"""The distribution's packages that a devcloud is made of."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from devcloudlib import errors

_BINDEP = Path(__file__).parents[2] / 'bindep.txt'
#: Asked by programs that would start a service after installing it.
_POLICY = Path('/usr/sbin/policy-rc.d')
_UNITS = Path('/lib/systemd/system')


def wanted() -> list[str]:
    """Name the packages of bindep's profile ``devcloud``.

    :raises DevcloudError: if this is not Debian 12, for other releases have
        another OpenStack.
    """
    release = dict(re.findall(r'(?m)^(\w+)="?([^"\n]*)', _os_release()))
    if (release.get('ID'), release.get('VERSION_ID')) != ('debian', '12'):
        raise errors.DevcloudError(
            'devcloud needs Debian 12 (bookworm); this is '
            f'{release.get("PRETTY_NAME", "something else")}',
            'use a Debian 12 machine, or a container with root in it',
        )
    return re.findall(r'(?m)^(\S+) +\[devcloud\b[^\]]*\]', _BINDEP.read_text())


def missing() -> list[str]:
    """Name the packages that are not installed."""
    have = {line.split()[0] for line in versions().splitlines()}
    return [name for name in wanted() if name not in have]


def versions() -> str:
    """Give name and version of those packages, a line each."""
    done = subprocess.run(
        [
            'dpkg-query',
            '--show',
            '--showformat=${db:Status-Abbrev} ${Package} ${Version}\n',
            *wanted(),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return '\n'.join(
        line.removeprefix('ii ').strip()
        for line in done.stdout.splitlines()
        if line.startswith('ii ')
    )


def install() -> list[str]:
    """Install what is missing; start nothing, now or at the next boot.

    :return: the packages of the list that were installed.
    :raises DevcloudError: if apt cannot.
    """
    lacking = missing()
    if not lacking:
        return []
    before = set(_UNITS.glob('*.service')) | set(_UNITS.glob('*.socket'))
    with _nothing_starts():
        command = [
            *('apt-get', 'install', '-qy', '--no-install-recommends'),
            *lacking,
        ]
        if not _lists() or _apt(command):
            _apt(['apt-get', 'update', '-q'])
            if _apt(command):
                raise errors.DevcloudError(
                    'apt could not install the packages',
                    'the reason is above; apt needs a mirror of Debian '
                    'bookworm that it can reach',
                )
    after = set(_UNITS.glob('*.service')) | set(_UNITS.glob('*.socket'))
    _disable(
        sorted(unit.name for unit in after - before if '@' not in unit.name)
    )
    return lacking


def _apt(command: list[str]) -> int:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=2,
        env=dict(os.environ) | {'DEBIAN_FRONTEND': 'noninteractive'},
        check=False,
    ).returncode


def _lists() -> bool:
    return any(Path('/var/lib/apt/lists').glob('*_Packages*'))


@contextlib.contextmanager
def _nothing_starts() -> Iterator[None]:
    # The host's own says what the host wants.
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text('#!/bin/sh\nexit 101\n')
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def _disable(units: list[str]) -> None:
    # A package's service is enabled when it is installed; the devcloud
    # starts its own, and the host wants none of them at its next boot.
    if units and shutil.which('systemctl'):
        subprocess.run(
            ['systemctl', '--quiet', '--no-reload', 'disable', *units],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def _os_release() -> str:
    try:
        return Path('/etc/os-release').read_text()
    except FileNotFoundError:
        return ''
