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


"""Ask a cloud's image service whether a bake could do its work there.

Nothing is changed.  Whether a user may make an image is found out with the id
of one that is there: Glance checks rights, quota and protected properties
first, and refuses the id after that
(``glance/api/v2/images.py``, ``ImagesController.create``).
"""

import datetime
from collections.abc import Collection, Iterator
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    glance_checks,
    glance_family,
    glance_records,
    glance_upload,
)
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import images
from image_pipeline.conf import settings as conf_settings

Objection = artifact.Objection
#: Ways to log in that cannot get another token (keystoneauth's plug-ins).
_TOKENS = frozenset({'token', 'v2token', 'v3token', 'admin_token', 'none'})
#: Roles that may change nothing, by the default policies.
_LOOKING = frozenset({'reader', 'auditor'})
_HINT = (
    'it takes the role member of the project; see "Roles" in the guide for '
    'administrators'
)
#: Kinds of stores, as glance_store names them, that clone raw images.
_CLONING = frozenset({'rbd'})
#: Kinds where each byte is sent again to each host.
_COPYING = frozenset({'file', 'filesystem', 'http', 'swift', 's3'})


def check_cloud(
    cloud: clouds_cloud.Cloud,
    target: conf_settings.Target,
    intent: artifact.Intent,
) -> Iterator[Objection]:
    """Give what speaks against an intent at a cloud's image service.

    :param cloud: the cloud.
    :param target: the target.
    :param intent: what a run is about to do.
    :raises PipelineError: nobody can log in, or there is no such service.
    """
    # What fails here fails everything below: it is told once.
    yield from _token(cloud, target, intent.seconds)
    if not cloud.project_id:
        raise exceptions.InvalidInput(
            f'the credentials of cloud "{cloud.name}" are for no project',
            hint='set project_name (or project_id) in clouds.yaml',
        )
    cloud.endpoint('image', 'Glance')
    yield from check(
        cloud.images,
        target,
        intent,
        project=cloud.project_id,
        roles=cloud.roles,
    )
    yield from Objection.tried(lambda: _members(cloud, target))


def check(
    client: images.Images,
    target: conf_settings.Target,
    intent: artifact.Intent,
    *,
    project: str,
    roles: Collection[str] = (),
) -> Iterator[Objection]:
    """Give what speaks against an intent at an image service.

    :param client: the image service.
    :param target: the target.
    :param intent: what a run is about to do.
    :param project: id of the user's project.
    :param roles: what the user is there, as far as known.
    """
    if artifact.REGISTRATION in intent.makes:
        yield from Objection.tried(lambda: _taken(client, target, intent))
        yield from Objection.tried(lambda: _room(client, target, intent))
        yield from Objection.tried(lambda: _stores(client, target))
    yield from Objection.tried(lambda: _name(client, intent, project))
    yield from Objection.tried(
        lambda: _rights(client, target, intent, project, roles)
    )


def _token(
    cloud: clouds_cloud.Cloud, target: conf_settings.Target, seconds: int
) -> Iterator[Objection]:
    """Give a token that ends too soon, where there is no other one."""
    expires = cloud.access.expires
    kind = str(cloud.config.config.get('auth_type', ''))
    if kind not in _TOKENS or expires is None or not seconds:
        return
    if expires.tzinfo is None:
        expires = expires.replace(tzinfo=datetime.UTC)
    left = (expires - datetime.datetime.now(datetime.UTC)).total_seconds()
    if left < seconds:
        yield Objection.warning(
            f'the token for cloud "{target.cloud}" ends in {left / 60:.0f} '
            f'minutes, and a run may take {seconds / 60:.0f}',
            'use an application credential or a password: both get a new '
            'token by themselves',
        )


def _taken(
    client: images.Images,
    target: conf_settings.Target,
    intent: artifact.Intent,
) -> Iterator[Objection]:
    """Give what Glance would not take: formats, tags, properties."""
    schema = client.schema()
    wanted = glance_checks.Wanted(
        name=intent.name,
        format=intent.format,
        size=intent.size,
        properties=intent.properties,
    )
    for problem in (
        *glance_checks.fields(schema, target, wanted),
        *glance_checks.properties(schema, intent.properties),
    ):
        yield Objection(problem=problem)


def _room(
    client: images.Images,
    target: conf_settings.Target,
    intent: artifact.Intent,
) -> Iterator[Objection]:
    """Give ways to send the data that there are not, and quotas."""
    staged = False
    try:
        method = glance_upload.choose(client, target)
        staged = method is not glance_upload.Method.UPLOAD
    except exceptions.InvalidInput as exc:
        yield from Objection.of(exc)
    for problem in glance_checks.room(client, intent.size, staged=staged):
        yield Objection(problem=problem)


def _stores(
    client: images.Images, target: conf_settings.Target
) -> Iterator[Objection]:
    """Give stores that there are not, and formats that do not fit."""
    for problem in glance_checks.stores(client, target):
        yield Objection(problem=problem)
    known = client.stores()
    used = [
        store
        for store in known
        if (store.id in target.stores if target.stores else store.default)
    ]
    taken = target.formats[0]
    for store in used:
        if store.kind in _CLONING and taken != 'raw':
            yield Objection.warning(
                f'store "{store.id}" is on Ceph, and images are {taken} there',
                'set formats = raw: Ceph clones a raw image in a moment, '
                f'while each host downloads and converts a {taken}',
            )
        elif store.kind in _COPYING and taken == 'raw':
            yield Objection.warning(
                f'store "{store.id}" keeps files, and images are raw there',
                'set formats = qcow2: it is smaller, and is sent to each '
                'host as it is',
            )


def _name(
    client: images.Images, intent: artifact.Intent, project: str
) -> Iterator[Objection]:
    """Give images that users get by the same name."""
    try:
        lines = glance_family.check_alone(
            client, project, intent.name, force=False
        )
    except exceptions.StateConflict as exc:
        # A person may clear that up before promoting.
        promotes = artifact.PROMOTION in intent.makes
        for one in Objection.of(exc):
            yield Objection(
                problem=one.problem,
                severity=artifact.Severity.ERROR
                if promotes
                else artifact.Severity.WARNING,
            )
        return
    for line in lines:
        yield Objection.warning(line)


def _rights(
    client: images.Images,
    target: conf_settings.Target,
    intent: artifact.Intent,
    project: str,
    roles: Collection[str],
) -> Iterator[Objection]:
    """Give what this user may not do."""
    there = _some_id(client, project)
    if there is None:
        # A cloud without any image: only roles tell, and not for certain.
        if roles and set(roles) <= _LOOKING:
            yield Objection.error(
                f'this user may only look at target "{target.name}": its '
                f'roles are {", ".join(sorted(roles))}',
                _HINT,
            )
        return
    makes = artifact.REGISTRATION in intent.makes
    if makes:
        refused = _refusal(client, there, target, intent, 'private')
        if refused is not None:
            yield Objection.error(
                'this user may not make the image at target '
                f'"{target.name}": {refused}',
                _HINT,
            )
            return
    if (
        artifact.PROMOTION in intent.makes
        and target.visibility != 'private'
        and (
            refused := _refusal(
                client, there, target, intent, target.visibility
            )
        )
        is not None
    ):
        yield Objection.error(
            f'this user may not make an image {target.visibility} at target '
            f'"{target.name}": {refused}',
            'set another visibility; public ones are made by administrators '
            'unless the cloud says otherwise (policy publicize_image)',
        )


def _some_id(client: images.Images, project: str) -> str | None:
    """Return the id of an image that is there; None if there is none."""
    # Those of the project are fewer than all that it sees.
    for owner in (project, None):
        found = client.find(hidden=False, owner=owner)
        if found:
            return found[0].id
    return None


def _refusal(
    client: images.Images,
    there: str,
    target: conf_settings.Target,
    intent: artifact.Intent,
    visibility: str,
) -> str | None:
    """Return why an image could not be made, or None; none is made."""
    try:
        client.create(
            there,
            name=intent.name,
            disk_format=intent.format,
            visibility=visibility,
            hidden=True,
            tags=target.tags,
            properties={
                key: value
                for key, value in intent.properties.items()
                if key not in glance_records.ATTRIBUTES
            },
        )
    except exceptions.StateConflict:
        return None
    except (exceptions.Forbidden, exceptions.QuotaExceeded) as exc:
        # Of the image whose id was taken nobody wants to hear.
        return exc.message.partition(f'{there}: ')[2] or exc.message
    # An id of a record that was purged meanwhile: it was nobody's.
    client.delete(there)
    return None


def _members(
    cloud: clouds_cloud.Cloud, target: conf_settings.Target
) -> Iterator[Objection]:
    """Give members that cannot be shared with."""
    if not target.members:
        return
    if target.visibility != 'shared':
        yield Objection.warning(
            f'target "{target.name}" has members, and images are '
            f'{target.visibility} there: nobody gets a share',
            'set visibility = shared',
        )
    if cloud.project_id in target.members:
        yield Objection.warning(
            f'the project {cloud.project_id} itself is a member of target '
            f'"{target.name}"'
        )
    if not cloud.is_admin:
        # Nobody else may ask for other projects.
        return
    for project in target.members:
        try:
            with cloud.translated('Keystone', f'read project {project}'):
                identity: Any = cloud.connection.identity
                identity.get_project(project)
        except exceptions.InvalidInput:
            # The credentials are good, or nobody would have got here.
            yield Objection.error(
                f'there is no project {project}, which is a member of target '
                f'"{target.name}"',
                'members are ids: `openstack project list`',
            )
