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

"""Bad input: one clear message, the right status, and nothing changed."""

import json
import os
import subprocess
from pathlib import Path

import pytest

_RECIPE = """\
version: 1
image:
  name: mine
stages:
  - compose:
      elements: [debian-minimal]
  - convert
"""


@pytest.fixture
def check(pipeline, tmp_path):
    """Run the program; it must refuse, in words, and touch nothing."""

    def check(*argv, says, status=2):
        before = _look(tmp_path)
        done = pipeline(*argv)
        assert done.status == status, done.out + done.err
        assert says in done.err, done.err
        assert 'Traceback' not in done.err
        assert done.err.count('error:') == 1, 'one message'
        assert _look(tmp_path) == before, 'something was changed'
        return done

    return check


def _look(folder: Path):
    return {
        path: (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob('*')
        # Stevedore remembers entry points in ~/.cache.
        if not path.is_dir() and '.cache' not in path.parts
    }


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ('before', 'after', 'where', 'says'),
    [
        ('image:', 'imag:', ':2:1', '"image"'),
        ('elements:', 'elemnts:', ':6:7', '"elements"'),
        ('[debian-minimal]', '7', ':6:', 'elements'),
        ('[debian-minimal]', '[debian-minimall]', ':6:', '"debian-minimal"'),
        ('- convert', '- covert', ':7:5', '"convert"'),
        ('version: 1', 'version: 99', ':1:', 'version'),
        ('  - convert\n', '  - convert\n  - promote\n', ':8:5', 'promote'),
        ('stages:', 'stages: [', '', 'recipe.yaml:'),
        ('image:', 'version: 1\nimage:', ':2:1', 'version'),
    ],
)
def test_mistake_in_a_recipe_is_shown_where_it_is(
    check, tmp_path, before, after, where, says
):
    assert before in _RECIPE
    recipe = write(tmp_path / 'recipe.yaml', _RECIPE.replace(before, after, 1))
    done = check('bake', recipe, says=says)
    assert f'recipe.yaml{where}' in done.err


def test_every_problem_is_reported_at_once(check, tmp_path):
    text = _RECIPE.replace('elements:', 'elemnts:').replace(
        '- convert', '- covert'
    )
    done = check('bake', write(tmp_path / 'recipe.yaml', text), says='elemnts')
    assert 'covert' in done.err


def test_recipe_that_is_not_there(check, tmp_path):
    check('bake', tmp_path / 'none.yaml', says='none.yaml')


def test_recipe_name_that_is_not_there_is_guessed(check):
    check('bake', 'debian-21', says='did you mean')


def test_folder_as_a_recipe(check, tmp_path):
    check('bake', tmp_path, says=str(tmp_path))


def test_recipe_that_extends_itself(check, tmp_path):
    write(tmp_path / 'a.yaml', 'version: 1\nextends: ./b.yaml\n')
    write(tmp_path / 'b.yaml', 'version: 1\nextends: ./a.yaml\n')
    check('bake', tmp_path / 'a.yaml', says='a.yaml')


def test_binary_file_as_a_recipe(check, tmp_path):
    (tmp_path / 'recipe.yaml').write_bytes(bytes(range(256)) * 10)
    check('bake', tmp_path / 'recipe.yaml', says='recipe.yaml')


def test_recipe_of_ten_megabytes(check, tmp_path):
    write(tmp_path / 'recipe.yaml', _RECIPE + '# x\n' * (10 << 18))
    check('bake', tmp_path / 'recipe.yaml', says='recipe.yaml')


def test_unknown_option_of_the_program(pipeline):
    done = pipeline('bake', '--no-such-option', 'debian-12')
    assert done.status == 2
    assert '--no-such-option' in done.err


def test_program_that_is_missing_is_named_with_its_package(
    pipeline, tmp_path, monkeypatch
):
    # A PATH without qemu-img and mcopy; the sbin folders are always added.
    folder = tmp_path / 'bin'
    folder.mkdir()
    for source in ('/usr/bin', '/bin'):
        for path in Path(source).iterdir():
            link = folder / path.name
            if path.name not in ('mcopy', 'mmd') and not link.exists():
                link.symlink_to(path)
    monkeypatch.setenv('PATH', str(folder))
    recipe = write(tmp_path / 'recipe.yaml', _RECIPE)
    done = pipeline('bake', recipe)
    assert done.status == 2, done.err
    assert 'mcopy' in done.err
    assert 'apt-get install mtools' in done.err


def test_mirror_that_is_down_is_told_and_is_worth_trying_again(
    pipeline, tmp_path
):
    # Nothing listens on the port "tcpmux" of this host.
    config = write(
        tmp_path / 'site.conf',
        '[mirrors]\n'
        'debian = http://127.0.0.1:1/debian\n'
        'debian_security = http://127.0.0.1:1/debian-security\n',
    )
    recipe = write(tmp_path / 'recipe.yaml', _RECIPE)
    done = pipeline('--config-file', config, 'bake', recipe)
    assert done.status == 5, done.err
    assert 'the mirror 127.0.0.1:1 could not be reached' in done.err
    assert '[mirrors]' in done.err
    assert 'Traceback' not in done.err
    assert not [*(tmp_path / 'state/runs').glob('*/work')]
    assert str(tmp_path) not in Path('/proc/mounts').read_text()


def test_state_folder_that_cannot_be_one(pipeline, tmp_path):
    write(tmp_path / 'state', 'a file')
    done = pipeline('bake', write(tmp_path / 'recipe.yaml', _RECIPE))
    assert done.status == 2, done.err
    assert str(tmp_path / 'state') in done.err
    assert 'Traceback' not in done.err


# -- images ---------------------------------------------------------------


def _qemu_img(*argv):
    subprocess.run(['qemu-img', *argv], check=True, capture_output=True)


@pytest.fixture
def copy(small_disk, tmp_path):
    """A copy of the small disk, to be spoilt."""
    path = tmp_path / 'disk.raw'
    path.write_bytes(small_disk.read_bytes())
    return path


def test_image_that_is_not_there(check, tmp_path):
    check('audit', tmp_path / 'none.qcow2', says='none.qcow2')


def test_folder_as_an_image(check, tmp_path):
    check('audit', tmp_path, says=str(tmp_path))


def test_empty_file_as_an_image(check, tmp_path):
    (tmp_path / 'empty.qcow2').touch()
    check('audit', tmp_path / 'empty.qcow2', says='empty.qcow2')


def test_pipe_as_an_image_does_not_hang(check, tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    check('audit', tmp_path / 'pipe', says='pipe')


def test_truncated_qcow2(check, copy, tmp_path):
    path = tmp_path / 'cut.qcow2'
    _qemu_img('convert', '-f', 'raw', '-O', 'qcow2', '-c', copy, path)
    for size in (20, 200, path.stat().st_size // 2):
        os.truncate(path, size)
        check('audit', path, says='cut.qcow2')
        _qemu_img('convert', '-f', 'raw', '-O', 'qcow2', '-c', copy, path)


def test_qcow2_with_a_backing_file(check, copy, tmp_path):
    path = tmp_path / 'overlay.qcow2'
    _qemu_img('create', '-f', 'qcow2', '-F', 'raw', '-b', copy, path)
    check('audit', path, says='backing')


def test_qcow2_with_a_data_file(check, tmp_path):
    path = tmp_path / 'split.qcow2'
    data = tmp_path / 'data.raw'
    _qemu_img('create', '-f', 'qcow2', '-o', f'data_file={data}', path, '16M')
    check('audit', path, says='data')


def _audit(pipeline, path):
    """Audit something that can be read; whatever is found."""
    done = pipeline('audit', path, '-f', 'json')
    assert done.status in (0, 3), done.err
    assert 'Traceback' not in done.err
    [report] = done.json
    return {one['rule']: one['outcome'] for one in report['results']}


def test_symlink_loop_inside_an_image_is_no_loop_outside(pipeline, small_disk):
    # /etc/loop points to itself and /etc/outside above the root.
    assert _audit(pipeline, small_disk)


def test_partition_past_the_end_of_the_disk_fails_the_audit(pipeline, copy):
    os.truncate(copy, 32 << 20)
    assert 'fail' in _audit(pipeline, copy).values()


@pytest.mark.parametrize(
    ('offset', 'length'),
    [
        (1024, 64),  # the superblock, with its magic
        (1024 + 24, 64),  # its block size and what follows
        (2048, 1 << 20),  # group descriptors, bitmaps and inodes
    ],
)
def test_corrupt_ext4_is_never_a_pass(pipeline, copy, offset, length):
    good = _audit(pipeline, copy)
    with copy.open('r+b') as disk:
        disk.seek((2048 + (8 << 11)) * 512 + offset)
        disk.write(b'\xff' * length)
    bad = _audit(pipeline, copy)
    assert bad != good
    assert {'fail', 'unknown'} & {
        bad[rule] for rule in bad if good.get(rule) == 'pass'
    }


def test_one_bad_image_does_not_hide_the_report_on_another(
    pipeline, small_disk, tmp_path
):
    (tmp_path / 'empty.qcow2').touch()
    done = pipeline(
        'audit', small_disk, tmp_path / 'empty.qcow2', '-f', 'json'
    )
    assert done.status == 2
    assert 'empty.qcow2' in done.err
    images = [Path(one['image']).name for one in json.loads(done.out)]
    assert small_disk.name in images
