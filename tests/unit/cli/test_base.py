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

import argparse
import io

from image_pipeline.cli import bake, base, main


def program(*options):
    app = main.App(stdout=io.StringIO(), stderr=io.StringIO())
    app.options, _ = app.parser.parse_known_args(list(options))
    return base.program(bake.Bake(app, argparse.Namespace()))


def test_program_is_called_again_as_it_was(monkeypatch, tmp_path):
    monkeypatch.delenv(base.STATE_DIR_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert program() == 'image-pipeline'
    assert program('--config-file', 'a b.conf', '--state-dir=/x') == (
        f"image-pipeline --config-file '{tmp_path}/a b.conf' --state-dir /x"
    )


def test_what_the_environment_says_is_not_repeated(monkeypatch):
    monkeypatch.setenv(base.STATE_DIR_VARIABLE, '/x')
    assert program() == 'image-pipeline'
