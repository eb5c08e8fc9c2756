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

"""What rules know of a guest: its configuration, read from an image.

Each module knows one part of an operating system, as pure functions over
:class:`~image_pipeline.disk.files.FileTree`.  Rules share them, so that they
agree on what a line means.  What is read keeps its path and line, for a
rule's evidence.
"""
