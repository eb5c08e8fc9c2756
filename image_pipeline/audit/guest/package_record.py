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

"""One installed package, whichever package manager installed it."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package that a guest has.

    :param manager: ``dpkg`` or ``rpm``.
    :param name: without the architecture.
    :param version: upstream's.
    :param release: the distribution's revision of it; empty if it has none.
    :param epoch: what goes before the version; 0 unless it says so.
    :param arch: ``amd64``, ``x86_64``, ``all``, ``noarch`` …; empty if the
        database does not say.
    :param size: bytes that it takes when installed; 0 if that is not known.
    :param vendor: who built it, where the database says so.
    """

    manager: str
    name: str
    version: str
    release: str = ''
    epoch: int = 0
    arch: str = ''
    size: int = 0
    vendor: str | None = None

    @property
    def full_version(self) -> str:
        """The version as the package manager writes it."""
        epoch = f'{self.epoch}:' if self.epoch else ''
        release = f'-{self.release}' if self.release else ''
        return f'{epoch}{self.version}{release}'
