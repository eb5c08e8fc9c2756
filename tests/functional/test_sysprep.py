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

"""An image that was used is generalised; the rules then find nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from image_pipeline import artifact
from image_pipeline.host import process
from image_pipeline.stages import sysprep
from image_pipeline.testing import fakes, images, mutations

HOST = process.Host()
PROGRAM = Path(sys.executable).with_name('image-pipeline')
USED = {
    '/etc/ssh/ssh_host_rsa_key': 'a key\n',
    '/etc/machine-id': '0123456789abcdef0123456789abcdef\n',
    '/root/.bash_history': 'secret-word\n',
    '/var/log/syslog': 'secret-word ' * 1000,
    '/var/lib/dhcp/dhclient.leases': 'lease\n',
    '/var/cache/apt/archives/a.deb': 'x',
    '/boot/efi/loader/random-seed': 'x',
}


@pytest.fixture
def used(tmp_path):
    return images.build(tmp_path / 'used.raw', host=HOST, files=USED)


def run(*arguments):
    done = subprocess.run(
        [PROGRAM, 'sysprep', *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'Traceback' not in done.stderr
    return done


def paths(done):
    return {row['path'] for row in json.loads(done.stdout)}


def hygiene(path):
    return {
        one.rule
        for one in mutations.audit(path).results
        if one.rule.startswith('HYG-') and one.outcome == 'fail'
    }


def test_used_image_becomes_one_that_the_audit_passes(used, tmp_path):
    assert hygiene(used)
    before = used.read_bytes()
    shown = run(used, '--dry-run', '-f', 'json')
    assert set(USED) - {'/boot/efi/loader/random-seed'} <= paths(shown)
    result = tmp_path / 'clean.qcow2'
    done = run(used, '-o', result, '-f', 'json')
    assert done.returncode == 0, done.stderr
    assert paths(done) == paths(shown)
    assert used.read_bytes() == before
    assert hygiene(result) == set()
    again = run(result, '-o', tmp_path / 'again.raw', '-f', 'json')
    assert paths(again) == set()


def test_what_went_is_gone_from_the_free_space_too(used, tmp_path):
    result = tmp_path / 'clean.raw'
    assert run(used, '-o', result).returncode == 0
    assert b'secret-word' in used.read_bytes()
    assert b'secret-word' not in result.read_bytes()


def test_stage_cleans_a_copy_and_passes_a_clean_disk_on(used, tmp_path):
    def stage(path, name):
        (tmp_path / name).mkdir()
        disk = artifact.Artifact(
            kind=artifact.DISK, path=path, digest='', size=images.SIZE
        )
        context = fakes.stage_context(
            tmp_path / name, host=HOST, inputs={artifact.DISK: disk}
        )
        made = sysprep.SysprepStage(sysprep.SysprepOptions())
        (found,) = made.run(context)
        return found

    clean = stage(used, 'first')
    assert clean.path != used
    assert hygiene(clean.path) == set()
    assert stage(clean.path, 'second').path == clean.path


def test_tree_is_generalised_itself(tmp_path):
    root = tmp_path / 'root'
    (root / 'etc' / 'ssh').mkdir(parents=True)
    (root / 'etc/ssh/ssh_host_rsa_key').write_text('x')
    (root / 'etc/machine-id').write_text('0' * 32)
    outside = tmp_path / 'outside'
    outside.write_text('stays')
    (root / 'root').mkdir()
    (root / 'root/.bash_history').symlink_to(outside)
    assert run(root, '--dry-run').returncode == 0
    assert (root / 'etc/ssh/ssh_host_rsa_key').exists()
    assert run(root).returncode == 0
    assert not (root / 'etc/ssh/ssh_host_rsa_key').exists()
    assert (root / 'etc/machine-id').read_text() == ''
    assert outside.read_text() == 'stays'
    assert paths(run(root, '-f', 'json')) == set()


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (('{used}',), 'say where the result goes'),
        (('{used}', '-o', '{used}'), 'is there already'),
        (('{used}', '-o', '/nowhere/x'), 'there is no folder /nowhere'),
        (('{used}', '-n', '--leave', 'ssh-hostkey'), 'did you mean'),
        (('{folder}/none', '-n'), 'none'),
        (('/', '-n'), 'the system that runs here'),
        (('{folder}', '-n'), 'has no /etc'),
        (('{folder}', '-o', 'x'), 'is for image files'),
    ],
)
def test_bad_input_is_told_and_nothing_is_left(
    used, tmp_path, arguments, said
):
    words = [one.format(used=used, folder=tmp_path) for one in arguments]
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {'used.raw'}


def test_audit_mends_a_copy_and_judges_it(used, tmp_path):
    result = tmp_path / 'fixed.qcow2'
    done = subprocess.run(
        [PROGRAM, 'audit', used, '--fix', result, '-f', 'json'],
        capture_output=True,
        text=True,
        check=False,
    )
    (report,) = json.loads(done.stdout)
    assert report['image'] == str(result)
    changed = {one['path']: one for one in report['fixed']['changes']}
    assert changed['/etc/ssh/ssh_host_rsa_key']['rule'] == 'HYG-01'
    assert report['fixed']['summary']['fail'] > report['summary']['fail']
    assert hygiene(used)
    assert hygiene(result) == set()


def test_audit_that_mends_nothing_new_says_so(tmp_path):
    sound = images.build(tmp_path / 'sound.raw', host=HOST)
    done = subprocess.run(
        [PROGRAM, 'audit', sound, '--fix', tmp_path / 'x.raw'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert '0 changes' in done.stdout
    assert 'rules:' in done.stdout


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (('{used}', '--fix', '{used}'), 'is there already'),
        (('{used}', '{used}', '--fix', 'x'), 'takes one image'),
    ],
)
def test_fix_that_cannot_be_is_told(used, tmp_path, arguments, said):
    words = [one.format(used=used) for one in arguments]
    done = subprocess.run(
        [PROGRAM, 'audit', *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
