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

"""Projects that tests have for themselves in a real cloud."""

import contextlib
import dataclasses
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

_ADMIN = 'devcloud-admin'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Projects:
    """Projects, each with a user who is a member of it.

    :param clouds_yaml: has an entry for each, and those that were there.
    :param ids: ids of the projects, by the names of their entries.
    """

    clouds_yaml: Path
    ids: dict[str, str]


@contextlib.contextmanager
def projects(
    clouds_yaml: Path, folder: Path, names: Sequence[str]
) -> Iterator[Projects]:
    """Make projects, and delete them with all their images.

    :param clouds_yaml: has an entry of an administrator.
    :param folder: where the new clouds.yaml goes.
    :param names: what the new entries are called.
    """
    admin = _connect(clouds_yaml)
    known = yaml.safe_load(clouds_yaml.read_text())
    ids: dict[str, str] = {}
    users = []
    role = admin.identity.find_role('member')
    try:
        for name in names:
            unique = f'{name}-{secrets.token_hex(4)}'
            password = secrets.token_hex(16)
            project = admin.identity.create_project(name=unique)
            ids[name] = project.id
            user = admin.identity.create_user(
                name=unique,
                password=password,
                default_project_id=project.id,
            )
            users.append(user)
            admin.identity.assign_project_role_to_user(project, user, role)
            entry = dict(known['clouds'][_ADMIN])
            entry['auth'] = {
                **entry['auth'],
                'username': unique,
                'password': password,
                'project_name': unique,
            }
            known['clouds'][name] = entry
        path = folder / 'clouds.yaml'
        path.write_text(yaml.safe_dump(known))
        path.chmod(0o600)
        yield Projects(clouds_yaml=path, ids=ids)
    finally:
        for project_id in ids.values():
            _empty(admin, project_id)
        for user in users:
            admin.identity.delete_user(user)
        for project_id in ids.values():
            admin.identity.delete_project(project_id)
        admin.close()


def _empty(admin: Any, project_id: str) -> None:
    for hidden in (True, False):
        for image in list(
            admin.image.images(owner=project_id, is_hidden=hidden)
        ):
            if image.is_protected:
                admin.image.update_image(image, is_protected=False)
            admin.image.delete_image(image)


def _connect(clouds_yaml: Path) -> Any:
    from openstack import connection
    from openstack.config import loader

    config = loader.OpenStackConfig(
        config_files=[str(clouds_yaml)], load_envvars=False
    )
    return connection.Connection(config=config.get_one(cloud=_ADMIN))
