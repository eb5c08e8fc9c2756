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

"""HYG-11: caches of package managers are trimmed."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import booting, found, leftovers, rule, view
from image_pipeline.disk import files


class Hyg11(rule.Rule):
    """Caches of package managers are trimmed."""

    id = 'HYG-11'
    severity = rule.Severity.INFO
    statement = 'caches of package managers are empty, and there is one kernel'
    rationale = (
        'Caches and lists are stale when an image is used, and each kernel '
        'takes some hundred megabytes.'
    )
    source = (
        'virt-sysprep, package-manager-cache; EGI fedcloud-vmi-templates; '
        'debian-cloud-images'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'run apt-get clean and remove /var/lib/apt/lists/*, or dnf clean '
        'all; remove kernels that are not booted'
    )
    fix = rule.Fix.YES
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'max_bytes': {
                'type': 'integer',
                'minimum': 0,
                'default': 5 << 20,
                'description': 'Bytes that caches may have together.',
            },
            'max_kernels': {
                'type': 'integer',
                'minimum': 1,
                'default': 1,
                'description': 'Kernels that there may be, those for '
                'rescue not counted.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give caches that are large together, and further kernels."""
        cached: list[rule.Finding] = []
        size = 0
        for one, finding in leftovers.of(subject, self.id):
            cached.append(finding)
            size += one.stat.size + sum(
                stat.size
                for _, stat in subject.census.below(one.path)
                if stat.type is files.FileType.FILE
            )
        if size > options['max_bytes']:
            yield found.said(f'there are {size} bytes of caches')
            yield from cached
        versions = [
            kernel.version
            for kernel in booting.kernels_of(subject)
            if kernel.image and not kernel.rescue
        ]
        if len(versions) > options['max_kernels']:
            yield found.said(
                f'there are {len(versions)} kernels: {", ".join(versions)}'
            )
        subject.census.need_whole()
