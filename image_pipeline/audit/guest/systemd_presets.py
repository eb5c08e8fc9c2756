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
"""Know what a guest's presets enable at its first boot.

See systemd.preset(5), and "First Boot Semantics" in machine-id(5).
"""

import fnmatch

from image_pipeline.audit.guest import systemd_conf, text
from image_pipeline.disk import files


def is_first_boot(tree: files.FileTree) -> bool:
    """Tell whether systemd takes the image's next boot for its first.

    Then it enables what the presets say.  An empty ``/etc/machine-id`` is
    filled without that.

    :param tree: the image's files.
    """
    try:
        said = tree.read_text('/etc/machine-id', 64)
    except OSError:
        return True
    return said.strip() == 'uninitialized'


class Presets:
    """What the files in ``systemd/system-preset`` say.

    :param tree: the image's files.
    """

    def __init__(self, tree: files.FileTree) -> None:
        self._rules: list[tuple[str, str]] = []
        for path in systemd_conf.paths(
            tree, 'systemd/system-preset', '.preset'
        ):
            for line in text.said(tree, path):
                words = line.text.split()
                if len(words) > 1 and words[0] in {'enable', 'disable'}:
                    self._rules.append((words[0], words[1]))

    def enables(self, name: str) -> bool:
        """Tell whether a unit is enabled: the first line that fits counts.

        :param name: of the unit; one that no line fits is enabled.
        """
        for action, pattern in self._rules:
            if fnmatch.fnmatchcase(name, pattern):
                return action == 'enable'
        return True
