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

import dataclasses
from pathlib import Path
from typing import ClassVar

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.recipe import needs
from image_pipeline.stages import base, registry
from image_pipeline.testing import plugins

_KNOWN_ELEMENTS = ('debian-minimal', 'egi-cloud-image')


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComposeOptions:
    elements: tuple[str, ...]
    size: int = 2


class ComposeStage(base.Stage[ComposeOptions]):
    """Compose a disk."""

    name = 'compose'
    options_class = ComposeOptions
    schema: ClassVar = {
        'type': 'object',
        'additionalProperties': False,
        'required': ['elements'],
        'properties': {
            'elements': {
                'description': 'elements to use',
                'type': 'array',
                'items': {'type': 'string'},
            },
            'size': {'type': 'integer', 'minimum': 1, 'default': 2},
        },
    }
    provides = frozenset({artifact.DISK, artifact.PACKAGES})

    def needs(self, context):
        return base.HostNeeds(
            executables={'mke2fs': '1.47', 'tar': None},
            root=True,
            disk_bytes=self.options.size * 2**30,
            memory_bytes=2**30,
        )

    def check(self, context):
        for number, name in enumerate(self.options.elements):
            if name not in _KNOWN_ELEMENTS:
                yield exceptions.Problem(
                    path=f'elements[{number}]',
                    message=f'there is no element "{name}"',
                    hint=exceptions.did_you_mean(name, _KNOWN_ELEMENTS),
                )

    def run(self, context):
        return ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class _NoOptions:
    pass


_NO_OPTIONS = {
    'type': 'object',
    'additionalProperties': False,
    'properties': {},
}


class _Plain(base.Stage[_NoOptions]):
    options_class = _NoOptions
    schema = _NO_OPTIONS

    def run(self, context):
        return ()


class ZerofreeStage(_Plain):
    name = 'zerofree'
    requires = frozenset({artifact.DISK})
    provides = frozenset({artifact.DISK})

    def needs(self, context):
        return base.HostNeeds(executables={'mke2fs': '1.46.9'})


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    formats: tuple[str, ...] = ()


class ConvertStage(base.Stage[ConvertOptions]):
    name = 'convert'
    options_class = ConvertOptions
    scope = base.Scope.FORMAT
    requires = frozenset({artifact.DISK})
    provides = frozenset({artifact.IMAGE})
    schema: ClassVar = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'formats': {
                'type': 'array',
                'items': {'enum': ['qcow2', 'raw']},
                'default': [],
            }
        },
    }

    def formats(self):
        return self.options.formats

    def needs(self, context):
        return base.HostNeeds(executables={'qemu-img': None}, disk_bytes=2**30)

    def run(self, context):
        return ()


class AuditStage(_Plain):
    name = 'audit'
    scope = base.Scope.FORMAT
    requires = frozenset({artifact.IMAGE})
    uses = frozenset({artifact.PACKAGES})
    provides = frozenset({artifact.AUDIT_REPORT})


class RegisterStage(_Plain):
    name = 'register'
    scope = base.Scope.TARGET
    requires = frozenset({artifact.IMAGE, artifact.AUDIT_REPORT})
    provides = frozenset({artifact.REGISTRATION})


class PromoteStage(_Plain):
    name = 'promote'
    scope = base.Scope.TARGET
    requires = frozenset({artifact.REGISTRATION})
    provides = frozenset({artifact.PROMOTION})


class AnnounceStage(_Plain):
    name = 'announce'
    scope = base.Scope.TARGET
    requires = frozenset({artifact.PROMOTION})
    provides = frozenset({'announcement'})


class BundleStage(_Plain):
    """Takes one image, once a run."""

    name = 'bundle'
    requires = frozenset({artifact.IMAGE})
    provides = frozenset({'bundle'})


STAGES = {
    stage.name: stage
    for stage in (
        AnnounceStage,
        AuditStage,
        BundleStage,
        ComposeStage,
        ConvertStage,
        PromoteStage,
        RegisterStage,
        ZerofreeStage,
    )
}


@pytest.fixture
def installed(monkeypatch):
    """The stages of this module, as if they were those installed."""
    monkeypatch.setattr(
        registry,
        '_PLUGINS',
        plugins.FakePlugins(registry.NAMESPACE, 'stage', classes=STAGES),
    )
    return STAGES


@pytest.fixture
def host():
    """A host that has everything."""
    return needs.HostFacts(
        which=lambda name: Path('/usr/bin', name),
        is_root=True,
        free_bytes=lambda folder: 100 * 2**30,
        memory_bytes=lambda: 8 * 2**30,
        version_of=lambda name: '2.0',
        writable=lambda folder: True,
    )
