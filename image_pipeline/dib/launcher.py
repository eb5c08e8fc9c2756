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

"""Start ``dib-block-device`` with our block-device plug-ins.

``DIB_PYTHON_EXEC`` points to a wrapper that comes here for
``dib-block-device.py`` only.  ``mkfs`` and ``mount`` are names that DIB
depends on, and stevedore takes any of two plug-ins of one name, so ours are
put in DIB's own place for the layouts that ask for them, in this process
only: nobody else's DIB is changed.
"""

import importlib.util
import os
import re
import runpy
import sys
from pathlib import Path

_PARAMETERS = 'DIB_BLOCK_DEVICE_PARAMS_YAML'
#: Half of DIB's start-up time, of which `getval` and its like use nothing.
_SLOW = 'networkx'


def is_tree_layout(text: str) -> bool:
    """Return whether a block-device layout is for our nodes.

    :param text: the layout's YAML.
    """
    found = re.search(r'^\s*-?\s*tree_image\s*:', text, re.MULTILINE)
    return found is not None


def install() -> None:
    """Put our plug-ins in the place of DIB's own."""
    from diskimage_builder.block_device import (  # type: ignore[import-untyped]
        config,
    )

    from image_pipeline.dib import nodes

    ours = {
        'tree_image': nodes.TreeImage,
        'tree_gpt': nodes.TreeGpt,
        'mkfs': nodes.TreeMkfs,
        'mount': nodes.TreeMount,
    }
    found = config._extensions
    extension = config.extension.Extension
    config._extensions = type(found).make_test_instance(
        [one for one in found if one.name not in ours]
        + [extension(name, None, made, None) for name, made in ours.items()],
        namespace=found.namespace,
    )


def main(argv: list[str]) -> None:
    """Run DIB's script, as Python itself would.

    :param argv: the script's path, and its arguments.
    """
    _delay(_SLOW)
    layout = _layout()
    if layout is not None and is_tree_layout(layout):
        install()
    sys.argv = argv
    runpy.run_path(argv[0], run_name='__main__')


def _delay(name: str) -> None:
    """Load a module when it is first used, not when it is imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None or name in sys.modules:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _layout() -> str | None:
    # DIB writes `config: PATH` into its parameter file, first of all.
    try:
        parameters = Path(os.environ[_PARAMETERS]).read_text()
        found = re.search(r'^config: (.*)$', parameters, re.MULTILINE)
        return Path(found[1]).read_text() if found else None
    except (KeyError, OSError):
        # DIB's own words for it are better.
        return None


if __name__ == '__main__':
    main(sys.argv[1:])
