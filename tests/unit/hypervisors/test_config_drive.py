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

import base64
import json
from pathlib import Path

import pycdlib
import pytest

from image_pipeline.hypervisors import base, config_drive

SEED = base.Seed(
    instance_id='6f1f2d3c-0000-4000-8000-00000000aaaa',
    hostname='smoke',
    public_key='ssh-ed25519 AAAA x',
    user_data=b'#!/bin/sh\ntrue\n',
)


@pytest.fixture
def files() -> dict[str, bytes]:
    return config_drive.contents(SEED, random_seed=bytes(600))


def test_metadata_is_what_the_instance_is_told(
    files: dict[str, bytes],
) -> None:
    found = json.loads(files['openstack/latest/meta_data.json'])
    assert found['uuid'] == SEED.instance_id
    assert found['hostname'] == found['name'] == 'smoke'
    assert list(found['public_keys'].values()) == [SEED.public_key]
    assert len(base64.b64decode(found['random_seed'])) == 512
    assert found['launch_index'] == 0
    assert files['openstack/latest/user_data'] == SEED.user_data


def test_every_version_has_what_nova_gives_in_it(
    files: dict[str, bytes],
) -> None:
    names = {
        version: {
            path.split('/')[2]
            for path in files
            if path.startswith(f'openstack/{version}/')
        }
        for version in (*config_drive.VERSIONS, 'latest')
    }
    assert names['2012-08-10'] == {'meta_data.json', 'user_data'}
    assert 'network_data.json' in names['2015-10-15']
    assert names['latest'] == names['2020-10-14']
    assert 'vendor_data2.json' in names['latest']


def test_network_is_by_dhcp_on_the_port_s_address(
    files: dict[str, bytes],
) -> None:
    found = json.loads(files['openstack/latest/network_data.json'])
    (link,) = found['links']
    assert link['ethernet_mac_address'] == config_drive.mac_address(
        SEED.instance_id
    )
    assert [one['type'] for one in found['networks']] == ['ipv4_dhcp']
    assert found['networks'][0]['link'] == link['id']


def test_mac_address_is_of_neutron_and_of_one_instance() -> None:
    first = config_drive.mac_address(SEED.instance_id)
    assert first.startswith('fa:16:3e:')
    assert first != config_drive.mac_address('another')


def test_drive_has_the_label_and_long_names_both_ways(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    path = tmp_path / 'seed.iso'
    config_drive.write(path, SEED, random_seed=bytes(600))
    iso = pycdlib.PyCdlib()
    iso.open(str(path))
    assert iso.pvd.volume_identifier.decode().strip() == 'config-2'
    for name, content in files.items():
        for kind in ('rr_path', 'joliet_path'):
            with iso.open_file_from_iso(**{kind: f'/{name}'}) as file:
                assert file.read() == content
    iso.close()
