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

"""What every rule must do, as tests; see the package for how to use them."""

import functools
import inspect
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import pytest

from image_pipeline import artifact
from image_pipeline.audit import registry, subjects, view
from image_pipeline.audit import rule as audit_rule
from image_pipeline.audit.guest import residue
from image_pipeline.disk import partitions
from image_pipeline.testing import disks, images, listed

_ID = re.compile(r'[A-Z][A-Z0-9]*(-[A-Z0-9]+)+')
_SATISFIED = re.compile(r'(element|stage):[a-z][a-z0-9-]*')


@functools.cache
def _noise() -> bytes:
    return random.Random(1).randbytes(1 << 20)  # noqa: S311 - not a secret


def _gpt(content: bytes = b'') -> disks.MemoryDisk:
    return disks.MemoryDisk(
        disks.gpt_disk(
            [
                disks.Slot(
                    start=disks.MIB,
                    size=8 * disks.MIB,
                    type=partitions.ROOT_X86_64,
                    content=content,
                )
            ]
        )
    )


_LOOP: Mapping[str, bytes | str | disks.Link | None] = {
    '/etc': disks.Link('/boot'),
    '/boot': disks.Link('/etc'),
    '/var': disks.Link('../../..'),
}
_FILES_OF_NOISE: Mapping[str, bytes | str | disks.Link | None] = {
    path: _noise()[:4096]
    for path in (
        '/etc/fstab',
        '/etc/crypttab',
        '/etc/os-release',
        '/etc/default/grub',
        '/etc/mdadm/mdadm.conf',
        '/etc/multipath/wwids',
        '/etc/initramfs-tools/conf.d/resume',
        '/boot/grub/grub.cfg',
        '/boot/grub/grubenv',
        '/boot/loader/entries/a.conf',
        '/var/lib/dpkg/status',
    )
}


def _system(thing: Callable[[str], disks.Content]) -> view.ImageView:
    """Return the sound image with something else for each of its files."""
    return disks.MemoryView(
        _gpt(),
        {
            path: thing(path)
            for path, content in images.FILES.items()
            if isinstance(content, str | bytes | disks.File)
        },
    )


#: Images that no rule may stumble over.
WEIRD: Mapping[str, Callable[[], view.ImageView]] = {
    'one sector': lambda: view.ImageView(disks.MemoryDisk(bytes(512))),
    'nothing but zeros': lambda: view.ImageView(
        disks.MemoryDisk(size=64 * disks.MIB)
    ),
    'noise': lambda: view.ImageView(disks.MemoryDisk(_noise())),
    'a table and noise': lambda: view.ImageView(_gpt(_noise())),
    'an empty table': lambda: view.ImageView(
        disks.MemoryDisk(disks.gpt_disk([]))
    ),
    'a table cut short': lambda: view.ImageView(
        disks.MemoryDisk(disks.gpt_disk([])[:1024])
    ),
    'no files': lambda: disks.MemoryView(_gpt(), {}),
    'circles of links': lambda: disks.MemoryView(_gpt(), _LOOP),
    'files of noise': lambda: disks.MemoryView(_gpt(), _FILES_OF_NOISE),
    'folders for files': lambda: disks.MemoryView(
        _gpt(), dict.fromkeys(_FILES_OF_NOISE)
    ),
    'a system of noise': lambda: _system(lambda path: _noise()[:4096]),
    'a system of links to themselves': lambda: _system(disks.Link),
    'a system of folders': lambda: _system(lambda path: None),
    'a system of empty files': lambda: _system(lambda path: ''),
    'a system of equals signs': lambda: _system(lambda path: '=\n[]\n:\n'),
}


class RuleConformance:
    """The contract of rules; one class may test several.

    .. code-block:: python

        class TestOurs(rule.RuleConformance):
            rule_ids = ('SITE-NTP-01', 'SITE-NTP-02')
    """

    #: The rules under test, by the names of their entry points.
    rule_ids: ClassVar[Sequence[str]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Repeat each test for each rule, and for each weird image."""
        if 'rule_id' in metafunc.fixturenames:
            metafunc.parametrize('rule_id', self.rule_ids)
        if 'weird' in metafunc.fixturenames:
            metafunc.parametrize('weird', list(WEIRD))

    @pytest.fixture
    def rule(self, rule_id: str) -> audit_rule.Rule:
        """Return the rule under test."""
        return registry.get(rule_id)

    def test_id_is_in_capitals_and_that_of_the_entry_point(
        self, rule: audit_rule.Rule, rule_id: str
    ) -> None:
        assert _ID.fullmatch(rule_id)
        assert rule.id == rule_id

    def test_there_is_one_entry_point_of_that_id(self, rule_id: str) -> None:
        found = metadata.entry_points(group=registry.NAMESPACE)
        assert [one.name for one in found].count(rule_id) == 1

    def test_module_and_class_are_called_like_the_rule(
        self, rule: audit_rule.Rule
    ) -> None:
        module = type(rule).__module__.rpartition('.')[2]
        assert module == rule.id.lower().replace('-', '_')
        words = rule.id.split('-')
        assert type(rule).__name__ == ''.join(w.capitalize() for w in words)

    def test_statement_is_one_line_without_a_full_stop(
        self, rule: audit_rule.Rule
    ) -> None:
        assert 10 <= len(rule.statement) <= 120
        assert '\n' not in rule.statement
        assert not rule.statement.endswith('.')

    def test_says_why_where_from_and_what_to_do(
        self, rule: audit_rule.Rule
    ) -> None:
        assert rule.rationale.endswith('.')
        assert rule.source
        assert rule.remedy and not rule.remedy.endswith('.')
        assert inspect.getdoc(type(rule))

    def test_severity_subject_and_fix_are_members_of_theirs(
        self, rule: audit_rule.Rule
    ) -> None:
        assert isinstance(rule.severity, audit_rule.Severity)
        assert isinstance(rule.subject, audit_rule.Subject)
        assert isinstance(rule.fix, audit_rule.Fix)

    def test_mends_what_it_says_that_it_mends(
        self, rule: audit_rule.Rule
    ) -> None:
        changes = type(rule).mend is not audit_rule.Rule.mend
        if rule.fix is audit_rule.Fix.YES:
            assert rule.subject is audit_rule.Subject.IMAGE
            assert changes or residue.kinds_of(rule.id)
        else:
            assert not changes

    def test_names_what_satisfies_it_by_kind(
        self, rule: audit_rule.Rule
    ) -> None:
        assert all(_SATISFIED.fullmatch(one) for one in rule.satisfied_by)

    def test_implies_other_rules_that_there_are(
        self, rule: audit_rule.Rule
    ) -> None:
        assert rule.id not in rule.implies
        assert rule.implies <= set(registry.rules())

    def test_options_are_closed_described_and_have_valid_defaults(
        self, rule: audit_rule.Rule
    ) -> None:
        schema = rule.options
        jsonschema.Draft202012Validator.check_schema(schema)
        json.dumps(schema)
        assert schema['additionalProperties'] is False
        for name, option in schema['properties'].items():
            assert option['description'].endswith('.'), name
            assert 'default' in option, name
        jsonschema.validate(rule.defaults(), schema)

    def test_never_raises_whatever_the_image_is(
        self, rule: audit_rule.Rule, weird: str
    ) -> None:
        subject = _subject(rule, WEIRD[weird]())
        verdict = rule.check(subject)
        assert verdict.outcome in set(artifact.Outcome)
        if verdict.outcome is not artifact.Outcome.PASS:
            assert verdict.evidence

    def test_says_the_same_when_asked_again(
        self, rule: audit_rule.Rule, weird: str
    ) -> None:
        subject = _subject(rule, WEIRD[weird]())
        assert rule.check(subject) == rule.check(subject)

    def test_image_that_cannot_be_read_is_no_pass(
        self, rule: audit_rule.Rule
    ) -> None:
        if rule.subject is not audit_rule.Subject.IMAGE:
            pytest.skip(f'it is about a {rule.subject}')
        broken = view.ImageView(disks.BrokenDisk(size=disks.MIB))
        verdict = rule.check(broken)
        assert verdict.outcome is artifact.Outcome.UNKNOWN
        assert verdict.evidence


def _subject(rule: audit_rule.Rule, image: view.ImageView) -> Any:
    """Return what a rule is shown, with nothing but an image in it."""
    return subjects.Subjects(
        image=image,
        artifact=subjects.ArtifactView(path=Path('x.raw'), image=image),
        run=subjects.RunView(manifest={}, image=image),
        registered=subjects.RegisteredImageView(
            name='x', properties={}, image=image
        ),
        listed=listed.view(name='x', size=image.disk.size),
    ).get(rule.subject)
