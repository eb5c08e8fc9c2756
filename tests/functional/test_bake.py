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

"""A whole bake of debian-12: the recipe becomes a promoted image."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_STAGES = [
    'compose',
    'zerofree',
    'convert',
    'properties',
    'audit',
    'register',
    'smoke-test',
    'promote',
]


def _by_stage(run):
    return {
        stage['stage'].split('@')[0].split('.')[0]: stage
        for stage in run['stages']
    }


def test_bake_runs_every_stage_and_promotes_the_image(debian_12):
    assert debian_12.done.status == 0, debian_12.done.err
    run = debian_12.done.json
    assert run['recipe'] == 'debian-12'
    assert run['state'] == 'succeeded'
    states = {name: one['state'] for name, one in _by_stage(run).items()}
    assert states == dict.fromkeys(_STAGES, 'succeeded')
    assert debian_12.image['state'] == 'current'
    assert debian_12.image['name'] == 'debian-12'
    assert re.fullmatch(r'[0-9a-f]{128}', debian_12.image['sha512'])


def test_standard_error_has_lines_and_no_control_characters(debian_12):
    # It is no terminal: progress must not be drawn.
    assert debian_12.done.err.strip()
    assert '\x1b' not in debian_12.done.err
    assert '\r' not in debian_12.done.err


def test_file_is_the_one_that_its_digest_says(debian_12):
    done = subprocess.run(
        ['sha512sum', debian_12.path], capture_output=True, text=True
    )
    assert done.stdout.split()[0] == debian_12.image['sha512']


def test_file_is_a_sound_qcow2_without_other_files(debian_12):
    path = debian_12.path
    done = subprocess.run(
        ['qemu-img', 'info', '-f', 'qcow2', '--output=json', path],
        capture_output=True,
        text=True,
        check=True,
    )
    info = json.loads(done.stdout)
    assert 'backing-filename' not in info
    assert info['format-specific']['data']['compression-type'] == 'zstd'
    assert not info['format-specific']['data'].get('extended-l2')
    checked = subprocess.run(
        ['qemu-img', 'check', '-f', 'qcow2', path], capture_output=True
    )
    assert checked.returncode == 0, checked.stdout


def test_image_list_shows_the_current_image(debian_12):
    [image] = debian_12.pipeline('image', 'list', '-f', 'json').json
    assert image['name'] == 'debian-12'
    assert image['state'] == 'current'


@pytest.mark.parametrize(
    ('package', 'found'),
    [
        ('base-files>=12', True),
        ('base-files<12', False),
        # A source package.
        ('grub2', True),
        ('no-such-package', False),
    ],
)
def test_image_is_found_by_the_packages_in_it(debian_12, package, found):
    words = ('image', 'list', '--package', package, '-f', 'json')
    done = debian_12.pipeline(*words)
    assert done.status == 0, done.err
    assert [image['id'] for image in done.json] == (
        [debian_12.image['id']] if found else []
    )
    assert done.err == ''


def test_plan_of_the_unchanged_recipe_skips_every_step_and_says_why(
    debian_12,
):
    steps = debian_12.pipeline('plan', 'debian-12', '-f', 'json').json
    assert len(steps) == len(_STAGES)
    assert all(step['reason'] for step in steps)
    assert {step['action'] for step in steps} == {'skip'}


def test_bake_of_the_unchanged_recipe_does_nothing(debian_12):
    before = _catalogue(debian_12.pipeline)
    done = debian_12.pipeline('bake', 'debian-12', '-f', 'json')
    assert done.status == 0, done.err
    assert {one['state'] for one in done.json['stages']} == {'skipped'}
    [image] = done.json['images']
    assert image['id'] == debian_12.image['id']
    assert _catalogue(debian_12.pipeline) == before


def test_audit_of_the_file_has_no_failure(debian_12):
    # The name under which users get it; its checksums lie beside it.
    path = debian_12.pipeline.state_dir / 'catalogue/images/debian-12.qcow2'
    done = debian_12.pipeline('audit', path, '-f', 'json')
    assert done.status == 0, done.out
    [report] = done.json
    assert report['format'] == 'qcow2'
    poor = [
        one
        for one in report['results']
        if one['outcome'] not in {'pass', 'not-applicable'}
    ]
    assert poor == []
    assert report['summary']['pass'] > 80


def test_image_is_registered_with_what_it_is(debian_12):
    [row] = debian_12.pipeline('image', 'list', '-f', 'json').json
    shown = debian_12.pipeline('image', 'show', row['id'], '-f', 'json').json
    assert {
        'architecture': 'x86_64',
        'os_type': 'linux',
        'os_distro': 'debian',
        'os_version': '12',
        'os_admin_user': 'debian',
        'hw_disk_bus': 'virtio',
        'hw_cdrom_bus': 'scsi',
        'min_disk': '2',
        # The smoke test booted it with that.
        'min_ram': '1024',
    }.items() <= shown['properties'].items()
    assert shown['tested_sha256'] == shown['sha256']


def test_run_is_listed_shown_and_logged(debian_12):
    pipeline, run = debian_12.pipeline, debian_12.done.json['run']
    assert run in {
        one['run'] for one in pipeline('run', 'list', '-f', 'json').json
    }
    shown = pipeline('run', 'show', run, '-f', 'json').json
    assert shown['state'] == 'succeeded'
    assert 'install.d' in pipeline('run', 'log', run, 'compose').out


def test_nothing_of_the_bake_is_left_on_the_host(debian_12):
    state = str(debian_12.pipeline.state_dir)
    assert state not in Path('/proc/self/mountinfo').read_text()
    run = debian_12.done.json['run']
    mark = f'IMAGE_PIPELINE_RUN={run}'.encode()
    assert not [
        path
        for path in Path('/proc').glob('[0-9]*/environ')
        if mark in _environ(path)
    ]
    assert not list(debian_12.pipeline.state_dir.rglob('dib_build*'))


def test_image_boots_to_a_login_on_a_plain_machine(debian_12, tmp_path):
    """Without a config drive and without us: as a user would try it."""
    console = tmp_path / 'console'
    with subprocess.Popen(
        [
            'qemu-system-x86_64',
            *('-machine', 'pc,accel=tcg', '-cpu', 'max'),
            *('-smp', '2', '-m', '1024', '-nic', 'none'),
            *('-display', 'none', '-serial', f'file:{console}'),
            *('-drive', f'file={debian_12.path},format=qcow2,snapshot=on'),
        ],
        stdin=subprocess.DEVNULL,
    ) as machine:
        try:
            assert _appears(console, b'login:', machine), _tail(console)
        finally:
            machine.kill()


def test_another_image_is_promoted_and_rolled_back(debian_12, debian_12_copy):
    pipeline, first = debian_12_copy, debian_12.image['id']
    # The same disk in another file is another image; booting it adds
    # nothing here.
    changed = ('--set', 'convert.compat=true', '--until', 'register')
    done = pipeline('bake', 'debian-12', *changed, '-f', 'json')
    assert done.status == 0, done.err
    stages = _by_stage(done.json)
    assert stages['compose']['state'] == 'skipped'
    assert stages['convert']['state'] == 'succeeded'
    [image] = done.json['images']
    second = image['id']
    assert second != first
    assert image['state'] == 'candidate'
    # Nobody has booted it.
    refused = pipeline('image', 'promote', second)
    assert refused.status == 1
    assert f'image promote --force {second}' in refused.err
    assert pipeline('image', 'promote', '--force', second).status == 0
    assert _states(pipeline) == {first: 'previous', second: 'current'}
    assert pipeline('image', 'rollback', 'debian-12').status == 0
    assert _states(pipeline) == {first: 'current', second: 'rejected'}
    again = pipeline('image', 'rollback', 'debian-12')
    assert again.status == 1
    assert 'Traceback' not in again.err


def _states(pipeline):
    images = pipeline('image', 'list', '-f', 'json').json
    return {image['id']: image['state'] for image in images}


def _catalogue(pipeline):
    return sorted(
        (path.relative_to(pipeline.state_dir), path.stat().st_mtime_ns)
        for path in (pipeline.state_dir / 'catalogue').rglob('*')
        if path.is_file()
    )


def _environ(path):
    try:
        return path.read_bytes()
    except OSError:
        return b''


def _appears(console, words, machine):
    deadline = time.monotonic() + 1500
    while time.monotonic() < deadline and machine.poll() is None:
        if console.exists() and words in console.read_bytes():
            return True
        time.sleep(1)
    return False


def _tail(console):
    return console.read_bytes()[-2000:] if console.exists() else b''
