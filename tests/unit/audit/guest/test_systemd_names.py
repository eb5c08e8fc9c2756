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
import pytest

from image_pipeline.audit.guest import systemd_names


@pytest.mark.parametrize(
    ('name', 'template'),
    [
        ('getty@tty1.service', 'getty@.service'),
        ('a@b.c.socket', 'a@.socket'),
        ('getty@.service', ''),
        ('ssh.service', ''),
        ('', ''),
    ],
)
def test_an_instance_has_a_template(name, template):
    assert systemd_names.template(name) == template


def test_names_with_dashes_share_their_beginnings():
    assert systemd_names.prefixes('a-b-c.service') == [
        'a-b-.service',
        'a-.service',
    ]
    assert systemd_names.prefixes('ssh.service') == []


def test_a_unit_is_told_by_its_suffix():
    assert systemd_names.is_unit('dev-sda.device')
    assert not systemd_names.is_unit('ssh.service.d')
