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

"""What several rules know of one image, made but once."""

from image_pipeline.audit import rule, subjects, view
from image_pipeline.audit.guest import (
    accounts,
    cloud_init,
    ds_identify,
    network,
    release,
    sshd,
    systemd,
)
from image_pipeline.disk import safety as disk_safety


def units(image: view.ImageView) -> systemd.Units:
    """Return the image's systemd units.

    :param image: the image.
    :raises CannotTell: another init starts its services.
    """
    found = image.remember('systemd', lambda: systemd.units(image.files))
    if not found.is_there:
        raise rule.CannotTell('there is no systemd, and no other init is read')
    return found


def cloud_config(image: view.ImageView) -> cloud_init.Config:
    """Return cloud-init's configuration.

    :param image: the image.
    """
    return image.remember('cloud_init', lambda: cloud_init.merged(image.files))


def sshd_config(image: view.ImageView) -> sshd.Config:
    """Return sshd's configuration.

    :param image: the image.
    :raises NotApplicable: there is no sshd; EGI-SSH-01 says so.
    """
    if sshd.program(image.files) is None:
        raise rule.NotApplicable('there is no sshd')
    return image.remember('sshd', lambda: sshd.read(image.files))


def passwd(image: view.ImageView) -> list[accounts.Account]:
    """Return the image's accounts.

    :param image: the image.
    :raises CannotTell: there are none to be read.
    """
    found = image.remember('passwd', lambda: accounts.passwd(image.files))
    if not found:
        raise rule.CannotTell('/etc/passwd has no account that can be read')
    return found


def network_settings(image: view.ImageView) -> list[network.Setting]:
    """Return what is said about the image's interfaces.

    :param image: the image.
    """
    return image.remember('network', lambda: network.settings(image.files))


def os_release(image: view.ImageView) -> dict[str, str]:
    """Return what os-release says.

    :param image: the image.
    """
    return image.remember(
        'os-release', lambda: release.os_release(image.files)
    )


def safety(subject: subjects.ArtifactView) -> disk_safety.Safety:
    """Return what Glance and Nova would say of an image's file.

    :param subject: the file.
    :raises CannotTell: it cannot be read.
    """
    return subject.image.remember(
        'safety',
        lambda: disk_safety.judge(subject.path, subject.image.disk.source),
    )


def need_cloud_init(image: view.ImageView) -> cloud_init.Config:
    """Return cloud-init's configuration.

    :param image: the image.
    :raises NotApplicable: there is no cloud-init; EGI-CI-01 says so.
    """
    if not cloud_init.is_installed(image.files):
        raise rule.NotApplicable('there is no cloud-init')
    return cloud_config(image)


def datasources(image: view.ImageView) -> tuple[str, ...] | None:
    """Return the datasources that cloud-init will look for.

    :param image: the image.
    :returns: their names in order; None if there is no list, and all are
        looked for.
    """
    tree = image.files
    if ds_identify.is_there(tree):
        return ds_identify.datasources(tree).names or None
    return cloud_config(image).names('datasource_list')
