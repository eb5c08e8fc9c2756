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

"""What an image's properties claim, beside what the image is."""

from collections.abc import Iterator

from image_pipeline.audit import derived, facts, subjects
from image_pipeline.audit.image_properties import PropertyProblem

#: What an image simply is.
IDENTITY = (
    'architecture',
    'os_type',
    'os_distro',
    'os_version',
    'os_admin_user',
    'image_original_user',
)


def contradictions(
    subject: subjects.RegisteredImageView,
) -> Iterator[PropertyProblem]:
    """Give the properties that the image shows to be wrong.

    :param subject: the properties and the image.
    :raises CannotTell: the image is not at hand, or cannot be read.
    """
    yield from _facts(subject).contradictions(subject.properties)


def _facts(subject: subjects.RegisteredImageView) -> facts.Facts:
    image = subject.need_image()
    return image.remember('facts', lambda: derived.read(image))
