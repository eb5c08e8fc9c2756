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
import pytest

from image_pipeline.audit import registry, subjects
from image_pipeline.testing import disks

RULE = registry.get('EGI-ONE-05')
GOOD = '''\
NAME = "debian-12"   # ours
PATH = "http://example.org/debian-12.raw"
TYPE = OS
PERSISTENT = "NO"
DEV_PREFIX = "vd"
DRIVER = "raw"
'''


@pytest.fixture
def check(tmp_path):
    def run(content, suffix='one', **options):
        side_files = {}
        if content is not None:
            path = tmp_path / f'memory.raw.{suffix}'
            path.write_text(content)
            side_files[path.name] = path
        view = disks.MemoryView(disks.MemoryDisk(disks.gpt_disk([])), {})
        return RULE.check(
            subjects.ArtifactView(
                path=tmp_path / 'memory.raw', image=view, side_files=side_files
            ),
            options,
        )

    return run


@pytest.mark.parametrize('suffix', ['one', 'tmpl', 'template'])
def test_a_template_that_fits_passes(check, suffix):
    assert check(GOOD, suffix).outcome == 'pass'


def test_what_is_not_said_is_what_opennebula_takes(check):
    assert check('dev_prefix=vd\n').outcome == 'pass'


@pytest.mark.parametrize(
    ('old', 'new', 'line', 'message'),
    [
        ('"NO"', '"YES"', 4, 'persistent'),
        ('"vd"', '"hd"', 5, 'DEV_PREFIX'),
        ('DEV_PREFIX = "vd"\n', '', None, 'not set'),
        ('"raw"', '"qcow2"', 6, 'the image is raw'),
    ],
)
def test_one_that_does_not_is_told(check, old, new, line, message):
    assert old in GOOD
    verdict = check(GOOD.replace(old, new))
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    (evidence,) = verdict.evidence
    assert (evidence.path, evidence.line) == ('memory.raw.one', line)
    assert message in evidence.message


def test_a_site_may_have_other_prefixes(check):
    said = GOOD.replace('"vd"', '"sd"')
    assert check(said, prefixes=['vd', 'sd']).outcome == 'pass'


@pytest.mark.parametrize('suffix', ['sha512', 'json'])
def test_other_files_are_no_templates(check, suffix):
    assert check(GOOD, suffix).outcome == 'not-applicable'
    assert check(None).outcome == 'not-applicable'


def test_a_template_that_cannot_be_read_is_not_known(tmp_path):
    view = disks.MemoryView(disks.MemoryDisk(disks.gpt_disk([])), {})
    gone = tmp_path / 'memory.raw.one'
    verdict = RULE.check(
        subjects.ArtifactView(
            path=tmp_path / 'memory.raw',
            image=view,
            side_files={gone.name: gone},
        )
    )
    assert verdict.outcome == 'unknown'
