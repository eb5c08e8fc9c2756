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

"""The benchmarks run, and what they say beside times is true."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from image_pipeline.host import process

FOLDER = Path(__file__).resolve().parents[2] / 'benchmarks'
#: Loaded by diskimage-builder, not a script.
PLUGINS = {'loop_offset.py'}


@pytest.mark.parametrize(
    'script',
    sorted(
        path.name for path in FOLDER.glob('*.py') if path.name not in PLUGINS
    ),
)
def test_a_benchmark_says_what_it_times(script):
    done = process.Host().run([sys.executable, FOLDER / script, '--help'])
    assert 'usage:' in done.stdout


@pytest.mark.skipif(
    not shutil.which('qemu-img'), reason='qemu-img is not installed'
)
def test_finishing_a_disk_twice_gives_the_same_bits(tmp_path):
    done = process.Host().run(
        [sys.executable, FOLDER / 'finish.py', '--json', '--size', '0.05',
         '--rounds', '2', '--folder', tmp_path]
    )  # fmt: skip
    found = json.loads(done.stdout)
    for disk in ('packed', 'dirty'):
        assert found[disk]['ours']['bit_identical']
        assert found[disk]['fast']['bit_identical']
    assert not os.listdir(tmp_path)
