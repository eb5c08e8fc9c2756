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

"""The site's settings as frozen values.

``cfg.CONF`` is read in ``cli`` and ``engine`` only; what the layers below
get is one of these.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

#: The built-in target: a directory as the catalogue, QEMU as the hypervisor.
LOCAL = 'local'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Requests:
    """How patient we are with the services of clouds.

    :param connect_timeout: seconds that a connection may take.
    :param read_timeout: seconds that a service may be silent.
    :param upload_timeout: the same while it takes or gives an image's data.
    :param retries: how often a request that may be repeated is.
    :param retry_seconds: how long all repetitions of a request may take.
    """

    connect_timeout: int = 10
    read_timeout: int = 60
    upload_timeout: int = 600
    retries: int = 5
    retry_seconds: int = 120


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """Where a run's image goes: one ``[target:NAME]`` group.

    :param name: the target's name, as ``--target`` takes it.
    :param catalogue: entry point in ``image_pipeline.catalogues``.
    :param hypervisor: entry point in ``image_pipeline.hypervisors``.
    :param cloud: name of a cloud of clouds.yaml, or None for ``local``.
    :param region: region of that cloud.
    :param formats: the image formats that this target takes.
    :param visibility: what a promoted image gets: private, shared, community
        or public.
    :param image_name: name of the image at this target; None: the recipe's.
    :param promote: ``auto`` (by the bake) or ``manual`` (by a person).
    :param keep: how many former images ``retire`` leaves in service.
    :param tags: tags that a registered image gets.
    :param properties: image properties of this target.
    :param members: project ids that a shared image is shared with.
    :param stores: Glance stores to put the image in.
    :param import_method: how the data get to Glance: auto, upload,
        glance-direct or web-download.
    :param import_url: where web-download fetches from.
    :param protect: whether promoted images are protected from deletion.
    :param delete: whether retired images may be deleted.
    :param flavor: flavor of the smoke test's server.
    :param network: network of the smoke test's server.
    :param availability_zone: where that server is to be.
    :param time_factor: by how much slower than hardware servers are there;
        None: nobody knows.
    :param keep_hours: how long a failed server stays for a look.
    :param requests: see :class:`Requests`.
    """

    name: str
    catalogue: str
    hypervisor: str
    cloud: str | None = None
    region: str | None = None
    formats: tuple[str, ...] = ('qcow2',)
    visibility: str = 'private'
    image_name: str | None = None
    promote: str = 'manual'
    keep: int = 3
    tags: tuple[str, ...] = ()
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)
    members: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    import_method: str = 'auto'
    import_url: str | None = None
    protect: bool = True
    delete: bool = False
    flavor: str | None = None
    network: str | None = None
    availability_zone: str | None = None
    time_factor: float | None = None
    keep_hours: int = 24
    requests: Requests = Requests()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mirrors:
    """Where packages come from while an image is composed.

    None means what the build host's own apt uses.

    :param debian: base URL of the Debian archive.
    :param debian_security: base URL of the Debian security archive.
    :param ubuntu: base URL of the Ubuntu archive.
    """

    debian: str | None = None
    debian_security: str | None = None
    ubuntu: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Notifications:
    """Who is told of runs, stages and images, and how.

    :param drivers: of oslo.messaging; none: nobody is told.
    :param transport_url: where the message broker is.
    :param topics: what messages are sent to.
    :param retry: how often sending is tried again; -1: for ever.
    :param config_files: where further options of oslo.messaging are.
    """

    drivers: tuple[str, ...] = ()
    transport_url: str | None = dataclasses.field(default=None, repr=False)
    topics: tuple[str, ...] = ('notifications',)
    retry: int = -1
    config_files: tuple[Path, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that a site may set.

    :param state_dir: home of runs, artifacts, cache and local catalogue.
    :param recipe_path: folders in which recipes are found by name.
    :param elements_path: further folders of elements, before ours.
    :param targets: by name; always has ``local``.
    :param mirrors: see :class:`Mirrors`.
    :param cache_max_age: seconds for which a look at a mirror holds.
    :param cache_keep_days: days after which an unused artifact or cache
        entry may be collected.
    :param cache_max_bytes: size above which the least recently used cache
        entries are collected.
    :param keep_runs: how many finished runs of a recipe are kept.
    :param keep_candidates: how many unpromoted candidates of an image name
        are kept.
    :param taskflow_connection: SQLAlchemy URL of TaskFlow's persistence; None
        means SQLite in the state folder.
    :param max_workers: steps that run at the same time.
    :param stage_timeouts: seconds that a stage may take, by stage name.
    :param accel: ``auto`` (probed), ``kvm`` or ``tcg``.
    :param profile_path: folders of the site's profiles of the audit.
    :param notifications: see :class:`Notifications`.
    """

    state_dir: Path
    recipe_path: tuple[Path, ...]
    elements_path: tuple[Path, ...]
    targets: Mapping[str, Target]
    mirrors: Mirrors
    cache_max_age: int
    cache_keep_days: int
    cache_max_bytes: int
    keep_runs: int
    keep_candidates: int
    taskflow_connection: str | None
    max_workers: int
    stage_timeouts: Mapping[str, int]
    accel: str
    profile_path: tuple[Path, ...] = ()
    requests: Requests = Requests()
    notifications: Notifications = Notifications()
