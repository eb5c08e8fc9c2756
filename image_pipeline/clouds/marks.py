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

"""Who made a temporary thing in a cloud, and until when it may stay.

The same three facts are written as properties of an image, as metadata of a
server, and as tags of a port or a security group, so that any host can tell
what a dead run left behind.
"""

import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

#: Keys of image properties and of a server's metadata.
RUN = 'image_pipeline_run'
HOST = 'image_pipeline_host'
EXPIRES = 'image_pipeline_expires'

#: Names of temporary things begin with this and the run's id.
NAME_PREFIX = 'image-pipeline-'

_TAG = 'image-pipeline:'
_KEYS = {'run': RUN, 'host': HOST, 'expires': EXPIRES}
_TIME = '%Y-%m-%dT%H:%M:%SZ'
_MACHINE_ID = Path('/etc/machine-id')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Marks:
    """Who made a thing, and until when it may stay.

    :param run_id: the run.
    :param host_id: the host it ran on; see :func:`host_id`.
    :param expires_at: when every run that could have made it is over; in UTC.
    """

    run_id: str
    host_id: str
    expires_at: datetime.datetime

    @property
    def properties(self) -> dict[str, str]:
        """The marks as image properties, or as a server's metadata."""
        return {
            RUN: self.run_id,
            HOST: self.host_id,
            EXPIRES: format_time(self.expires_at),
        }

    @property
    def tags(self) -> tuple[str, ...]:
        """The marks as tags, as Neutron and Nova take them.

        A tag has at most 60 characters, and no comma or slash.
        """
        found = self.properties
        return tuple(
            f'{_TAG}{name}={found[key]}' for name, key in _KEYS.items()
        )

    def name(self, what: str) -> str:
        """Return the name of a temporary thing of this run.

        :param what: what it is, such as ``server``.
        """
        return f'{name_prefix(self.run_id)}{what}'

    def expired(self, now: datetime.datetime) -> bool:
        """Whether the time is over.

        :param now: with a time zone.
        """
        return now >= self.expires_at


def make(run_id: str, host: str, *, seconds: float) -> Marks:
    """Return marks that hold for a time from now.

    :param run_id: the run.
    :param host: of :func:`host_id`.
    :param seconds: for how long.
    """
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return Marks(
        run_id=run_id,
        host_id=host,
        expires_at=now + datetime.timedelta(seconds=seconds),
    )


def name_prefix(run_id: str) -> str:
    """Return what the names of a run's temporary things begin with.

    :param run_id: the run.
    """
    return f'{NAME_PREFIX}{run_id}-'


def from_properties(properties: Mapping[str, str]) -> Marks | None:
    """Return the marks in an image's properties or a server's metadata.

    :param properties: all of them.
    :returns: None if one is missing or damaged: it is not ours to touch.
    """
    run, host = properties.get(RUN), properties.get(HOST)
    expires = parse_time(properties.get(EXPIRES))
    if not run or not host or expires is None:
        return None
    return Marks(run_id=run, host_id=host, expires_at=expires)


def from_tags(tags: Iterable[str]) -> Marks | None:
    """Return the marks in the tags of a port, a server, or the like.

    :param tags: all of them.
    :returns: None if one is missing or damaged: it is not ours to touch.
    """
    found = {}
    for tag in tags:
        name, equals, value = tag.removeprefix(_TAG).partition('=')
        if tag.startswith(_TAG) and equals and name in _KEYS:
            found[_KEYS[name]] = value
    return from_properties(found)


def format_time(value: datetime.datetime) -> str:
    """Return a time as ISO 8601 in UTC, to the second.

    :param value: with a time zone.
    """
    return value.astimezone(datetime.UTC).strftime(_TIME)


def parse_time(text: str | None) -> datetime.datetime | None:
    """Return a time of ISO 8601, or None if the text is none.

    :param text: one without a zone is taken as UTC.
    """
    try:
        found = datetime.datetime.fromisoformat(text or '')
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    return found


def host_id(state_dir: Path, *, machine_id: Path = _MACHINE_ID) -> str:
    """Return what names this host, the same after a restart.

    A digest of the machine id, which :manpage:`machine-id(5)` asks not to be
    shown to a network; a host without one keeps a random id in the state
    folder.

    :param state_dir: the state folder.
    :param machine_id: the file with the machine's id.
    """
    try:
        text = machine_id.read_text(encoding='ascii').strip()
    except (OSError, UnicodeDecodeError):
        text = ''
    # "uninitialized" is what systemd writes before the first boot.
    if len(text) == 32 and text != '0' * 32:
        return uuid.uuid5(uuid.NAMESPACE_OID, f'image-pipeline {text}').hex
    file = state_dir / 'host-id'
    if not file.exists():
        state_dir.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f'host-id.{uuid.uuid4().hex}')
        new.write_text(uuid.uuid4().hex + '\n', encoding='ascii')
        try:
            # Two processes at once: the first one's id stays.
            file.hardlink_to(new)
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return file.read_text(encoding='ascii').strip()
