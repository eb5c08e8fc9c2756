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

"""Check texts that archives have signed, by gpgv."""

import base64
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from image_pipeline.host import process

_TIMEOUT = 60.0
_ARMOUR = b'-----BEGIN PGP PUBLIC KEY BLOCK-----'


def verify(
    text: bytes, *, keyrings: Iterable[Path], host: process.Runner
) -> bytes:
    """Return what was signed, and nothing that stands around it.

    As apt takes it: one good signature by a key that is known is enough,
    others may be by keys that came later; a bad one spoils all.

    :param text: a text with its signatures inside, such as InRelease.
    :param keyrings: files of keys, armoured or not; missing ones are left
        out.
    :param host: runs gpgv.
    :raises ValueError: no key that is known has signed it.
    :raises CommandFailed: gpgv is missing.
    """
    with tempfile.TemporaryDirectory(prefix='image-pipeline-') as folder:
        options = [
            f'--keyring={file}' for file in _plain(keyrings, Path(folder))
        ]
        if not options:
            raise ValueError('this host has no keys of the archive')
        # Exit status 2: also for a key that is not known.
        done = host.run(
            ['gpgv', '--status-fd=2', '--output=-', *options, '-'],
            stdin=text.decode(),
            timeout=_TIMEOUT,
            ok=(0, 1, 2),
        )
    told = [
        line.split()[1:]
        for line in done.stderr.splitlines()
        if line.startswith('[GNUPG:] ')
    ]
    status = {words[0] for words in told if words}
    if 'GOODSIG' not in status or 'BADSIG' in status:
        unknown = sorted(
            words[1] for words in told if words[:1] == ['NO_PUBKEY']
        )
        raise ValueError(
            'its signature is bad'
            if 'BADSIG' in status
            else f'it is signed by unknown keys only: {", ".join(unknown)}'
            if unknown
            else 'it is not signed'
        )
    return done.stdout.encode()


def _plain(files: Iterable[Path], folder: Path) -> Iterator[Path]:
    """Give the files of keys, in the form that gpgv reads."""
    for number, file in enumerate(dict.fromkeys(files)):
        try:
            content = file.read_bytes()
        except OSError:
            continue
        if not content.lstrip().startswith(_ARMOUR):
            # gpgv looks for names without a slash in its home folder.
            yield file.absolute()
            continue
        # RFC 9580, section 6.2: headers, an empty line, base64, a checksum.
        _, _, body = (
            content.partition(_ARMOUR)[2]
            .replace(b'\r', b'')
            .partition(b'\n\n')
        )
        lines = [
            line
            for line in body.partition(b'-----END')[0].split(b'\n')
            if not line.startswith(b'=')
        ]
        made = folder / f'{number}.gpg'
        made.write_bytes(base64.b64decode(b''.join(lines)))
        yield made
