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

"""Spare a short command what it imports and does not use."""

import importlib
import importlib.util
import sys

#: It comes with oslo.utils' inspector of image files, which shares a package
#: with the parser of qemu-img's output, and compiles expressions for 50 ms: a
#: tenth of an audit.
STRUTILS = 'oslo_utils.strutils'


def load_when_used(name: str) -> None:
    """Let ``from package import module`` load nothing before it is used.

    As the documentation of importlib, "Implementing lazy imports", does it.
    For processes in which no threads import: before Python 3.12.4 two could
    load the module at once.

    :param name: a module of a package; one that is loaded is left.
    """
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    # Where an import looks first; in sys.modules it would load it.
    package, _, child = name.rpartition('.')
    setattr(importlib.import_module(package), child, module)
