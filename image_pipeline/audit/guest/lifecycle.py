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

"""Know until when a release gets security updates."""

import dataclasses
import datetime
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).parent.parent / 'lifecycle.yaml'
#: Releases that never end, as they have none.
_ROLLING = frozenset({'arch', 'gentoo', 'opensuse-tumbleweed', 'sid'})


@dataclasses.dataclass(frozen=True, kw_only=True)
class End:
    """When security updates end.

    :param date: the last day; None: never.
    :param source: who says so.
    """

    date: datetime.date | None
    source: str


def as_of() -> datetime.date:
    """Return when the table was last looked through."""
    found = _load()['as_of']
    return found if isinstance(found, datetime.date) else datetime.date.min


def end(said: Mapping[str, str]) -> End | None:
    """Return when security updates of a release end; None: nobody knows.

    :param said: what os-release says.
    """
    name = said.get('ID', '')
    if name in _ROLLING:
        return End(date=None, source=f'{name} has no releases')
    own = said.get('SUPPORT_END', '')
    if own:
        try:
            return End(
                date=datetime.date.fromisoformat(own),
                source='SUPPORT_END in os-release',
            )
        except ValueError:
            return None
    version = said.get('VERSION_ID', '')
    releases = _load()['releases'].get(name, {})
    # Debian and Ubuntu by the whole, EL by the major version.
    found = releases.get(version) or releases.get(version.partition('.')[0])
    if not isinstance(found, datetime.date):
        return None
    return End(date=found, source=f'a table of {as_of()}')


@functools.cache
def _load() -> Mapping[str, Any]:
    import yaml

    found = yaml.safe_load(_TABLE.read_text(encoding='utf-8'))
    return found if isinstance(found, dict) else {}
