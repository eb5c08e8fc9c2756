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
from image_pipeline.testing.disks import File, Folder

RULE = registry.get('EGI-SEC-09')


def check(files=None, **options):
    return RULE.check(images.in_memory(files), options)


def test_sound_image_passes():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    ('path', 'thing'),
    [
        ('/etc/shadow', File('root:*:1::::::\n', mode=0o644)),
        ('/etc/shadow', File('root:*:1::::::\n', mode=0o640, uid=1)),
        ('/etc/sudoers.d/a', File('', mode=0o666)),
        ('/etc/ssh/sshd_config.d/a.conf', File('', mode=0o664)),
        ('/root', Folder(mode=0o775)),
        ('/tmp', Folder(mode=0o777)),
        ('/etc/app.conf', File('', mode=0o666)),
        ('/srv/drop', Folder(mode=0o777)),
        ('/usr/bin/odd', File('', mode=0o4755)),
        ('/usr/bin/odd', File('', mode=0o2755)),
        ('/usr/bin/odd', File('', mode=0o755, uid=4321)),
        ('/usr/bin/odd', File('', mode=0o755, gid=4321)),
    ],
)
def test_file_that_is_too_open_fails(path, thing):
    found = check({path: thing})
    assert found.outcome == 'fail'
    assert {one.path for one in found.evidence} == {path}


@pytest.mark.parametrize(
    ('path', 'thing'),
    [
        ('/etc/shadow', File('root:*:1::::::\n', mode=0o000)),
        ('/srv/drop', Folder(mode=0o1777)),
        ('/usr/bin/sudo', File('', mode=0o4755)),
        ('/usr/bin/odd', File('', mode=0o2644)),
        ('/var/lib/private/x', File('', mode=0o600, uid=61_500, gid=61_500)),
        ('/boot/efi/EFI/BOOT/X.EFI', File('', mode=0o777)),
        ('/dev/null', File('', mode=0o666)),
    ],
)
def test_file_that_may_be_so_passes(path, thing):
    assert check({path: thing}).outcome == 'pass'


def test_site_may_allow_its_own_program():
    files = {'/usr/bin/odd': File('', mode=0o4755)}
    assert check(files, privileged=['/usr/bin/odd']).outcome == 'pass'
