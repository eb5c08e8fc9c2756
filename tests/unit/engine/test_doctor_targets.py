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

from image_pipeline import artifact, exceptions
from image_pipeline.engine import doctor, doctor_targets, preflight
from image_pipeline.testing import fakes


@pytest.fixture
def clouds(tmp_path):
    """Settings with targets of clouds, and one of this host."""
    return fakes.settings(
        tmp_path / 'state',
        targets={
            'local': fakes.target(),
            'auto': fakes.target('auto', cloud='mine'),
            'manual': fakes.target('manual', cloud='mine', promote='manual'),
        },
    )


def test_doctor_says_what_a_target_lacks_and_what_is_fine(clouds, monkeypatch):
    def answers(asked, *, limit):
        return [
            preflight.Found(
                target='auto',
                steps=(),
                objection=artifact.Objection.error('no room', 'make some'),
            ),
            preflight.Found(
                target='auto',
                steps=(),
                objection=artifact.Objection.warning('it is odd'),
            ),
        ]

    monkeypatch.setattr(preflight, 'answers', answers)
    found = doctor_targets.examine(clouds, ['auto', 'manual', 'local'])
    assert [(one.subject, one.verdict) for one in found] == [
        ('target auto', doctor.Verdict.MISSING),
        ('target auto', doctor.Verdict.WARNING),
        ('target manual', doctor.Verdict.OK),
        ('target local', doctor.Verdict.OK),
    ]
    assert found[0].remedy == 'make some'


def test_doctor_knows_targets_by_their_names(clouds):
    with pytest.raises(exceptions.NotFound) as caught:
        doctor_targets.examine(clouds, ['manuel'])
    assert caught.value.hint == 'did you mean "manual"?'
