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

from pathlib import Path

from image_pipeline.dib import emulation


def test_the_hosts_own_architecture_needs_nothing(tmp_path: Path) -> None:
    found = emulation.problems('amd64', machine='x86_64', emulators=tmp_path)
    assert list(found) == []


def test_another_architecture_needs_an_emulator(tmp_path: Path) -> None:
    found = emulation.problems('arm64', machine='x86_64', emulators=tmp_path)
    (problem,) = found
    assert problem.path == 'architecture'
    (tmp_path / 'qemu-aarch64').touch()
    found = emulation.problems('arm64', machine='x86_64', emulators=tmp_path)
    assert list(found) == []
