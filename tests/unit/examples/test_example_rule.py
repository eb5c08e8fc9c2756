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

"""The manual's example of a rule passes the conformance test."""

import sys
from pathlib import Path

import pytest

from image_pipeline import artifact
from image_pipeline.audit import registry
from image_pipeline.host import plugins
from image_pipeline.testing import disks
from image_pipeline.testing.conformance import rule

_EXAMPLES = Path(__file__).parents[3] / 'doc/source/contributor/examples'


@pytest.fixture(autouse=True)
def installed(tmp_path_factory, monkeypatch):
    """Install it, as ``pip install`` of its package would."""
    folder = tmp_path_factory.mktemp('installed')
    metadata = folder / 'our_rules-1.0.dist-info'
    metadata.mkdir()
    (metadata / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: our-rules\nVersion: 1.0\n'
    )
    (metadata / 'entry_points.txt').write_text(
        '[image_pipeline.rules]\nOUR-MOTD-01 = our_motd_01:OurMotd01\n'
    )
    monkeypatch.syspath_prepend(_EXAMPLES)
    monkeypatch.syspath_prepend(folder)
    _forget()
    yield
    _forget()
    sys.modules.pop('our_motd_01', None)


def _forget():
    registry.rules.cache_clear()
    plugins.forget()


class TestOurMotd01(rule.RuleConformance):
    rule_ids = ('OUR-MOTD-01',)

    @pytest.mark.parametrize(
        ('files', 'outcome'),
        [
            ({'/etc/motd': 'ask help@example.org'}, artifact.Outcome.PASS),
            ({'/etc/motd': 'welcome'}, artifact.Outcome.FAIL),
            ({'/etc': None}, artifact.Outcome.FAIL),
        ],
    )
    def test_message_names_the_help_desk(self, files, outcome):
        image = disks.MemoryView(disks.MemoryDisk(disks.gpt_disk([])), files)
        assert registry.get('OUR-MOTD-01').check(image).outcome is outcome
