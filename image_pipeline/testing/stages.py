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

"""Small stages that do next to nothing, to test what carries stages out.

:func:`install` makes them known to a Python process by way of a folder on
its path, without installing anything.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base as catalogue_base
from image_pipeline.host import process
from image_pipeline.stages import base
from image_pipeline.store import cache as store_cache

_SCHEMA: Mapping[str, Any] = {
    'type': 'object',
    'additionalProperties': False,
    'properties': {
        'content': {
            'type': 'string',
            'default': 'content',
            'description': 'What is written.',
        },
        'program': {
            'type': 'array',
            'items': {'type': 'string'},
            'default': [],
            'description': 'A program to run.',
        },
        'outside': {
            'type': 'string',
            'default': '',
            'description': 'A file to make outside of the work folder.',
        },
        'fail_if': {
            'type': 'string',
            'default': '',
            'description': 'Fail if this file is there; {step} is the step.',
        },
        'secret': {
            'type': 'string',
            'default': '',
            'description': 'Name of a secret that is printed to the log.',
        },
        'formats': {
            'type': 'array',
            'items': {'type': 'string'},
            'default': [],
            'description': 'Image formats to make.',
        },
        'valid_if': {
            'type': 'string',
            'default': '',
            'description': 'An earlier result holds if this file is there.',
        },
    },
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class FakeOptions:
    """What fake stages can be told.

    :param content: what is written.
    :param program: a program to run.
    :param outside: a file to make outside of the work folder.
    :param fail_if: fail if this file is there; ``{step}`` is the step.
    :param secret: name of a secret that is printed to the log.
    :param formats: image formats to make.
    :param valid_if: an earlier result holds if this file is there.
    """

    content: str = 'content'
    program: tuple[str, ...] = ()
    outside: str = ''
    fail_if: str = ''
    secret: str = ''
    formats: tuple[str, ...] = ()
    valid_if: str = ''


class _Fake(base.Stage[FakeOptions]):
    options_class = FakeOptions
    schema: ClassVar[Mapping[str, Any]] = _SCHEMA

    def secrets(self) -> Iterable[str]:
        """Return the name of the secret, if there is one."""
        return [self.options.secret] if self.options.secret else []

    def act(self, context: base.StageContext) -> None:
        """Do what the options say, apart from artifacts.

        :param context: what the stage may use.
        :raises StageFailed: it was told to.
        """
        options = self.options
        with context.log.open('a') as log:
            log.write(f'{self.name} runs\n')
        if options.outside:
            # Each step has its own, if there are several of the stage.
            path = f'{options.outside}.{context.work_dir.name}'
            context.undo(
                artifact.UndoRecord(kind='path', arguments={'path': path})
            )
            Path(path).write_text('left')
        if options.secret:
            value = context.secrets[options.secret]
            context.host.run(['echo', f'it is {value}'], log=context.log)
        if options.program:
            context.progress(0, None, 'phase:program')
            context.host.run(options.program, log=context.log)
        flag = options.fail_if.replace('{step}', context.work_dir.name)
        if flag and Path(flag).exists():
            evidence = context.work_dir / 'evidence.json'
            evidence.write_text('{}')
            error = exceptions.StageFailed(
                f'{flag} is there', hint='remove it'
            )
            error.evidence = (evidence,)
            raise error
        context.cancelled.check()


class FakeMake(_Fake):
    """Make a disk of some text."""

    name = 'fake-make'
    provides = frozenset({artifact.DISK})

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Write the content into a file.

        :param context: what the stage may use.
        """
        self.act(context)
        path = context.work_dir / 'disk.raw'
        path.write_text(self.options.content)
        return [_made(artifact.DISK, path)]


class FakeConvert(_Fake):
    """Write the disk with the format's name in front."""

    name = 'fake-convert'
    requires = frozenset({artifact.DISK})
    provides = frozenset({artifact.IMAGE})
    scope = base.Scope.FORMAT

    def formats(self) -> Iterable[str]:
        """Return the formats of the options."""
        return self.options.formats

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Write it.

        :param context: what the stage may use.
        """
        self.act(context)
        disk = context.inputs[artifact.DISK]
        path = context.work_dir / f'image.{context.plan.format}'
        path.write_text(f'{context.plan.format} {disk.path.read_text()}')
        return [_made(artifact.IMAGE, path, format=context.plan.format)]


class FakeCheck(_Fake):
    """Say that the image is fine."""

    name = 'fake-check'
    requires = frozenset({artifact.IMAGE})
    provides = frozenset({artifact.AUDIT_REPORT})
    scope = base.Scope.FORMAT
    cache = base.CachePolicy.VERIFY

    def still_valid(
        self,
        artifacts: Mapping[str, artifact.Artifact],
        context: base.PlanContext,
        cache: store_cache.Cache,
    ) -> str | None:
        """Look for the file of the options.

        :param artifacts: what was made then.
        :param context: what the plan knows.
        :param cache: folders that outlive a run.
        """
        wanted = self.options.valid_if
        if wanted and not Path(wanted).exists():
            return f'{wanted} is gone'
        return None

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Write a report.

        :param context: what the stage may use.
        """
        self.act(context)
        path = context.work_dir / 'report.json'
        path.write_text(
            json.dumps({'image': context.inputs[artifact.IMAGE].digest})
        )
        return [_made(artifact.AUDIT_REPORT, path)]


class FakeRegister(_Fake):
    """Put the image into the target's catalogue."""

    name = 'fake-register'
    requires = frozenset({artifact.IMAGE, artifact.AUDIT_REPORT})
    provides = frozenset({artifact.REGISTRATION})
    scope = base.Scope.TARGET

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Register it.

        :param context: what the stage may use.
        """
        self.act(context)
        catalogue: catalogue_base.Catalogue | None = context.catalogue
        assert catalogue is not None
        image = context.inputs[artifact.IMAGE]
        path = context.work_dir / 'registration.json'
        path.write_text(json.dumps({'sha256': image.digest}))
        return [_made(artifact.REGISTRATION, path)]


STAGES: tuple[type[_Fake], ...] = (
    FakeMake,
    FakeConvert,
    FakeCheck,
    FakeRegister,
)


def install(
    folder: Path, stages: Iterable[type[base.Stage[Any]]] = STAGES
) -> dict[str, str]:
    """Make stages known to Python processes, by default the fake ones.

    :param folder: an empty folder for it.
    :param stages: classes of modules that such a process can import.
    :returns: the environment variables that such a process needs.
    """
    info = folder / 'image_pipeline_fakes-1.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: image-pipeline-fakes\nVersion: 1\n'
    )
    lines = [f'{one.name} = {one.__module__}:{one.__name__}' for one in stages]
    (info / 'entry_points.txt').write_text(
        '\n'.join(['[image_pipeline.stages]', *lines, ''])
    )
    cache = folder / 'cache'
    return {
        'PYTHONPATH': str(folder),
        # Stevedore remembers entry points there.
        'XDG_CACHE_HOME': str(cache),
        process.RUN_VARIABLE: '',
    }


def _made(kind: str, path: Path, **properties: Any) -> artifact.Artifact:
    return artifact.Artifact(
        kind=kind, path=path, digest='', size=0, properties=properties
    )
