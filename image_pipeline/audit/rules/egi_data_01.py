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

"""EGI-DATA-01: no data sets and no everything-in-one."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import packages
from image_pipeline.disk import files

_MIB = 1 << 20
#: Where each image of a container engine has an entry.
_STORES = (
    '/var/lib/docker/image/*/imagedb/content/sha256',
    '/var/lib/containers/storage/*-images',
)


class EgiData01(rule.Rule):
    """The image holds a system, not data."""

    id = 'EGI-DATA-01'
    severity = rule.Severity.WARNING
    statement = (
        'there are no data sets in the image, and not everything at once'
    )
    rationale = (
        'What is in an image is copied to every site and every host; data '
        'belong into object or block storage, software for a few users into '
        'CVMFS or into what configures the instance.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, Summary: "DON\'T include big '
        'data", "DON\'T install all in one"; EGI documentation, Images '
        '(CVMFS)'
    )
    remedy = (
        'take the files out of the image, and fetch or mount them in the '
        'instance; split an image that does everything'
    )
    probe = 'EGI-DATA-01'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'max_file_mib': {
                'type': 'number',
                'minimum': 0,
                'default': 500,
                'description': 'The largest file outside of the system\'s '
                'folders, in MiB.',
            },
            'system_folders': {
                'type': 'array',
                'items': {'type': 'string', 'pattern': '^/'},
                'default': ['/boot', '/usr/lib', '/usr/lib64', '/usr/share'],
                'description': 'Where files may be of any size.',
            },
            'data_folders': {
                'type': 'array',
                'items': {'type': 'string', 'pattern': '^/'},
                'default': [
                    '/data', '/scratch', '/mnt', '/srv', '/media', '/opt',
                ],
                'description': 'Folders that are for data.',
            },
            'max_folder_mib': {
                'type': 'number',
                'minimum': 0,
                'default': 100,
                'description': 'What one of these may hold, in MiB.',
            },
            'max_packages': {
                'type': 'integer',
                'minimum': 0,
                'default': 1000,
                'description': 'More packages than this are a hint that '
                'everything was installed at once; 0: any number.',
            },
            'max_container_images': {
                'type': 'integer',
                'minimum': 0,
                'default': 0,
                'description': 'How many images of containers there may be '
                'in it; nodes of a cluster have some.',
            },
        },
    }  # fmt: skip

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give large files, full folders and images within the image."""
        census = subject.census
        tree = subject.files
        system = tuple(f'{one}/' for one in options['system_folders'])
        data = {f'{one}/': 0 for one in options['data_folders']}
        folders = tuple(data)
        most = options['max_file_mib'] * _MIB
        for path, stat in census.entries:
            if stat.type is not files.FileType.FILE:
                continue
            if stat.size > most and not path.startswith(system):
                yield found.in_file(
                    path,
                    f'a file of {stat.size // _MIB} MiB',
                    data=str(stat.size),
                )
            if path.startswith(folders):
                for folder in data:
                    data[folder] += stat.size * path.startswith(folder)
        for folder, size in data.items():
            if size > options['max_folder_mib'] * _MIB:
                yield found.in_file(
                    folder.rstrip('/'),
                    f'the folder holds {size // _MIB} MiB',
                    data=str(size),
                )
        for pattern in _STORES:
            for folder in tree.glob(pattern):
                images = _folders(tree, folder)
                if len(images) > options['max_container_images']:
                    yield found.in_file(
                        folder, f'{len(images)} images of containers'
                    )
        yield from _packages(subject, options['max_packages'])
        census.need_whole()


def _packages(subject: view.ImageView, most: int) -> Iterator[rule.Finding]:
    count = len(packages.of(subject)) if most else 0
    if count > most:
        yield found.said(
            f'{count} packages are installed',
            data=str(count),
            severity=rule.Severity.INFO,
        )


def _folders(tree: files.FileTree, folder: str) -> list[str]:
    if not tree.is_folder(folder):
        return []
    # Podman's index and its locks lie beside the images.
    return [
        name
        for name in tree.listdir(folder)
        if '.' not in name and not name.startswith('images')
    ]
