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

"""One cloud of clouds.yaml: its session, and the clients made from it."""

import contextlib
import functools
import logging
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_pipeline import exceptions
from image_pipeline.clouds import images, names
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import redaction

if TYPE_CHECKING:
    from keystoneauth1 import session as ksa_session
    from keystoneauth1.access import access
    from openstack import connection
    from openstack.config import cloud_region


LOG = logging.getLogger(__name__)

#: What of the credentials nobody may see.
_SECRETS = (
    'password',
    'token',
    'access_token',
    'application_credential_secret',
    'client_secret',
    'passcode',
)


class Cloud:
    """A cloud's region, as one user sees it; nothing happens until asked.

    :param name: of clouds.yaml.
    :param region: None is what clouds.yaml says.
    :param requests: how patient to be.
    """

    def __init__(
        self,
        name: str,
        region: str | None = None,
        *,
        requests: conf_settings.Requests | None = None,
    ) -> None:
        self.name = name
        self._region = region
        self.requests = requests or conf_settings.Requests()
        # Several stages may ask at once, and there is one of each.
        self._lock = threading.RLock()
        self._kept: dict[str, Any] = {}

    def _made(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what is made when it is first asked for."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make()
            return self._kept[name]

    @property
    def region(self) -> str | None:
        """The region's name; None where the cloud has no regions."""
        if self._region is not None:
            return self._region
        return self.config.get_region_name() or None

    @property
    def config(self) -> 'cloud_region.CloudRegion':
        """What clouds.yaml says about this region.

        :raises NotFound: it has no such cloud or region.
        :raises InvalidInput: it is not complete.
        """
        found: cloud_region.CloudRegion = self._made('config', self._read)
        return found

    def _read(self) -> 'cloud_region.CloudRegion':
        from keystoneauth1 import exceptions as ksa_exceptions
        from openstack import exceptions as sdk_exceptions

        from image_pipeline.clouds import session

        known = names.names()
        if self.name not in known:
            raise exceptions.NotFound(
                f'clouds.yaml has no cloud "{self.name}"',
                hint=exceptions.did_you_mean(self.name, known)
                or (
                    f'clouds are {", ".join(known)}'
                    if known
                    else 'no clouds.yaml was found, and OS_* is not set'
                ),
            )
        found = names.configuration(
            session_constructor=functools.partial(
                session.Session, patience=self.requests
            ),
            app_name='image-pipeline',
        )
        options: dict[str, Any] = {}
        if self._region is not None:
            options['region_name'] = self._region
            entry = found.cloud_config['clouds'][self.name]
            if isinstance(entry.get('region_name'), str):
                # A target may be in another region than the one there.
                entry['region_name'] = self._region
        try:
            made = found.get_one(cloud=self.name, **options)
        except ksa_exceptions.MissingRequiredOptions as exc:
            missing = ', '.join(option.dest for option in exc.options)
            raise self._incomplete(f'{missing} is missing') from exc
        except (
            sdk_exceptions.SDKException,
            ksa_exceptions.ClientException,
        ) as exc:
            raise self._incomplete(str(exc)) from exc
        self._check(made)
        return made

    def _check(self, config: 'cloud_region.CloudRegion') -> None:
        """Check what the libraries would only stumble over."""
        auth = config.get_auth_args() or {}
        redaction.register(
            *(str(auth[name]) for name in _SECRETS if auth.get(name))
        )
        url = auth.get('auth_url')
        if url is not None and not re.match(r'https?://[^/]', str(url)):
            raise self._incomplete(f'auth_url "{url}" is no http or https URL')
        for name in ('cacert', 'cert', 'key'):
            file = config.config.get(name)
            if file and not Path(file).expanduser().is_file():
                raise self._incomplete(f'there is no file {file}, its {name}')

    def _incomplete(self, reason: str) -> exceptions.InvalidInput:
        return exceptions.InvalidInput(
            f'cloud "{self.name}" of clouds.yaml cannot be used: {reason}'
        )

    @property
    def session(self) -> 'ksa_session.Session':
        """The one session of all clients."""
        found: ksa_session.Session = self._made(
            'session', lambda: self.config.get_session()
        )
        return found

    @property
    def connection(self) -> 'connection.Connection':
        """The openstacksdk's connection on :attr:`session`."""

        def make() -> 'connection.Connection':
            from openstack import connection

            return connection.Connection(config=self.config)

        found: connection.Connection = self._made('connection', make)
        return found

    @property
    def images(self) -> images.Images:
        """The image service."""

        def make() -> images.Images:
            from image_pipeline.clouds import glance

            return glance.GlanceImages(self)

        found: images.Images = self._made('images', make)
        return found

    @property
    def compute(self) -> Any:
        """The openstacksdk's proxy of the compute service."""
        return self._proxy('compute', 'Nova')

    @property
    def network(self) -> Any:
        """The openstacksdk's proxy of the network service."""
        return self._proxy('network', 'Neutron')

    @property
    def volume(self) -> Any:
        """The openstacksdk's proxy of the block storage service."""
        return self._proxy('block-storage', 'Cinder')

    def _proxy(self, service_type: str, service: str) -> Any:
        def make() -> Any:
            self.endpoint(service_type, service)
            with self.translated(service, 'ask for its versions'):
                return getattr(self.connection, service_type.replace('-', '_'))

        return self._made(service_type, make)

    @property
    def access(self) -> 'access.AccessInfo':
        """What Keystone said when it gave the token.

        :raises InvalidInput: the credentials are not good, or of no project.
        :raises Unavailable: Keystone is.
        """
        with self.translated('Keystone', 'log in'):
            auth: Any = self.session.auth
            found: access.AccessInfo = auth.get_access(self.session)
        if not found.project_scoped:
            raise self._incomplete('it names no project')
        return found

    def renew(self, seconds: float) -> None:
        """Get a new token unless the one there is lives long enough.

        Keystone's token cannot be changed while a request is under way.

        :param seconds: how long it is needed.
        """
        token = self.access
        if not token.will_expire_soon(int(seconds)):
            return
        if 'token' in str(self.config.config.get('auth_type')):
            # One got for it would not live longer.
            LOG.warning(
                'the token of cloud "%s" expires at %s, and cannot be renewed',
                self.name,
                token.expires,
            )
            return
        self.session.invalidate()
        _ = self.access

    @property
    def project_id(self) -> str:
        """The id of the project; empty if the token has none."""
        return self.access.project_id or ''

    @property
    def user_id(self) -> str:
        """The id of the user."""
        return self.access.user_id or ''

    @property
    def roles(self) -> frozenset[str]:
        """The names of the user's roles in the project, in lower case."""
        return frozenset(name.lower() for name in self.access.role_names or ())

    @property
    def is_admin(self) -> bool:
        """Whether the user may see the things of all projects."""
        return 'admin' in self.roles

    def offers(self, service_type: str) -> bool:
        """Whether the catalog has a service in this region.

        :param service_type: such as ``image`` or ``block-storage``.
        """
        return self._endpoint(service_type) is not None

    def endpoint(self, service_type: str, service: str) -> str:
        """Return the address of a service, as the catalog has it.

        :param service_type: such as ``image``.
        :param service: as a user knows it, such as ``Glance``.
        :raises NotFound: the catalog does not have it.
        """
        found = self._endpoint(service_type)
        if found is None:
            raise self._no_service(service_type, service)
        return found

    def _no_service(
        self, service_type: str, service: str
    ) -> exceptions.NotFound:
        """Say why the catalog has no address of a service."""
        found = self.access.service_catalog
        entries = found.get_endpoints_data() if found else {}
        regions = {
            one.region_name
            for endpoints in entries.values()
            for one in endpoints
            if one.region_name
        }
        if self.region and self.region not in regions:
            return exceptions.NotFound(
                f'cloud "{self.name}" has no region "{self.region}"',
                hint=exceptions.did_you_mean(self.region, regions)
                or f'regions are {", ".join(sorted(regions))}',
            )
        interface = self.config.get_interface(service_type)
        known = sorted(
            name
            for name, endpoints in entries.items()
            if any(
                one.interface == interface
                and self.region in (None, one.region_name)
                for one in endpoints
            )
        )
        where = f' in region "{self.region}"' if self.region else ''
        return exceptions.NotFound(
            f'cloud "{self.name}" has no service "{service_type}" '
            f'({service}){where}',
            hint=f'for the interface "{interface}", services are '
            f'{", ".join(known) or "none"}',
        )

    def _endpoint(self, service_type: str) -> str | None:
        from keystoneauth1 import exceptions as ksa_exceptions

        config = self.config
        found = config.get_endpoint(service_type)
        if found:
            return found
        _ = self.access
        try:
            return self.session.get_endpoint(
                service_type=config.get_service_type(service_type),
                region_name=self.region,
                interface=config.get_interface(service_type),
                skip_discovery=True,
            )
        except ksa_exceptions.EndpointNotFound:
            return None

    @contextlib.contextmanager
    def translated(self, service: str, doing: str) -> Iterator[None]:
        """Turn what clients raise into our errors.

        :param service: as a user knows it, such as ``Glance``.
        :param doing: as in "cannot ...", such as ``read image 4f1c``.
        :raises PipelineError: see :mod:`image_pipeline.clouds.errors`.
        """
        try:
            yield
        except exceptions.PipelineError:
            raise
        except Exception as exc:
            from image_pipeline.clouds import errors

            found = errors.translate(
                exc, cloud=self.name, service=service, doing=doing
            )
            if found is None:
                raise
            raise found from exc


_CLOUDS: dict[tuple[str, str | None, conf_settings.Requests], Cloud] = {}
_LOCK = threading.Lock()


def open_cloud(target: conf_settings.Target) -> Cloud:
    """Return a target's cloud: one for each region in this process.

    :param target: the target.
    :raises InvalidInput: the target is this host.
    """
    if target.cloud is None:
        raise exceptions.InvalidInput(f'target "{target.name}" has no cloud')
    key = (target.cloud, target.region, target.requests)
    with _LOCK:
        if key not in _CLOUDS:
            _CLOUDS[key] = Cloud(
                target.cloud, target.region, requests=target.requests
            )
        return _CLOUDS[key]


def forget() -> None:
    """Forget the clouds that were opened; the next are new."""
    with _LOCK:
        _CLOUDS.clear()
