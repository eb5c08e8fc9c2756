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

"""A config drive as Nova makes it: ISO 9660 with the label ``config-2``.

Contents and versions are those of ``nova/api/metadata/base.py``, the file
system's options those of ``nova/virt/configdrive.py``.
"""

import base64
import hashlib
import io
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pipeline.hypervisors import base

#: What cloud-init looks for.
LABEL = 'config-2'
#: OpenStack's versions of the metadata, oldest first, as Nova names them.
VERSIONS = (
    '2012-08-10',
    '2013-04-04',
    '2013-10-17',
    '2015-10-15',
    '2016-06-30',
    '2016-10-06',
    '2017-02-22',
    '2018-08-27',
    '2020-10-14',
)
_HAVANA = '2013-10-17'
_LIBERTY = '2015-10-15'
_NEWTON_TWO = '2016-10-06'
_EC2_VERSIONS = ('2009-04-04', 'latest')
_RANDOM_SEED_BYTES = 512
_KEY_NAME = 'image-pipeline'
_ZONE = 'nova'
_PUBLISHER = 'OpenStack Compute'
# All nodes of the project's instances are the same to the guest.
_PROJECT = uuid.uuid5(uuid.NAMESPACE_DNS, 'project.image-pipeline.invalid')


def mac_address(instance_id: str) -> str:
    """Return an instance's MAC address, with Neutron's default prefix.

    :param instance_id: its UUID.
    """
    tail = hashlib.sha256(instance_id.encode()).hexdigest()
    return f'fa:16:3e:{tail[0:2]}:{tail[2:4]}:{tail[4:6]}'


def write(path: Path, seed: base.Seed, *, random_seed: bytes) -> None:
    """Write a config drive.

    :param path: the ISO image to make.
    :param seed: what the instance is told.
    :param random_seed: entropy for the guest, new for each instance.
    """
    import pycdlib

    iso = pycdlib.PyCdlib()
    # Level 3, Rock Ridge and Joliet: `genisoimage -J -r -l`, as Nova.
    iso.new(
        interchange_level=3,
        joliet=3,
        rock_ridge='1.09',
        vol_ident=LABEL,
        pub_ident_str=_PUBLISHER,
    )
    folders: set[str] = set()
    for name, content in contents(seed, random_seed=random_seed).items():
        parts = name.split('/')
        for depth in range(1, len(parts)):
            folder = '/'.join(parts[:depth])
            if folder not in folders:
                folders.add(folder)
                iso.add_directory(
                    _plain(folder),
                    rr_name=parts[depth - 1],
                    joliet_path=f'/{folder}',
                )
        iso.add_fp(
            io.BytesIO(content),
            len(content),
            f'{_plain(name)};1',
            rr_name=parts[-1],
            joliet_path=f'/{name}',
        )
    iso.write(str(path))
    iso.close()


def _plain(name: str) -> str:
    """Return a path in the letters of ISO 9660 proper; nobody reads it."""
    parts = name.upper().replace('-', '_').split('/')
    # A folder has no dot; a file has exactly one.
    *folders, last = parts
    folders = [folder.replace('.', '_') for folder in folders]
    return '/' + '/'.join([*folders, last])


def contents(seed: base.Seed, *, random_seed: bytes) -> dict[str, bytes]:
    """Return the files of a config drive, by path.

    :param seed: what the instance is told.
    :param random_seed: entropy for the guest.
    """
    files: dict[str, bytes] = {}
    for version in (*VERSIONS, 'latest'):
        folder = f'openstack/{version}'
        files[f'{folder}/meta_data.json'] = _json(
            _metadata(seed, version, random_seed)
        )
        files[f'{folder}/user_data'] = seed.user_data
        if version >= _HAVANA:
            files[f'{folder}/vendor_data.json'] = _json({})
        if version >= _LIBERTY:
            files[f'{folder}/network_data.json'] = _json(_network(seed))
        if version >= _NEWTON_TWO:
            files[f'{folder}/vendor_data2.json'] = _json({})
    for version in _EC2_VERSIONS:
        folder = f'ec2/{version}'
        files[f'{folder}/meta-data.json'] = _json(_ec2(seed))
        files[f'{folder}/user-data'] = seed.user_data
    return files


def _metadata(
    seed: base.Seed, version: str, random_seed: bytes
) -> dict[str, Any]:
    found: dict[str, Any] = {
        'uuid': seed.instance_id,
        'name': seed.hostname,
        'hostname': seed.hostname,
        'launch_index': 0,
        'availability_zone': _ZONE,
        'public_keys': {_KEY_NAME: seed.public_key},
        'keys': [{'name': _KEY_NAME, 'type': 'ssh', 'data': seed.public_key}],
    }
    if version >= '2013-04-04':
        found['random_seed'] = base64.b64encode(
            random_seed[:_RANDOM_SEED_BYTES]
        ).decode()
    if version >= _LIBERTY:
        found['project_id'] = _PROJECT.hex
    if version >= '2016-06-30':
        found['devices'] = []
    if version >= '2020-10-14':
        found['dedicated_cpus'] = []
    return found


def _network(seed: base.Seed) -> dict[str, Any]:
    mac = mac_address(seed.instance_id)
    port = str(uuid.uuid5(_PROJECT, f'port {seed.instance_id}'))
    link = f'tap{port[:11]}'
    return {
        'links': [
            {
                'id': link,
                'vif_id': port,
                'type': 'ovs',
                'mtu': 1500,
                'ethernet_mac_address': mac,
            }
        ],
        'networks': [
            {
                'id': 'network0',
                'type': 'ipv4_dhcp',
                'link': link,
                'network_id': str(uuid.uuid5(_PROJECT, 'network')),
            }
        ],
        'services': [],
    }


def _ec2(seed: base.Seed) -> dict[str, Any]:
    return {
        'instance-id': f'i-{seed.instance_id[:8]}',
        'hostname': seed.hostname,
        'local-hostname': seed.hostname,
        'public-hostname': seed.hostname,
        'ami-launch-index': 0,
        'placement': {'availability-zone': _ZONE},
        'public-keys': {
            '0': {
                '_name': f'0={_KEY_NAME}',
                'openssh-key': seed.public_key,
            }
        },
    }


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
