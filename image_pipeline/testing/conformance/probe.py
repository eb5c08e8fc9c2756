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

"""What every probe must do, as tests; see the package for how to use them."""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pytest

from image_pipeline import artifact
from image_pipeline.probes import base, protocol, script

_ID = re.compile(r'[A-Z]+(-[A-Z]+)*(-[0-9]{2})?')
#: What dash and busybox do not know, though bash does.
_BASH = re.compile(r'\[\[|\bfunction\b|<<<|<\(|&>|\$\{[^}]*//')
#: What frames and user data have room for.
_LONGEST = 1500
#: Answers that no judge may stumble over.
NONSENSE: Sequence[str] = (
    '\x00\xff',
    '= = =',
    '== a\n== b',
    '{}',
    '\n' * 100,
    '9' * 5000,
    '\ud7ff' * 10,
)

#: What this host knows of an instance, unless a test says otherwise.
EXPECTED = base.Expected(
    instance_id='6f1f2d3c-0000-4000-8000-00000000aaaa',
    hostname='smoke-bios-1',
    public_key='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOurKey image-pipeline',
    disk_bytes=3 << 30,
    config_drive=True,
    boot_seconds=60,
    emulated=False,
    allowed_ports=frozenset({'22/tcp', '68/udp', '546/udp'}),
)


class ProbeConformance:
    r"""The contract of probes; one class may test several.

    .. code-block:: python

        class TestClock(probe.ProbeConformance):
            probes = (clock.PROBE,)
            good = {'OUR-CLOCK-01': '+0000\n'}
            defects = (('OUR-CLOCK-01', '+0100\n', 'fail', '+0100'),)
    """

    #: The probes under test.
    probes: ClassVar[Sequence[base.Probe]] = ()
    #: What a good guest answers, by the probe's id.
    good: ClassVar[Mapping[str, str]] = {}
    #: The id, the answer of a guest that is wrong, the outcome, and a word
    #: of the evidence; one for each probe at least.
    defects: ClassVar[Sequence[tuple[str, str, str, str]]] = ()
    #: What this host knows of the instance.
    expected: ClassVar[base.Expected] = EXPECTED

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Repeat each test for each probe, defect, or piece of nonsense."""
        names = metafunc.fixturenames
        if 'probe' in names:
            ids = [probe.id for probe in self.probes]
            metafunc.parametrize('probe', self.probes, ids=ids)
        if 'defect' in names:
            ids = [f'{defect[0]}-{defect[3]}' for defect in self.defects]
            metafunc.parametrize('defect', self.defects, ids=ids)
        if 'nonsense' in names:
            metafunc.parametrize('nonsense', range(len(NONSENSE)))

    def judge(
        self,
        probe: base.Probe,
        text: str,
        *,
        status: int = 0,
        whole: bool = True,
    ) -> base.ProbeResult:
        """Return what a probe makes of an answer.

        :param probe: the probe.
        :param text: what its snippet printed.
        :param status: its exit status.
        :param whole: whether all of it arrived.
        """
        answer = protocol.Answer(text=text, status=status, whole=whole)
        return base.judge(probe, answer, self.expected)

    def test_id_and_title_fit_frames_and_reports(
        self, probe: base.Probe
    ) -> None:
        assert _ID.fullmatch(probe.id)
        assert 10 <= len(probe.title) <= 80
        assert '\n' not in probe.title
        assert not probe.title.endswith('.')

    def test_ids_are_of_one_probe_each(self) -> None:
        ids = [probe.id for probe in self.probes]
        assert ids
        assert len(ids) == len(set(ids))

    def test_snippet_is_short_and_arrives_as_it_is(
        self, probe: base.Probe
    ) -> None:
        assert len(probe.snippet) < _LONGEST
        assert probe.snippet.endswith('\n')
        data = script.render('0' * 16, [probe], wait=1).decode()
        assert f'\n{probe.snippet}' in data
        # The heredoc that carries it ends at such a line.
        assert 'END_OF_IMAGE_PIPELINE' not in probe.snippet

    def test_snippet_is_for_any_posix_shell(self, probe: base.Probe) -> None:
        assert not _BASH.search(probe.snippet)

    def test_good_answer_passes_with_evidence(self, probe: base.Probe) -> None:
        result = self.judge(probe, self.good[probe.id])
        assert result.outcome is artifact.Outcome.PASS
        assert result.evidence

    def test_defect_is_told(self, defect: tuple[str, str, str, str]) -> None:
        name, text, outcome, word = defect
        (probe,) = (one for one in self.probes if one.id == name)
        result = self.judge(probe, text)
        said = ' '.join(one.message for one in result.evidence)
        assert result.outcome.value == outcome, said
        assert word in said

    def test_every_probe_is_tested_with_a_defect(self) -> None:
        assert {name for name, *_ in self.defects} == {
            probe.id for probe in self.probes
        }

    def test_nonsense_is_never_an_exception(
        self, probe: base.Probe, nonsense: int
    ) -> None:
        # `base.judge` catches what parsing raises, and nothing else.
        result = self.judge(probe, NONSENSE[nonsense])
        assert result.evidence

    def test_answer_that_took_too_long_is_unknown(
        self, probe: base.Probe
    ) -> None:
        result = self.judge(probe, self.good[probe.id], status=124)
        assert result.outcome is artifact.Outcome.UNKNOWN

    def test_missing_answer_is_unknown(self, probe: base.Probe) -> None:
        result = base.judge(probe, None, self.expected)
        assert result.outcome is artifact.Outcome.UNKNOWN

    def test_answer_that_was_cut_says_so(self, probe: base.Probe) -> None:
        result = self.judge(probe, self.good[probe.id], whole=False)
        assert result.evidence[-1].message == 'the answer was cut short'

    def test_judge_says_the_same_when_asked_again(
        self, probe: base.Probe
    ) -> None:
        text = self.good[probe.id]
        assert self.judge(probe, text) == self.judge(probe, text)
