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

"""What several rules ask of an image's kernels, read once."""

from image_pipeline.audit import rule, view
from image_pipeline.audit.guest import initramfs, kernels, unpack


def kernels_of(image: view.ImageView) -> tuple[kernels.Kernel, ...]:
    """Return the image's kernels, oldest first.

    :param image: the image.
    """
    return image.remember('kernels', lambda: kernels.kernels(image.files))


def need_kernels(image: view.ImageView) -> tuple[kernels.Kernel, ...]:
    """Return the kernels that may be booted, oldest first.

    :param image: the image.
    :raises NotApplicable: there is none; BOOT-03 says so.
    """
    found = tuple(one for one in kernels_of(image) if one.image)
    if not found:
        raise rule.NotApplicable('there is no kernel; BOOT-03 says so')
    return found


def drivers_of(image: view.ImageView, version: str) -> kernels.Drivers | None:
    """Return what a kernel can drive; see :func:`kernels.drivers`.

    :param image: the image.
    :param version: the kernel's.
    """
    return image.remember(
        f'drivers {version}', lambda: kernels.drivers(image.files, version)
    )


def initramfs_of(image: view.ImageView, path: str) -> initramfs.Initramfs:
    """Return an initramfs; it is read but once.

    :param image: the image.
    :param path: absolute in the image.
    :raises CannotTell: it is damaged, or of a format that is not read.
    """
    found = _initramfs(image, path)
    if isinstance(found, unpack.Damaged):
        raise rule.CannotTell(f'{found}; BOOT-03 says so')
    return found


def damage_of(image: view.ImageView, path: str) -> str | None:
    """Return why a kernel could not read an initramfs, or None.

    :param image: the image.
    :param path: absolute in the image.
    :raises CannotTell: it is of a format that is not read.
    """
    found = _initramfs(image, path)
    return str(found) if isinstance(found, unpack.Damaged) else None


def _initramfs(
    image: view.ImageView, path: str
) -> initramfs.Initramfs | unpack.Damaged:
    def read() -> initramfs.Initramfs | unpack.Damaged:
        try:
            return initramfs.read(image.files, path)
        except unpack.Damaged as exc:
            return exc

    return image.remember(f'initramfs {path}', read)


def architecture(image: view.ImageView) -> str | None:
    """Return the machine that the kernels are for; None if none says.

    :param image: the image.
    """
    for kernel in kernels_of(image):
        if kernel.image and kernel.image.architecture:
            return kernel.image.architecture
    return None
