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

"""What is asked of a cloud's image service.

:class:`Images` is the contract; :class:`.glance.GlanceImages` speaks to a real
Glance, and the fake of :mod:`image_pipeline.testing` keeps the same promises.
Every method raises the errors of :mod:`image_pipeline.exceptions`: NotFound,
StateConflict (409), Forbidden, QuotaExceeded, Unavailable (worth trying
again), and StageFailed for what else the service refuses.
"""

import abc
import dataclasses
import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, BinaryIO

from image_pipeline.clouds import offers

#: Called with the bytes that are done so far.
Progress = Callable[[int], object]
#: Called often; raises to stop, as CancellationToken.check does.
Check = Callable[[], object]

#: States that an image's life has, beside those that only Glance minds.
QUEUED = 'queued'
SAVING = 'saving'
ACTIVE = 'active'

#: What :meth:`Images.patch` may change beside custom properties.
ATTRIBUTES = frozenset(
    {
        'name',
        'visibility',
        'os_hidden',
        'protected',
        'tags',
        'min_disk',
        'min_ram',
        'disk_format',
        'container_format',
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Image:
    """An image as the image service tells it.

    :param id: its id.
    :param name: None if it has none.
    :param status: queued, saving, uploading, importing, active, deactivated,
        killed, deleted or pending_delete.
    :param visibility: private, shared, community or public.
    :param hidden: whether it is left out of listings (os_hidden).
    :param protected: whether it cannot be deleted.
    :param owner: id of the project; None if it is not told.
    :param size: bytes of the file; None before there is data.
    :param virtual_size: bytes of the disk in it, as Glance saw it.
    :param disk_format: such as qcow2.
    :param container_format: such as bare.
    :param min_disk: GiB that a server's disk must have.
    :param min_ram: MiB that a server must have.
    :param hash_algo: of hash_value, such as sha512.
    :param hash_value: digest of the data, hexadecimal.
    :param checksum: MD5 of the data.
    :param created_at: in UTC.
    :param updated_at: in UTC.
    :param tags: sorted.
    :param stores: ids of the stores that hold the data, as far as told.
    :param properties: the custom ones; all are text.
    """

    id: str
    name: str | None
    status: str
    visibility: str
    hidden: bool = False
    protected: bool = False
    owner: str | None = None
    size: int | None = None
    virtual_size: int | None = None
    disk_format: str | None = None
    container_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    hash_algo: str | None = None
    hash_value: str | None = None
    checksum: str | None = None
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
    tags: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Member:
    """A project that a shared image is shared with.

    :param project: its id.
    :param status: pending, accepted or rejected.
    """

    project: str
    status: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """A task of the image service about an image, such as an import.

    :param id: its id.
    :param kind: such as api_image_import.
    :param status: pending, processing, success or failure.
    :param message: what it says.
    """

    id: str
    kind: str
    status: str
    message: str = ''


class Images(abc.ABC):
    """The image service of a cloud, as one user sees it."""

    @abc.abstractmethod
    def create(
        self,
        image_id: str,
        *,
        name: str,
        disk_format: str,
        container_format: str = 'bare',
        visibility: str = 'private',
        hidden: bool = False,
        protected: bool = False,
        min_disk: int = 0,
        min_ram: int = 0,
        tags: Collection[str] = (),
        properties: Mapping[str, str] | None = None,
    ) -> Image:
        """Make a record without data.

        :param image_id: a UUID that the caller chose.
        :param name: its name.
        :param disk_format: such as qcow2.
        :param container_format: such as bare.
        :param visibility: private, shared, community or public.
        :param hidden: leave it out of listings.
        :param protected: refuse to delete it.
        :param min_disk: GiB that a server's disk must have.
        :param min_ram: MiB that a server must have.
        :param tags: its tags.
        :param properties: custom properties.
        :raises StateConflict: there is an image of that id.
        """

    @abc.abstractmethod
    def get(self, image_id: str) -> Image:
        """Return an image.

        :raises NotFound: there is none that this user may see.
        """

    @abc.abstractmethod
    def find(
        self,
        *,
        hidden: bool | None = None,
        properties: Mapping[str, str] | None = None,
        name: str | None = None,
        tag: str | None = None,
        visibility: str | None = None,
        owner: str | None = None,
        status: str | None = None,
        member_status: str | None = None,
    ) -> list[Image]:
        """Return the images that this user may see, and that fit.

        Sorted by creation, the oldest first; deleted ones never.  The service
        does the filtering.

        :param hidden: None is both.
        :param properties: custom properties, each with this value.
        :param name: with this name.
        :param tag: with this tag.
        :param visibility: None is what a listing shows: the project's own,
            public, and shared ones that it accepted; not the community's of
            others.  ``all`` has these too.
        :param owner: id of a project.
        :param status: such as active.
        :param member_status: of shared images: pending, accepted, rejected or
            all.
        """

    @abc.abstractmethod
    def patch(
        self,
        image_id: str,
        changes: Mapping[str, Any] | None = None,
        remove: Collection[str] = (),
    ) -> Image:
        """Change an image with exactly one PATCH, all of it or nothing.

        :param image_id: its id.
        :param changes: values by attribute (see :data:`ATTRIBUTES`) or custom
            property; those that are as wanted are not sent, unless a removal
            is asked for.
        :param remove: custom properties to take away.
        :returns: the image after it.
        :raises StateConflict: a property to remove is not there (so of two
            removers at once exactly one succeeds).
        :raises NotFound: there is no such image.
        """

    @abc.abstractmethod
    def delete(self, image_id: str) -> None:
        """Delete an image.

        :raises NotFound: there is none.
        :raises StateConflict: it is in use.
        :raises Forbidden: it is protected, or another's.
        """

    @abc.abstractmethod
    def deactivate(self, image_id: str) -> None:
        """Keep everybody from the image's data; the record stays."""

    @abc.abstractmethod
    def reactivate(self, image_id: str) -> None:
        """Undo :meth:`deactivate`."""

    @abc.abstractmethod
    def upload(
        self,
        image_id: str,
        file: BinaryIO,
        size: int,
        *,
        progress: Progress | None = None,
        cancelled: Check | None = None,
        store: str | None = None,
    ) -> None:
        """Send the data; the image is active when this returns.

        :param image_id: a queued image.
        :param file: read from its start, maybe more than once.
        :param size: bytes, announced to the service.
        :param progress: from the caller's thread, as is ``cancelled``.
        :param cancelled: see :data:`Check`.
        :param store: id of the store; None is the default one.
        :raises StateConflict: the image is not queued.
        :raises DigestMismatch: the file ended early or went on.
        """

    @abc.abstractmethod
    def stage_data(
        self,
        image_id: str,
        file: BinaryIO,
        size: int,
        *,
        progress: Progress | None = None,
        cancelled: Check | None = None,
    ) -> None:
        """Send the data to the staging area, for ``glance-direct``.

        :param image_id: a queued image; it is ``uploading`` after this.
        :param file: this and the rest as of :meth:`upload`.
        """

    @abc.abstractmethod
    def import_image(
        self,
        image_id: str,
        method: str,
        *,
        uri: str | None = None,
        stores: Sequence[str] = (),
        all_stores: bool = False,
        all_must_succeed: bool = True,
    ) -> None:
        """Ask for an import; it goes on after this returns.

        :param method: glance-direct, web-download or copy-image.
        :param uri: where web-download fetches from.
        :param stores: ids of stores; none is the default one.
        :param all_stores: put it in every store.
        :param all_must_succeed: one store that fails fails the import.
        """

    @abc.abstractmethod
    def tasks(self, image_id: str) -> list[Task]:
        """Return the tasks about an image; none where it is not told."""

    @abc.abstractmethod
    def ranges(self, image_id: str) -> bool:
        """Whether a part can be read without what is before it."""

    @abc.abstractmethod
    def read(self, image_id: str, offset: int, length: int) -> bytes:
        """Return a part of the data.

        :param image_id: an active image.
        :param offset: from the start of the data, in bytes.
        :param length: bytes; less comes back at the end of the data.
        :raises StageFailed: the service does not honour ranges.
        """

    @abc.abstractmethod
    def download(
        self,
        image_id: str,
        file: BinaryIO,
        *,
        progress: Progress | None = None,
        cancelled: Check | None = None,
    ) -> int:
        """Write all of the data to a file, and check it with its digest.

        :param image_id: an active image.
        :param file: open for writing; the rest as of :meth:`upload`.
        :returns: bytes.
        :raises DigestMismatch: it is not what the service says it is.
        """

    @abc.abstractmethod
    def members(self, image_id: str) -> list[Member]:
        """Return whom an image is shared with, by project."""

    @abc.abstractmethod
    def add_member(self, image_id: str, project: str) -> Member:
        """Share an image; its status is pending.

        :raises StateConflict: it is a member already.
        """

    @abc.abstractmethod
    def remove_member(self, image_id: str, project: str) -> None:
        """Take an image back from a project.

        :raises NotFound: it is no member.
        """

    @abc.abstractmethod
    def set_member(self, image_id: str, project: str, status: str) -> Member:
        """Answer to a share, as the project that it was shared with.

        :param status: accepted, rejected or pending.
        """

    @abc.abstractmethod
    def stores(self) -> tuple[offers.Store, ...]:
        """Return the stores; empty where there is one without a name."""

    @abc.abstractmethod
    def delete_from_store(self, image_id: str, store: str) -> None:
        """Delete the data in one of several stores.

        :raises Forbidden: it is the only copy, or protected.
        """

    @abc.abstractmethod
    def import_methods(self) -> tuple[str, ...]:
        """Return the ways to import; empty where there is none."""

    @abc.abstractmethod
    def schema(self) -> Mapping[str, Any]:
        """Return the JSON Schema of an image, as this site has it."""

    @abc.abstractmethod
    def namespaces(
        self, *, but: Sequence[str] = ()
    ) -> tuple[offers.Namespace, ...]:
        """Return the metadata definitions for images that the user may see.

        Each takes a request; Glance itself comes with about twenty.

        :param but: beginnings of the names that are left out, such as
            ``OS::``.
        """

    @abc.abstractmethod
    def quota(self) -> offers.Quota | None:
        """Return limits and usage, or None where the service has none."""
