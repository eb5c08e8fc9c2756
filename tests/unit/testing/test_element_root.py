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
"""The root that scripts of elements run in, without running any."""

from image_pipeline.testing import element_root
from image_pipeline.testing.disks import File, Link


def test_scripts_come_in_the_order_of_the_phases(tmp_path):
    for name in (
        'cleanup.d/90-last',
        'post-install.d/20-second',
        'post-install.d/10-first',
        'install.d/99-before',
        'environment.d/10-variables.bash',
    ):
        script = tmp_path / name
        script.parent.mkdir(exist_ok=True)
        script.write_text('')
        script.chmod(0o644 if name.startswith('environment') else 0o755)
    (tmp_path / 'install.d' / '50-not-executable').write_text('')
    assert list(element_root.scripts(tmp_path)) == [
        'install.d/99-before',
        'post-install.d/10-first',
        'post-install.d/20-second',
        'cleanup.d/90-last',
    ]


def test_a_tree_is_shown_as_an_image(tmp_path):
    root = element_root.Root(tmp_path)
    root.fill(
        {
            '/usr/lib/os-release': 'ID=debian\n',
            '/etc/os-release': Link('/usr/lib/os-release'),
            '/usr/bin/program': File(b'ELF', mode=0o755),
            '/var/empty': None,
        }
    )
    root.write('/etc/hostname', 'name\n')
    tree = root.image().files
    assert tree.read_text('/etc/os-release') == 'ID=debian\n'
    assert tree.stat('/usr/bin/program').mode & 0o777 == 0o755
    assert tree.is_folder('/var/empty')
    assert root.read('etc/hostname') == 'name\n'
    assert root.files('etc') == ['etc/hostname', 'etc/os-release']
