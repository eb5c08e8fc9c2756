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

"""What every stage must do, as tests; see the package for how to use them."""

import abc
import dataclasses
import inspect
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.documents import nodes
from image_pipeline.stages import base, registry
from image_pipeline.testing import fakes

_KEBAB = re.compile(r'[a-z][a-z0-9]*(-[a-z0-9]+)*')


class StageConformance:
    """The contract of a stage, as far as it can be seen without a run.

    .. code-block:: python

        class TestSign(stage.StageConformance):
            name = 'sign'
            stage_class = sign.SignStage
            examples = ({'key': 'release'},)
    """

    #: The name, as a recipe spells it.
    name: ClassVar[str]
    #: The stage; None means the one that is installed under the name.
    stage_class: ClassVar[type[base.Stage[Any]] | None] = None
    #: Options that are right, as a recipe gives them.
    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({},)
    #: Kinds of artifact of the plug-in's own.
    own_kinds: ClassVar[frozenset[str]] = frozenset()

    @property
    def stage(self) -> type[base.Stage[Any]]:
        """The stage under test."""
        return self.stage_class or registry.load(self.name)

    def make(self, options: Mapping[str, Any]) -> base.Stage[Any]:
        """Return the stage with options.

        :param options: as a recipe gives them.
        """
        return self.stage(registry.fill(self.stage.options_class, options))

    def plan_context(self, folder: Path) -> base.PlanContext:
        """Return what the stage may look at while a plan is made.

        :param folder: an empty folder.
        """
        changes: dict[str, Any] = {}
        if self.stage.scope != base.Scope.RUN:
            changes['format'] = 'qcow2'
        if self.stage.scope == base.Scope.TARGET:
            changes['target'] = fakes.target()
        return fakes.plan_context(folder, **changes)

    def test_name_is_kebab_case_and_that_of_the_class(self) -> None:
        assert _KEBAB.fullmatch(self.name)
        assert self.stage.name == self.name

    def test_entry_point_of_that_name_loads_the_stage(self) -> None:
        found = metadata.entry_points(group=registry.NAMESPACE)
        assert [one.load() for one in found if one.name == self.name] == [
            self.stage
        ]

    def test_module_and_class_are_called_like_the_stage(self) -> None:
        words = self.name.split('-')
        camel = ''.join(word.capitalize() for word in words)
        module = self.stage.__module__.rpartition('.')[2]
        assert module == '_'.join(words)
        assert self.stage.__name__ == f'{camel}Stage'
        assert self.stage.options_class.__name__ == f'{camel}Options'
        assert self.stage.options_class.__module__ == self.stage.__module__

    def test_docstring_begins_with_a_summary_for_users(self) -> None:
        # Not inspect.getdoc: that would take the contract's own.
        summary = (self.stage.__doc__ or '').strip().partition('\n')[0]
        assert 10 <= len(summary) <= 72, 'it stands in `stage list`'
        assert summary[0].isupper() and summary.endswith('.')

    def test_version_is_text_that_can_be_compared(self) -> None:
        assert isinstance(self.stage.version, str) and self.stage.version

    def test_kinds_of_artifact_are_known(self) -> None:
        stage = self.stage
        used = stage.requires | stage.uses | stage.provides
        assert used <= artifact.KINDS | self.own_kinds
        assert not stage.requires & stage.uses
        assert stage.compares <= stage.uses
        assert stage.requires or stage.provides

    def test_scope_and_cache_policy_are_members_of_theirs(self) -> None:
        assert isinstance(self.stage.scope, base.Scope)
        assert isinstance(self.stage.cache, base.CachePolicy)

    def test_verifying_stages_say_what_holds_no_longer(self) -> None:
        says = self.stage.still_valid is not base.Stage.still_valid
        assert says == (self.stage.cache == base.CachePolicy.VERIFY)

    def test_options_are_a_frozen_keyword_only_dataclass(self) -> None:
        options = self.stage.options_class
        assert dataclasses.is_dataclass(options)
        assert options.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert all(field.kw_only for field in dataclasses.fields(options))

    def test_schema_is_a_valid_one(self) -> None:
        jsonschema.Draft202012Validator.check_schema(self.stage.schema)
        # It goes into the manual, and to `stage show -f json`.
        json.dumps(self.stage.schema)

    def test_schema_is_closed(self) -> None:
        assert self.stage.schema.get('type') == 'object'
        for path, schema in _walk(self.stage.schema):
            if schema.get('type') == 'object' or 'properties' in schema:
                assert 'additionalProperties' in schema, path
                assert schema['additionalProperties'] is not True, path
        assert self.stage.schema['additionalProperties'] is False

    def test_every_option_is_described(self) -> None:
        for path, schema in _walk(self.stage.schema):
            for name, option in schema.get('properties', {}).items():
                text = option.get('description', '')
                assert len(text) >= 10, f'{path}.{name}'
                assert not text[0].isspace(), f'{path}.{name}'

    def test_schema_has_a_property_for_every_field(self) -> None:
        fields = {
            field.name
            for field in dataclasses.fields(self.stage.options_class)
        }
        assert set(self.stage.schema.get('properties', {})) == fields

    def test_option_is_required_exactly_where_there_is_no_default(
        self,
    ) -> None:
        without = {
            field.name
            for field in dataclasses.fields(self.stage.options_class)
            if field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        }
        assert set(self.stage.schema.get('required', ())) == without

    def test_defaults_of_schema_and_dataclass_are_the_same(self) -> None:
        properties = self.stage.schema.get('properties', {})
        for field in dataclasses.fields(self.stage.options_class):
            schema = properties[field.name]
            if field.default is not dataclasses.MISSING:
                value = field.default
            elif field.default_factory is not dataclasses.MISSING:
                value = field.default_factory()
            else:
                assert 'default' not in schema, field.name
                continue
            assert 'default' in schema, field.name
            assert schema['default'] == registry.to_json(value), field.name

    def test_defaults_fit_the_schema(self) -> None:
        for schema in self.stage.schema.get('properties', {}).values():
            if 'default' in schema:
                jsonschema.validate(schema['default'], schema)

    def test_examples_fit_the_schema_and_survive_json(self) -> None:
        assert self.examples
        for example in self.examples:
            jsonschema.validate(dict(example), self.stage.schema)
            stage = self.make(example)
            given = json.loads(json.dumps(registry.options_json(stage)))
            jsonschema.validate(given, self.stage.schema)
            assert self.make(given).options == stage.options

    def test_options_cannot_be_changed(self) -> None:
        for example in self.examples:
            stage = self.make(example)
            for field in dataclasses.fields(stage.options):
                with pytest.raises(dataclasses.FrozenInstanceError):
                    setattr(stage.options, field.name, None)

    def test_unknown_option_is_refused(self) -> None:
        for example in self.examples:
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(
                    {**example, 'no-such-option': 1}, self.stage.schema
                )

    def test_planning_asks_and_changes_nothing(self, tmp_path: Path) -> None:
        for example in self.examples:
            stage = self.make(example)
            context = self.plan_context(tmp_path)
            needs = stage.needs(context)
            assert isinstance(needs, base.HostNeeds)
            assert needs.disk_bytes >= 0 and needs.memory_bytes >= 0
            assert needs == stage.needs(context)
            for problem in stage.check(context):
                assert isinstance(problem, exceptions.Problem)
                if problem.path:
                    self._path_is_an_option(problem.path)
            found = stage.fingerprint(context)
            assert all(
                isinstance(word, str)
                for pair in found.items()
                for word in pair
            )
            assert found == stage.fingerprint(context)
            for word in (*stage.formats(), *stage.secrets()):
                assert isinstance(word, str)
            assert list(tmp_path.iterdir()) == []

    def _path_is_an_option(self, path: str) -> None:
        parts, end = nodes.read_path(path)
        assert end == len(path), path
        assert parts[0] in self.stage.schema.get('properties', {}), path

    def test_stage_has_all_that_the_contract_asks_for(self) -> None:
        assert issubclass(self.stage, base.Stage)
        assert not inspect.isabstract(self.stage)


class StageRunConformance(StageConformance, abc.ABC):
    """The contract of a stage's run, against fakes."""

    @abc.abstractmethod
    def arrange(
        self, folder: Path, host: fakes.FakeHost
    ) -> tuple[base.Stage[Any], base.StageContext]:
        """Return a stage that can run, and all that it needs for it.

        :param folder: an empty folder.
        :param host: the host that the context must have; say what its
            programs answer.
        """

    def test_run_makes_the_kinds_that_it_provides(
        self, tmp_path: Path
    ) -> None:
        stage, context = self.arrange(tmp_path, fakes.FakeHost())
        made = list(stage.run(context))
        assert {one.kind for one in made} == set(stage.provides)
        inputs = {one.path for one in context.inputs.values()}
        for one in made:
            assert one.path.is_file(), one
            assert (
                context.work_dir in one.path.parents or one.path in inputs
            ), 'artifacts are taken out of the work folder'
            json.dumps(dict(one.properties))

    def test_run_changes_no_input(self, tmp_path: Path) -> None:
        stage, context = self.arrange(tmp_path, fakes.FakeHost())
        before = {k: a.path.read_bytes() for k, a in context.inputs.items()}
        list(stage.run(context))
        after = {k: a.path.read_bytes() for k, a in context.inputs.items()}
        assert after == before

    def test_failing_program_is_an_error_for_users(
        self, tmp_path: Path
    ) -> None:
        for number in itertools.count(1):
            folder = tmp_path / str(number)
            folder.mkdir()
            host = fakes.FakeHost()
            host.fail_at = number
            stage, context = self.arrange(folder, host)
            if not self._fails(stage, context) and len(host.calls) < number:
                break
            assert host.running == [], 'a program was left running'

    @staticmethod
    def _fails(stage: base.Stage[Any], context: base.StageContext) -> bool:
        try:
            list(stage.run(context))
        except exceptions.PipelineError:
            return True
        return False

    def test_cancelled_run_stops(self, tmp_path: Path) -> None:
        host = fakes.FakeHost()
        stage, context = self.arrange(tmp_path, host)
        host.cancelled.cancel('SIGINT')
        context.cancelled.cancel('SIGINT')
        with pytest.raises(exceptions.Interrupted):
            list(stage.run(context))
        assert host.running == []


def _walk(
    schema: Mapping[str, Any], path: str = ''
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return a schema and those inside it."""
    yield path, schema
    for name, inner in schema.get('properties', {}).items():
        yield from _walk(inner, f'{path}.{name}')
    for key in ('items', 'additionalProperties', 'not', 'if', 'then', 'else'):
        if isinstance(schema.get(key), Mapping):
            yield from _walk(schema[key], f'{path}.{key}')
    for key in ('anyOf', 'oneOf', 'allOf', 'prefixItems'):
        for number, inner in enumerate(schema.get(key, ())):
            yield from _walk(inner, f'{path}.{key}[{number}]')
