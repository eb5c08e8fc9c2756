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

"""How Sphinx builds the documentation."""

import importlib.metadata
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / '_exts'))

project = 'image-pipeline'
copyright = 'image-pipeline developers'
release = importlib.metadata.version('image-pipeline')
version = release

extensions = [
    'cliff.sphinxext',
    'openstackdocstheme',
    'oslo_config.sphinxext',
    'pipeline_reference',
    'sphinx.ext.autodoc',
]

exclude_patterns = ['contributor/examples']

html_theme = 'openstackdocs'
openstackdocs_repo_name = 'openstack/image-pipeline'
openstackdocs_auto_name = False
openstackdocs_auto_version = False
pygments_style = 'native'

autodoc_member_order = 'bysource'
autodoc_typehints = 'description'
autoprogram_cliff_application = 'image-pipeline'

# Nothing outside this tree is asked for while the manual is built.
intersphinx_mapping: dict[str, tuple[str, str | None]] = {}
