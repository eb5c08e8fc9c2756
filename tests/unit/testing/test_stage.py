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
from typing import ClassVar

import pytest

from image_pipeline import artifact
from image_pipeline.stages import base
from image_pipeline.testing import fakes
from image_pipeline.testing.conformance import stage

# What a mistake in a stage makes fail: each is one that was made before.


@dataclasses.dataclass(frozen=True, kw_only=True)
class SignOptions:
    key: str
    comment: str | None = None
    times: tuple[int, ...] = (1,)


SCHEMA = {
    'type': 'object',
    'additionalProperties': False,
    'required': ['key'],
    'properties': {
        'key': {'description': 'The key to sign with.', 'type': 'string'},
        'comment': {
            'description': 'What to say about it.',
            'type': ['string', 'null'],
            'default': None,
        },
        'times': {
            'description': 'How often it is signed.',
            'type': 'array',
            'default': [1],
        },
    },
}


class SignStage(base.Stage[SignOptions]):
    """Sign the image files."""

    name = 'sign'
    options_class = SignOptions
    schema: ClassVar = SCHEMA
    scope = base.Scope.FORMAT
    requires = frozenset({artifact.IMAGE})
    provides = frozenset({'signature'})

    def run(self, context):
        signed = context.work_dir / 'signature'
        context.host.run(['gpg', '--output', signed])
        context.host.run(['gpg', '--verify', signed])
        signed.write_text('signed')
        return [
            artifact.Artifact(kind='signature', path=signed, digest='', size=0)
        ]


def conformance(made=SignStage, base_class=stage.StageConformance, **more):
    members = {
        'name': 'sign',
        'stage_class': made,
        'examples': ({'key': 'k'},),
        'own_kinds': frozenset({'signature'}),
    }
    return type('Conformance', (base_class,), members | more)()


def schema(**changes):
    return SCHEMA | changes


def properties(**changes):
    return schema(properties=SCHEMA['properties'] | changes)


def without(key, name):
    option = SCHEMA['properties'][name]
    return {k: value for k, value in option.items() if k != key}


def broken(**members):
    return type('SignStage', (SignStage,), members)


@dataclasses.dataclass(kw_only=True)
class Thawed:
    key: str


def _tests(one):
    return [
        name
        for name in dir(one)
        if name.startswith('test_')
        # Those need an entry point and a module of its own.
        and name
        not in {
            'test_entry_point_of_that_name_loads_the_stage',
            'test_module_and_class_are_called_like_the_stage',
        }
    ]


def _failures(one, tmp_path):
    failed = set()
    for name in _tests(one):
        folder = tmp_path / name
        folder.mkdir()
        test = getattr(one, name)
        takes_folder = 'tmp_path' in test.__code__.co_varnames[:2]
        try:
            test(folder) if takes_folder else test()
        except (Exception, pytest.fail.Exception):
            failed.add(name)
    return failed


def test_good_stage_fails_nothing(tmp_path):
    assert _failures(conformance(), tmp_path) == set()


@pytest.mark.parametrize(
    ('made', 'expected'),
    [
        (
            broken(name='signs'),
            'test_name_is_kebab_case_and_that_of_the_class',
        ),
        (
            broken(__doc__='sign it'),
            'test_docstring_begins_with_a_summary_for_users',
        ),
        (
            broken(provides=frozenset({'signatur'})),
            'test_kinds_of_artifact_are_known',
        ),
        (
            broken(uses=frozenset({artifact.IMAGE})),
            'test_kinds_of_artifact_are_known',
        ),
        (
            broken(cache=base.CachePolicy.VERIFY),
            'test_verifying_stages_say_what_holds_no_longer',
        ),
        (
            broken(options_class=Thawed),
            'test_options_are_a_frozen_keyword_only_dataclass',
        ),
        (
            broken(schema=schema(type='mapping')),
            'test_schema_is_a_valid_one',
        ),
        (
            broken(schema=schema(additionalProperties=True)),
            'test_schema_is_closed',
        ),
        (
            broken(schema=properties(key={'type': 'string'})),
            'test_every_option_is_described',
        ),
        (
            broken(schema=properties(extra={'description': 'More of it.'})),
            'test_schema_has_a_property_for_every_field',
        ),
        (
            broken(schema=schema(required=['key', 'comment'])),
            'test_option_is_required_exactly_where_there_is_no_default',
        ),
        (
            broken(schema=properties(times=without('default', 'times'))),
            'test_defaults_of_schema_and_dataclass_are_the_same',
        ),
        (
            broken(
                schema=properties(
                    times=without('default', 'times') | {'default': [2]}
                )
            ),
            'test_defaults_of_schema_and_dataclass_are_the_same',
        ),
        (
            broken(
                schema=properties(
                    comment=without('type', 'comment') | {'type': 'string'}
                )
            ),
            'test_defaults_fit_the_schema',
        ),
        (
            broken(
                check=lambda self, context: [
                    stage.exceptions.Problem(path='nope', message='x')
                ]
            ),
            'test_planning_asks_and_changes_nothing',
        ),
        (
            broken(
                fingerprint=lambda self, context: {
                    'x': str(
                        context.settings.state_dir.joinpath('x').write_text('')
                    )
                }
            ),
            'test_planning_asks_and_changes_nothing',
        ),
    ],
)
def test_mistake_is_found(tmp_path, made, expected):
    assert expected in _failures(conformance(made), tmp_path)


def arrange(self, folder, host):
    image = folder / 'image.qcow2'
    image.write_text('image')
    given = artifact.Artifact(
        kind=artifact.IMAGE, path=image, digest='', size=5
    )
    context = fakes.stage_context(
        folder, inputs={artifact.IMAGE: given}, host=host
    )
    return self.make({'key': 'k'}), context


def test_good_run_fails_nothing(tmp_path):
    one = conformance(base_class=stage.StageRunConformance, arrange=arrange)
    assert _failures(one, tmp_path) == set()


def _nothing(self, context):
    return ()


def _spoil(self, context):
    context.inputs[artifact.IMAGE].path.write_text('spoilt')
    return SignStage.run(self, context)


def _deaf(self, context):
    try:
        return SignStage.run(self, context)
    except stage.exceptions.PipelineError:
        raise RuntimeError from None


@pytest.mark.parametrize(
    ('run', 'expected'),
    [
        (_nothing, 'test_run_makes_the_kinds_that_it_provides'),
        (_nothing, 'test_cancelled_run_stops'),
        (_spoil, 'test_run_changes_no_input'),
        (_deaf, 'test_failing_program_is_an_error_for_users'),
    ],
)
def test_mistake_of_a_run_is_found(tmp_path, run, expected):
    one = conformance(
        broken(run=run), stage.StageRunConformance, arrange=arrange
    )
    assert expected in _failures(one, tmp_path)
