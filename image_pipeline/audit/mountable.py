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
"""Find what keeps an image from mounting a file system."""

from collections.abc import Iterator

from image_pipeline.audit import booting, found, rule, view
from image_pipeline.audit.guest import file_systems


def problems(
    image: view.ImageView,
    kind: str,
    message: str,
    severity: rule.Severity | None = None,
) -> Iterator[rule.Finding]:
    """Give each reason why a file system cannot be mounted.

    :param image: the image.
    :param kind: as ``mount -t`` has it.
    :param message: what follows from it.
    :param severity: of the findings; None: the rule's.
    :raises CannotTell: there is no kernel whose modules are known.
    """
    kernels = [
        drivers
        for kernel in booting.kernels_of(image)
        if not kernel.rescue
        and (drivers := booting.drivers_of(image, kernel.version))
        and (drivers.modules or drivers.builtin)
    ]
    for drivers in kernels:
        if not drivers.has_file_system(kind):
            yield found.said(
                message,
                data=f'Linux {drivers.version} has no {kind}',
                severity=severity,
            )
    module = file_systems.module(kind)
    if not kernels or any(
        drivers.has(module) and not drivers.is_builtin(module)
        for drivers in kernels
    ):
        for line in file_systems.barred(image.files, kind):
            yield found.at(line, message, severity=severity)
    if not kernels:
        raise rule.CannotTell('there is no kernel whose modules are known')
