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

import pytest

from image_pipeline.audit import checksum_files

SHA256, SHA512 = 'ab' * 32, 'cd' * 64


@pytest.mark.parametrize(
    ('name', 'text', 'kinds'),
    [
        ('SHA256SUMS', f'{SHA256}  x.qcow2\n', ['sha256']),
        ('SHA256SUMS', f'{SHA256} *x.qcow2\n', ['sha256']),
        ('SHA256SUMS', f'{SHA256}  ./x.qcow2\n', ['sha256']),
        ('SHA256SUMS', f'{SHA256.upper()}  x.qcow2\n', ['sha256']),
        ('SHA256SUMS', f'{SHA256}  y.qcow2\n{SHA256}  x.qcow2.sig\n', []),
        ('SHA256SUMS', f'{SHA256}\n', []),
        ('SHA512SUMS', f'{SHA512}  x.qcow2\n', ['sha512']),
        ('x.qcow2.sha512', f'{SHA512}\n', ['sha512']),
        ('CHECKSUM', f'# x\nSHA256 (x.qcow2) = {SHA256}\n', ['sha256']),
        ('CHECKSUM', f'SHA512(x.qcow2)={SHA512}\n', ['sha512']),
        (
            'CHECKSUM',
            '-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n'
            f'SHA256 (x.qcow2) = {SHA256}\n-----BEGIN PGP SIGNATURE-----\n',
            ['sha256'],
        ),
        ('MD5SUMS', f'{"0" * 32}  x.qcow2\n', ['md5']),
        ('SHA256SUMS', f'{SHA256[:-1]}  x.qcow2\n', []),
        ('SHA256SUMS', '\x00\xff' * 99, []),
    ],
)
def test_checksums_of_a_file_are_found(tmp_path, name, text, kinds):
    path = tmp_path / name
    path.write_text(text)
    found = checksum_files.read([path], 'x.qcow2')
    assert [one.kind for one in found] == kinds
    for one in found:
        assert one.file == path
        assert text.splitlines()[one.line - 1].lower().count(one.digits) == 1
