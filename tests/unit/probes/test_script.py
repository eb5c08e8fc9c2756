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

import re

import pytest

from image_pipeline import exceptions
from image_pipeline.probes import identity, registry, script

NONCE = '0123456789abcdef'


def test_user_data_is_a_script_that_nova_takes() -> None:
    made = script.render(NONCE, registry.select(None), wait=240)
    assert made.startswith(b'#!/bin/sh\n')
    # Nova's limit is on the base64 of it: MAX_USERDATA_SIZE.
    assert len(made) * 4 / 3 < 65535


def test_user_data_says_whom_to_answer_and_how_long_to_wait() -> None:
    made = script.render(NONCE, registry.select([]), wait=240.4, rounds=3)
    text = made.decode()
    assert f'\nIP_NONCE={NONCE}\n' in text
    assert '\nIP_WAIT=240\n' in text and '\nIP_ROUNDS=3\n' in text


def test_user_data_has_the_probes_that_were_chosen() -> None:
    made = script.render(NONCE, registry.select(['HYG-05']), wait=1).decode()
    assert re.findall(r'IP_DIR/probes/([A-Z0-9-]+)"', made) == [
        'HYG-05',
        identity.ID,
    ]


def test_no_frame_can_be_read_from_the_user_data_itself() -> None:
    from image_pipeline.probes import protocol

    # cloud-init may print its user data to the console.
    made = script.render(NONCE, registry.select(None), wait=240)
    receiver = protocol.Receiver(NONCE)
    receiver.feed(made)
    assert receiver.answers() == {}


def test_all_probes_are_chosen_without_a_choice() -> None:
    assert [one.id for one in registry.select(None)] == list(registry.names())


def test_unknown_probe_is_refused_with_what_there_is() -> None:
    with pytest.raises(exceptions.NotFound) as caught:
        registry.load('quux')
    assert 'HYG-05' in (caught.value.hint or '')


def test_question_of_several_probes_is_asked_once() -> None:
    chosen = registry.select(['EGI-SSH-02', 'EGI-SSH-03', 'EGI-SSH-05'])
    made = script.render(NONCE, chosen, wait=1).decode()
    assert re.findall(r'IP_DIR/probes/([A-Z0-9-]+)"', made) == [
        'EGI-SSH-02',
        identity.ID,
    ]


def test_script_comes_again_only_if_it_is_to() -> None:
    probes = registry.select(['HYG-05'])
    once = script.render('0' * 16, probes, wait=1)
    always = script.render('0' * 16, probes, wait=1, every_boot=True)
    assert b'per-boot' not in once
    assert b'/var/lib/cloud/scripts/per-boot/image-pipeline' in always
