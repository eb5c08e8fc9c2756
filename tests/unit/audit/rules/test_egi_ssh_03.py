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

from image_pipeline.audit import registry
from image_pipeline.testing import images

RULE = registry.get('EGI-SSH-03')
OURS = '/etc/ssh/sshd_config.d/00-sshd-keys-only.conf'
FIRST, LAST = (f'/etc/ssh/sshd_config.d/{n}.conf' for n in ('00-a', '99-z'))
ANACONDA = '/etc/ssh/sshd_config.d/01-permitrootlogin.conf'
CLOUD = '/etc/cloud/cloud.cfg.d/99-z.cfg'


def check(files=None, without=()):
    return RULE.check(images.in_memory(files, without))


@pytest.mark.parametrize(
    'value',
    ['no', 'prohibit-password', 'without-password', 'forced-commands-only'],
)
def test_root_by_key_or_not_at_all_passes(value):
    assert check({FIRST: f'PermitRootLogin {value}\n'}).outcome == 'pass'


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        (FIRST, 'PermitRootLogin yes\n'),
        (LAST, 'Match Address 10.0.0.0/8\nPermitRootLogin yes\n'),
        (ANACONDA, 'PermitRootLogin yes\n'),
        (CLOUD, 'disable_root: false\n'),
    ],
)
def test_root_by_password_fails_where_it_is(path, text):
    assert check({path: text}).evidence[0].path == path


def test_default_of_openssh_passes_and_that_of_sles_15_fails():
    assert check(without=[OURS]).outcome == 'pass'
    sles = {'/usr/lib/os-release': 'ID=sles\nVERSION_ID=15.6\n'}
    assert check(sles, [OURS]).outcome == 'fail'


def test_installer_s_file_alone_is_told_once():
    found = check({ANACONDA: 'PermitRootLogin yes\n'}, [OURS])
    assert [one.path for one in found.evidence] == [ANACONDA]
