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

from image_pipeline.audit.guest import guest_agent
from image_pipeline.disk import files
from image_pipeline.testing.disks import MemoryFiles

DEFAULT = '/etc/sysconfig/qemu-ga'


def tree(**content):
    return files.FileTree(MemoryFiles(content))


@pytest.mark.parametrize(
    ('path', 'text', 'refused'),
    [
        (DEFAULT, '# BLACKLIST_RPC=guest-exec\n', []),
        (DEFAULT, 'BLACKLIST_RPC=guest-file-open,guest-exec\n', ['exec']),
        (DEFAULT, 'FILTER_RPC_ARGS="--block-rpcs=guest-exec"\n', ['exec']),
        (DEFAULT, 'QEMU_GA_ARGS="-b guest-exec,guest-x"\n', ['exec']),
        (DEFAULT, 'QEMU_GA_ARGS="-b"\n', []),
        (DEFAULT, 'FILTER_RPC_ARGS="--allow-rpcs=guest-ping"\n',
         ['exec', 'ping2']),
        (DEFAULT, 'FILTER_RPC_ARGS="--allow-rpcs=guest-exec"\n', ['ping2']),
        (DEFAULT, "FILTER_RPC_ARGS='--block-rpcs=guest-exec\n", ['exec']),
        ('/etc/qemu/qemu-ga.conf', '[general]\nblock-rpcs = guest-exec\n',
         ['exec']),
        ('/etc/qemu/qemu-ga.conf', '[general]\nallow-rpcs=guest-exec\n',
         ['ping2']),
    ],
)  # fmt: skip
def test_commands_that_are_refused_are_told_with_the_line(path, text, refused):
    found = guest_agent.blocked(
        tree(**{path: text}), ('guest-exec', 'guest-ping2')
    )
    assert [command for _, command in found] == [
        f'guest-{name}' for name in refused
    ]
    assert all(line.path == path for line, _ in found)


def test_program_is_where_distributions_put_it():
    assert guest_agent.program(tree()) is None
    found = guest_agent.program(tree(**{'/usr/bin/qemu-ga': 'ELF\n'}))
    assert found == '/usr/bin/qemu-ga'
