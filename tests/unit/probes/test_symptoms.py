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

"""What explains a silence, each by a line of a real console."""

import pytest

from image_pipeline.probes import symptoms

UP = 'ci-info: |  eth0  | True | 10.0.0.5 | 255.255.255.0 | global |'
DOWN = 'ci-info: |  eth0  | False |     .     |     .     |   .   |'
LOOPBACK = 'ci-info: |   lo   | True | 127.0.0.1 | 255.0.0.0 |  host |'


@pytest.mark.parametrize('text', [DOWN, f'{DOWN}\n{LOOPBACK}'])
def test_card_without_an_address_is_no_network(text: str) -> None:
    said = symptoms.no_network(text)
    assert said and 'eth0 has no address' in said


@pytest.mark.parametrize(
    'text',
    [
        '',
        LOOPBACK,
        UP,
        # One of two cards is enough.
        f'{UP}\n{DOWN.replace("eth0", "eth1")}',
        # It came up at the second try.
        f'{DOWN}\n{UP}',
        f'No DHCPOFFERS received.\n{UP}',
    ],
)
def test_card_with_an_address_is_a_network(text: str) -> None:
    assert symptoms.no_network(text) is None


@pytest.mark.parametrize(
    'text',
    [
        'udhcpc: no lease, failing',
        'No DHCPOFFERS received.',
        'ifup: Failed to bring up ens3',
    ],
)
def test_what_a_dhcp_client_says_is_quoted(text: str) -> None:
    said = symptoms.no_network(text)
    assert said and said.endswith('")')


def test_service_that_is_asked_in_vain_is_no_metadata() -> None:
    text = (
        "url_helper.py[WARNING]: Calling 'http://169.254.169.254/openstack' "
        'failed [0/-1s]: request error'
    )
    said = symptoms.no_metadata(text)
    assert said and '169.254.169.254' in said
    assert symptoms.no_metadata('Cloud-init v. 22.4.2 running') is None


@pytest.mark.parametrize(
    'text',
    [
        'cc_scripts_user.py[WARNING]: Failed to run module scripts_user',
        '[FAILED] Failed to start cloud-final.service - Cloud-init: Final.',
        'cloud-init[412]: Traceback (most recent call last):',
        'Failed loading yaml blob. Invalid format at line 2 column 1',
    ],
)
def test_error_of_cloud_init_is_quoted(text: str) -> None:
    said = symptoms.cloud_init_error(text)
    assert said and said.startswith('cloud-init failed')
    assert symptoms.cloud_init_error('cloud-init[4]: all is well') is None


def test_boot_loader_without_a_kernel_is_quoted() -> None:
    said = symptoms.loader_error("error: file `/boot/vmlinuz' not found.")
    assert said and "vmlinuz' not found" in said
    # GRUB says so of a console without graphics, and goes on.
    text = 'error: no suitable video mode found.'
    assert symptoms.loader_error(text) is None
