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

"""Any sequence of changes, kills included, against a model in memory."""

import tempfile
from pathlib import Path

import hypothesis
from hypothesis import stateful
from hypothesis import strategies as st

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import directory
from image_pipeline.testing import fakes, killing
from image_pipeline.testing.conformance import catalogue as conformance

NAMES = st.sampled_from(['a', 'b'])
CONTENTS = st.sampled_from([b'1', b'2', b'3'])
VALUES = st.sampled_from([None, '1', '2'])
#: Before which change of a file the process dies; mostly it lives.
DEATHS = st.one_of(st.just(10**6), st.integers(0, 25))


class CatalogueMachine(stateful.RuleBasedStateMachine):
    """A directory catalogue and what it must look like from outside."""

    def __init__(self):
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)
        self.rejected = set()

    def teardown(self):
        self.temporary.cleanup()

    @property
    def catalogue(self):
        # A new process each time.
        return directory.DirectoryCatalogue(
            fakes.target(), state_dir=self.folder / 'state'
        )

    def images(self):
        return list(self.catalogue.list_images())

    def current(self, name):
        found = self.catalogue.list_images(
            name=name, states=[artifact.ImageState.CURRENT]
        )
        return next(iter(found), None)

    def change(self, death, ask, expected):
        """Do it, perhaps die; then it is done, or nothing is."""
        before = {one.id: one for one in self.images()}
        refused = None
        with killing.before(death) as died:
            try:
                ask()
            except exceptions.PipelineError as exc:
                refused = exc
        self.catalogue.recover()
        after = {one.id: one for one in self.images()}
        if refused:
            assert after == before
        elif died.came and after == before:
            return False
        else:
            expected(before, after)
        return refused is None

    @stateful.rule(name=NAMES, content=CONTENTS, death=DEATHS)
    def register(self, name, content, death):
        image = conformance.make_image(self.folder, content)

        def expected(before, after):
            same = [
                one
                for one in after.values()
                if one.final_name == name
                and f'sha256:{one.sha256}' == image.digest
                and one.state != 'retired'
            ]
            assert len(same) == 1
            if same[0].id in before:
                assert same[0].state == before[same[0].id].state
            elif (name, image.digest) in self.rejected:
                assert same[0].state == 'rejected'
            else:
                assert same[0].state == 'candidate'

        self.change(
            death,
            lambda: conformance.register(self.catalogue, image, name=name),
            expected,
        )

    @stateful.precondition(lambda self: self.images())
    @stateful.rule(data=st.data(), force=st.booleans(), death=DEATHS)
    def promote(self, data, force, death):
        one = data.draw(st.sampled_from(self.images()))
        former = self.current(one.final_name)

        def expected(before, after):
            assert after[one.id].state == 'current'
            assert after[one.id].name == one.final_name
            if former and former.id != one.id:
                assert after[former.id].state == 'previous'
                assert after[one.id].previous_id == former.id

        if self.change(
            death,
            lambda: self.catalogue.promote(one.id, force=force),
            expected,
        ):
            assert one.state != 'retired'
            assert one.state != 'rejected' or force
            self.rejected.discard((one.final_name, f'sha256:{one.sha256}'))

    @stateful.precondition(lambda self: self.images())
    @stateful.rule(data=st.data(), value=VALUES, death=DEATHS)
    def set_properties(self, data, value, death):
        one = data.draw(st.sampled_from(self.images()))

        def expected(before, after):
            now = after.pop(one.id)
            assert now.properties == ({} if value is None else {'p': value})
            assert now.state == before.pop(one.id).state
            assert after == before

        self.change(
            death,
            lambda: self.catalogue.set_properties(one.id, {'p': value}),
            expected,
        )

    @stateful.rule(name=NAMES, death=DEATHS)
    def roll_back(self, name, death):
        bad = self.current(name)

        def expected(before, after):
            assert after[bad.id].state == 'rejected'
            back = self.current(name)
            assert before[back.id].state == 'previous'
            if before.get(bad.previous_id or '', bad).state == 'previous':
                assert back.id == bad.previous_id

        if self.change(
            death, lambda: self.catalogue.roll_back(name), expected
        ):
            self.rejected.add((name, f'sha256:{bad.sha256}'))

    @stateful.precondition(lambda self: self.images())
    @stateful.rule(data=st.data(), delete=st.booleans(), death=DEATHS)
    def retire(self, data, delete, death):
        one = data.draw(st.sampled_from(self.images()))

        def expected(before, after):
            assert before[one.id].state != 'current'
            if delete:
                assert one.id not in after
            else:
                assert after[one.id].state == 'retired'

        self.change(
            death,
            lambda: self.catalogue.retire(one.id, delete=delete),
            expected,
        )

    @stateful.invariant()
    def one_current_image_of_a_name_is_what_users_get(self):
        root = self.folder / 'state' / 'catalogue'
        current = {}
        for one in self.images():
            assert one.hidden == (one.state != 'current')
            assert one.path.is_file()
            if one.state == 'candidate':
                assert one.name != one.final_name
            if one.state == 'current':
                assert one.final_name not in current
                current[one.final_name] = one
        seen = {path.name: path for path in root.glob('images/[!.]*')}
        names = {
            f'{one.final_name}.{one.format}': one for one in current.values()
        }
        assert set(seen) == set(names) | {f'{name}.CHECKSUM' for name in names}
        for name, one in names.items():
            assert seen[name].resolve() == one.path.resolve()
            listed = seen[f'{name}.CHECKSUM'].read_text()
            assert f'SHA256 ({name}) = {one.sha256}\n' in listed
        files = {path.name for path in root.glob('files/*')}
        assert files == {one.path.name for one in self.images()}
        assert not list(root.glob('incoming/*'))


TestCatalogueMachine = CatalogueMachine.TestCase
TestCatalogueMachine.settings = hypothesis.settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
