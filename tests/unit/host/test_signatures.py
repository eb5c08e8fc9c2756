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

"""What gpgv says decides whether a text is signed."""

import base64
from pathlib import Path

import pytest

from image_pipeline.host import process, signatures


class Gpgv:
    """A host whose gpgv says what a test wants."""

    def __init__(self, *status):
        self.status = status
        self.argv = ()
        self.keys = []

    def run(self, argv, **options):
        self.argv = tuple(argv)
        self.keys = [
            Path(word.partition('=')[2]).read_bytes()
            for word in argv
            if word.startswith('--keyring=')
        ]
        said = ''.join(f'[GNUPG:] {line}\n' for line in self.status)
        return process.Completed(
            argv=self.argv,
            returncode=2,
            stdout='signed text',
            stderr=f'gpgv: words\n{said}',
            seconds=0,
        )


@pytest.fixture
def key(tmp_path):
    file = tmp_path / 'key.gpg'
    file.write_bytes(b'\x99key')
    return file


def verify(gpgv, *files):
    return signatures.verify(b'text', keyrings=files, host=gpgv)


def test_one_good_signature_is_enough_beside_unknown_ones(key):
    gpgv = Gpgv('NO_PUBKEY ABCD', 'GOODSIG EF01 Name', 'VALIDSIG 23 x')
    assert verify(gpgv, key) == b'signed text'
    assert gpgv.argv[0] == 'gpgv'


@pytest.mark.parametrize(
    ('status', 'reason'),
    [
        ((), 'not signed'),
        (('NO_PUBKEY ABCD', 'NO_PUBKEY EF01'), 'keys only: ABCD, EF01'),
        (('GOODSIG EF01 Name', 'BADSIG ABCD Name'), 'bad'),
        (('EXPKEYSIG EF01 Name', 'VALIDSIG EF01'), 'not signed'),
    ],
)
def test_anything_else_is_refused_with_the_reason(key, status, reason):
    with pytest.raises(ValueError, match=reason):
        verify(Gpgv(*status), key)


def test_a_host_without_keys_trusts_nobody(tmp_path):
    with pytest.raises(ValueError, match='no keys'):
        verify(Gpgv('GOODSIG x'), tmp_path / 'gone.gpg')


def test_an_armoured_key_is_given_to_gpgv_as_it_reads_it(tmp_path):
    file = tmp_path / 'key.asc'
    body = base64.b64encode(b'\x99of the site').decode()
    file.write_text(
        '-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: ours\n\n'
        f'{body[:8]}\n{body[8:]}\n=abcd\n'
        '-----END PGP PUBLIC KEY BLOCK-----\n'
    )
    gpgv = Gpgv('GOODSIG EF01 Name')
    verify(gpgv, file, file)
    assert gpgv.keys == [b'\x99of the site']
