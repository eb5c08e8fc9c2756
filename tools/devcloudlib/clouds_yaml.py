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


"""clouds.yaml: how clients reach the devcloud, and as whom."""

import json

from devcloudlib import instance

#: Entry, user, project, region.
ENTRIES = (
    ('devcloud', 'demo', 'demo', 'RegionOne'),
    ('devcloud-reader', 'reader', 'demo', 'RegionOne'),
    ('devcloud-other', 'other', 'other', 'RegionOne'),
    ('devcloud-alone', 'alone', 'alone', 'RegionOne'),
    ('devcloud-two', 'demo', 'demo', 'RegionTwo'),
    ('devcloud-admin', 'admin', 'admin', 'RegionOne'),
)


def text(chosen: instance.Settings) -> str:
    """Give the whole file.

    :param chosen: the devcloud's address and secrets.
    """
    lines = ['clouds:']
    for name, user, project, region in ENTRIES:
        lines += [
            f'  {name}:',
            '    auth:',
            f'      auth_url: http://{chosen.address}:5000/v3',
            f'      username: {user}',
            f'      password: {json.dumps(chosen.secrets[user])}',
            f'      project_name: {project}',
            '      user_domain_name: Default',
            '      project_domain_name: Default',
            f'    region_name: {region}',
            '    identity_api_version: 3',
            '    interface: public',
        ]
    return '\n'.join(lines) + '\n'
