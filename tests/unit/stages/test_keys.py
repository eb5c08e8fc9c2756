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

"""The SSH key that an instance is given."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization

from image_pipeline.stages import keys


def test_key_is_new_each_time_and_on_one_line() -> None:
    first, second = keys.make(None), keys.make(None)
    assert first != second
    assert first.startswith('ssh-ed25519 ') and '\n' not in first


def test_private_half_is_for_its_owner_and_fits(tmp_path: Path) -> None:
    file = tmp_path / 'id_ed25519'
    public = keys.make(file)
    assert file.stat().st_mode & 0o777 == 0o600
    private = serialization.load_ssh_private_key(file.read_bytes(), None)
    said = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    assert public.split()[:2] == said.decode().split()
