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

"""Compose an image with diskimage-builder: elements become a raw disk."""

import contextlib
import dataclasses
import enum
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.dib import (
    elements,
    emulation,
    environment,
    layout,
    packages,
    runner,
    secrets,
)
from image_pipeline.stages import base
from image_pipeline.store import cache as store_cache

GIB = 1 << 30


class BuildIn(enum.StrEnum):
    """Where the tree lies while it is composed."""

    AUTO = 'auto'
    MEMORY = 'memory'
    DISK = 'disk'


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComposeOptions:
    """What a recipe says about ``compose``; see its schema."""

    elements: tuple[str, ...]
    environment: Mapping[str, str | int | bool] = dataclasses.field(
        default_factory=dict
    )
    element_path: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    block_device: str | None = None
    filesystem: str = 'ext4'
    minimum_size: str | None = None
    architecture: str = 'amd64'
    base_cache: bool = True
    build_in: BuildIn = BuildIn.AUTO


class ComposeStage(base.Stage[ComposeOptions]):
    """Compose a disk of diskimage-builder elements."""

    name = 'compose'
    options_class = ComposeOptions
    provides = frozenset({artifact.DISK, artifact.PACKAGES})
    cache = base.CachePolicy.VERIFY
    schema: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'required': ['elements'],
        'properties': {
            'elements': {
                'description': 'The elements, one of which brings the '
                'operating system. Nothing is added to them but a '
                'block-device layout, if none of them brings one.',
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'minItems': 1,
                'uniqueItems': True,
            },
            'environment': {
                'description': 'Environment variables for the elements, '
                'such as `DIB_RELEASE: bookworm`.',
                'type': 'object',
                'additionalProperties': {
                    'type': ['string', 'integer', 'boolean']
                },
                'default': {},
            },
            'element_path': {
                'description': 'Folders of elements of your own, relative '
                "to the recipe; they win over the site's and ours.",
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'default': [],
            },
            'secrets': {
                'description': 'Names of environment variables of this '
                'command that the elements get, and that never show in the '
                'image, in logs or in the manifest.',
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'uniqueItems': True,
                'default': [],
            },
            'block_device': {
                'description': "A block-device layout of your own (DIB's "
                'YAML), relative to the recipe. Stock nodes need loop '
                'devices and device-mapper on the build host.',
                'type': ['string', 'null'],
                'default': None,
            },
            'filesystem': {
                'description': 'The root file system. xfs needs a layout '
                'of stock nodes: mkfs.xfs cannot be given a tree.',
                'enum': ['ext4', 'btrfs', 'xfs'],
                'default': 'ext4',
            },
            'minimum_size': {
                'description': 'The least size of the disk, such as '
                '`2GiB`. It is made as large as its content needs anyway, '
                'and grows at the first boot.',
                'type': ['string', 'null'],
                'pattern': '^[1-9][0-9]*(MiB|GiB)$',
                'default': None,
            },
            'architecture': {
                'description': 'The architecture of the image. Another one '
                "than the host's needs emulation (binfmt_misc) there.",
                'enum': ['amd64', 'arm64'],
                'default': 'amd64',
            },
            'base_cache': {
                'description': 'Whether the bootstrapped base system is '
                'taken from the cache while the archive has not changed.',
                'type': 'boolean',
                'default': True,
            },
            'build_in': {
                'description': 'Where the tree lies while it is composed; '
                '`auto` takes memory if there is plenty.',
                'enum': [str(member) for member in BuildIn],
                'default': 'auto',
            },
        },
    }

    def secrets(self) -> Iterable[str]:
        """Return the names of the environment variables that are secret."""
        return self.options.secrets

    def needs(self, context: base.PlanContext) -> base.HostNeeds:
        """Return the programs, the space and the memory that it takes."""
        tools = {
            'bash', 'chroot', 'debootstrap', 'fstrim', 'mmdebstrap', 'mount',
            'setpriv', 'tar', 'unshare', 'zstd',
        }  # fmt: skip
        with contextlib.suppress(exceptions.InvalidInput):
            if self._layout(context).tree:
                tools |= {'sfdisk', 'mkfs.vfat', 'mcopy', 'mmd'}
                tools.add(f'mk{self._mkfs()}')
            else:
                tools |= {'kpartx', 'losetup', 'mkfs', 'parted', 'sgdisk'}
                tools.add(f'mkfs.{self.options.filesystem}')
        return base.HostNeeds(
            executables=dict.fromkeys(sorted(tools)),
            root=True,
            disk_bytes=max(4 * GIB, 2 * self._minimum_size()),
            memory_bytes=GIB,
        )

    def check(self, context: base.PlanContext) -> Iterable[exceptions.Problem]:
        """Return what is wrong with the options, as far as it can be seen."""
        yield from environment.problems(
            self.options.environment, self.options.secrets
        )
        path = self._path(context)
        for number, folder in enumerate(self._own_folders(context)):
            if not folder.is_dir():
                yield exceptions.Problem(
                    path=f'element_path[{number}]',
                    message=f'there is no folder {folder}',
                    hint='the path is relative to the recipe',
                )
                return
        yield from emulation.problems(self.options.architecture)
        try:
            chosen = self._layout(context)
        except exceptions.InvalidInput as exc:
            yield exceptions.Problem(
                path='block_device', message=exc.message, hint=exc.hint
            )
            return
        unknown = elements.missing(chosen.elements, path)
        if unknown:
            yield from map(self._unknown, unknown)
            return
        try:
            elements.expand(chosen.elements, path)
        except exceptions.InvalidInput as exc:
            yield exceptions.Problem(
                path='elements', message=exc.message, hint=exc.hint
            )
        else:
            yield from layout.problems(
                chosen, filesystem=self.options.filesystem
            )

    def _unknown(self, missing: elements.Missing) -> exceptions.Problem:
        path = 'elements'
        message = f'there is no element "{missing.name}"'
        if missing.name in self.options.elements:
            path += f'[{self.options.elements.index(missing.name)}]'
        if missing.needed_by:
            message += f', which {" and ".join(missing.needed_by)} needs'
        return exceptions.Problem(
            path=path,
            message=message,
            hint=missing.hint
            or '`image-pipeline element list` shows those that there are',
        )

    def fingerprint(self, context: base.PlanContext) -> Mapping[str, str]:
        """Return the elements' digests, and versions of what matters."""
        found = packages.tool_versions(
            ('mmdebstrap', f'mk{self._mkfs()}'), context.which
        )
        found |= packages.keyrings()
        try:
            chosen = self._layout(context)
            used = elements.expand(chosen.elements, self._path(context))
        except exceptions.InvalidInput:
            return found
        if chosen.file:
            found['block_device'] = packages.digest_text(chosen.text)
        for name, folder in used.items():
            found[f'element:{name}'] = elements.digest(folder)
        mirrors = self._mirrors(context)
        for field in dataclasses.fields(mirrors):
            found[f'mirror:{field.name}'] = str(getattr(mirrors, field.name))
        return found

    def still_valid(
        self,
        artifacts: Mapping[str, artifact.Artifact],
        context: base.PlanContext,
        cache: store_cache.Cache,
    ) -> str | None:
        """Return how the archive's packages differ from the image's."""
        from image_pipeline.dib import repositories

        made = json.loads(artifacts[artifact.PACKAGES].path.read_text())
        suite = environment.debian_suite(
            self.options.elements, self.options.environment
        )
        if suite is None:
            return None
        return repositories.differences(
            made,
            release=suite[0],
            components=suite[1],
            mirrors=self._mirrors(context),
            architecture=self.options.architecture,
            cache=cache,
            max_age=context.settings.cache_max_age,
        )

    def run(self, context: base.StageContext) -> Sequence[artifact.Artifact]:
        """Run diskimage-builder, and read what it put into the image."""
        options, plan = self.options, context.plan
        path = self._path(plan)
        chosen = self._layout(plan)
        used = elements.expand(chosen.elements, path)
        build = context.work_dir / 'build'
        build.mkdir()
        mark = f'loops-{uuid.uuid4().hex[:16]}'
        if not chosen.tree:
            # Loop devices outlive processes and namespaces, kill -9 too.
            context.undo(
                artifact.UndoRecord(kind='loops', arguments={'mark': mark})
            )
        variables = environment.make(
            given={key: _word(value) for key, value in self._environment()},
            secrets=context.secrets,
            elements_path=path,
            architecture=options.architecture,
            filesystem=options.filesystem,
            block_device=chosen.file,
            minimum_size=self._minimum_size(),
            seed=context.step_id,
            folder=build,
            tmp_dir=build if chosen.tree else build / mark,
            disk=context.work_dir / 'packed.raw',
            cache=context.cache.folder('diskimage-builder'),
            mirrors=self._mirrors(plan),
            operating_system=environment.operating_system(options.elements),
            tree=chosen.tree,
            base_cache=context.cache.folder('base-trees')
            if options.base_cache
            else None,
            stamp={'recipe': plan.recipe_file.stem, 'run': context.run_id},
        )
        composed = runner.run(
            chosen.elements,
            environment=variables,
            found=used,
            work_dir=context.work_dir,
            memory=self._memory(),
            own_dev=chosen.tree,
            host=context.host,
            log=context.log,
            progress=context.progress,
            timeout=plan.settings.stage_timeouts.get(self.name),
        )
        secrets.refuse_in(composed.disk, context.secrets)
        listed = packages.read_status(composed.dpkg_status)
        listing = context.work_dir / 'packages.json'
        listing.write_text(json.dumps(listed, indent=1, sort_keys=True))
        return (
            artifact.Artifact(
                kind=artifact.DISK,
                path=composed.disk,
                digest='',
                size=0,
                properties={
                    'format': 'raw',
                    'virtual_size': composed.disk.stat().st_size,
                    'architecture': options.architecture,
                    'filesystem': options.filesystem,
                    'packed': chosen.tree,
                },
            ),
            artifact.Artifact(
                kind=artifact.PACKAGES, path=listing, digest='', size=0
            ),
        )

    def _environment(self) -> Iterable[tuple[str, str | int | bool]]:
        return self.options.environment.items()

    def _memory(self) -> int:
        if self.options.build_in is BuildIn.DISK:
            return 0
        found = runner.memory_for_tree(Path('/proc/meminfo').read_text())
        if not found and self.options.build_in is BuildIn.MEMORY:
            raise exceptions.StageFailed(
                'there is too little free memory to compose the tree in it',
                hint='take `build_in: disk`',
            )
        return found

    def _mkfs(self) -> str:
        kind = self.options.filesystem
        return 'e2fs' if kind == 'ext4' else f'fs.{kind}'

    def _minimum_size(self) -> int:
        text = self.options.minimum_size
        if not text:
            return 0
        unit = {'MiB': 1 << 20, 'GiB': GIB}[text[-3:]]
        return int(text[:-3]) * unit

    def _own_folders(self, context: base.PlanContext) -> list[Path]:
        folder = context.recipe_file.resolve().parent
        return [folder / name for name in self.options.element_path]

    def _path(self, context: base.PlanContext) -> tuple[Path, ...]:
        site = [one for one in context.settings.elements_path if one.is_dir()]
        return elements.search_path(self._own_folders(context), site)

    def _layout(self, context: base.PlanContext) -> layout.Layout:
        name = self.options.block_device
        return layout.choose(
            self.options.elements,
            self._path(context),
            architecture=self.options.architecture,
            file=context.recipe_file.resolve().parent / name if name else None,
        )

    def _mirrors(self, context: base.PlanContext) -> conf_settings.Mirrors:
        return packages.mirrors(context.settings.mirrors)


def _word(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return '1' if value else '0'
    return str(value)
