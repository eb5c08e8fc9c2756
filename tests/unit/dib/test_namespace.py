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

from image_pipeline.dib import namespace


def test_the_program_ends_with_us_and_with_its_namespace() -> None:
    argv = namespace.command(
        ['bash', 'x'],
        python='/venv/python',
        folder=Path('/srv/build'),
        memory=5,
        own_dev=True,
    )
    assert argv[:3] == ['setpriv', '--pdeathsig', 'KILL']
    for option in ('--kill-child', '--mount', '--pid', '--fork'):
        assert option in argv
    assert argv[argv.index('--propagation') + 1] == 'private'
    assert argv[-3:] == ['--', 'bash', 'x']
    assert '--memory=5' in argv
    assert '--own-dev' in argv


def test_stock_layouts_keep_the_hosts_devices() -> None:
    argv = namespace.command(
        ['x'], python='p', folder=Path('/f'), memory=0, own_dev=False
    )
    assert '--own-dev' not in argv


def test_the_run_is_kept_so_that_it_can_be_found() -> None:
    found = namespace.kept(
        {
            namespace.KEEP_VARIABLE: 'A:GONE',
            'A': '1',
            'B': '2',
            'IMAGE_PIPELINE_RUN': 'run-1',
        }
    )
    assert found == {'A': '1', 'IMAGE_PIPELINE_RUN': 'run-1'}
