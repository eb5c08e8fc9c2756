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

import pytest

from image_pipeline.dib import base_tree

_SOURCES = """default:deb http://m.example/debian bookworm main
security:deb http://m.example/debian-security bookworm-security main
"""
#: As diskimage-builder's element `debootstrap` calls it.
_ARGV = ['--verbose', '--variant=minbase', '--arch=amd64',
         'bookworm', '/build/mnt', 'http://m.example/debian']  # fmt: skip


def _release(digest: str) -> bytes:
    return (
        'Origin: Debian\nSHA256:\n'
        f' {digest * 64}  123 main/binary-amd64/Packages\n'
        f' {"9" * 64}  12 main/binary-amd64/Packages.xz\n'
    ).encode()


def test_every_suite_and_package_is_given_at_once() -> None:
    words, target, lines = base_tree.command(
        _ARGV, sources=_SOURCES, packages='sudo,python3'
    )
    assert target == Path('/build/mnt')
    assert '--include=sudo,python3' in words
    assert words[-2:] == lines
    assert lines[1].startswith('deb http://m.example/debian-security ')


def test_sources_of_another_suite_are_not_taken() -> None:
    words, _, lines = base_tree.command(
        _ARGV,
        sources='default:deb http://m.example/d trixie main',
        packages='',
    )
    assert lines == []
    assert words[-1] == 'http://m.example/debian'


def test_arguments_that_are_not_known_are_an_error() -> None:
    with pytest.raises(ValueError, match='not suite'):
        base_tree.command([*_ARGV, 'script'], sources='', packages='')


def test_indexes_are_those_of_the_release_files() -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return _release('1')

    found = base_tree.index_digests(
        ['deb [arch=amd64] http://m.example/debian/ bookworm main'],
        'amd64',
        fetch,
    )
    assert asked == ['http://m.example/debian/dists/bookworm/InRelease']
    assert list(found.values()) == ['1' * 64]


def test_a_release_file_without_the_component_is_an_error() -> None:
    with pytest.raises(ValueError, match='does not list'):
        base_tree.index_digests(
            ['deb http://m.example/debian bookworm contrib'],
            'amd64',
            lambda url: _release('1'),
        )


def test_the_key_depends_on_inputs_and_not_on_the_target(
    tmp_path: Path,
) -> None:
    file = tmp_path / 'keyring'
    file.write_text('a')

    def key(argv: list[str], digest: str = '1') -> str:
        return base_tree.key(argv, Path(argv[-1]), {'i': digest}, [file])

    first = key(['--arch=amd64', 'bookworm', '/a'])
    assert key(['--arch=amd64', 'bookworm', '/b']) == first
    others = {
        key(['--arch=arm64', 'bookworm', '/a']),
        key(['--arch=amd64', 'bookworm', '/a'], '2'),
    }
    file.write_text('b')
    others.add(key(['--arch=amd64', 'bookworm', '/a']))
    assert len(others | {first}) == 4


def test_the_real_program_is_found_behind_all_that_call_this_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(base_tree.__file__).parent / 'bin/mmdebstrap'
    (tmp_path / 'link').symlink_to(own.parent)
    another = tmp_path / 'another-installation/mmdebstrap'
    real = tmp_path / 'real/mmdebstrap'
    for program, content in (another, own.read_bytes()), (real, b'\x7fELF'):
        program.parent.mkdir()
        program.write_bytes(content)
        program.chmod(0o755)
    folders = [own.parent, tmp_path / 'link', another.parent, real.parent]
    monkeypatch.setenv('PATH', ':'.join(map(str, folders)))
    assert base_tree.real_program() == real
