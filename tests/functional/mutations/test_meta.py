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

"""What is said of an image, or not, is spoilt; one rule says so."""

import pytest

from image_pipeline import artifact
from image_pipeline.host import process
from image_pipeline.testing import images, mutations
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
STATE = artifact.ImageState
STATUS = '/var/lib/dpkg/status'
#: Another image, as a catalogue has a former one.
FORMER = {'id': 'former', 'state': STATE.PREVIOUS, 'hidden': True}


def status(text: str) -> dict[str, str]:
    before = images.FILES[STATUS]
    assert isinstance(before, str)
    return {STATUS: f'{before}\n{text}'}


MUTATIONS = {
    '01 architecture of another machine': Mutation(
        rule='META-01', properties={'architecture': 'aarch64'}
    ),
    '01 another distribution': Mutation(
        rule='META-01',
        properties={'os_distro': 'ubuntu'},
        severity='warning',
    ),
    '01 another user': Mutation(
        rule='META-01',
        properties={'os_admin_user': 'ubuntu'},
        severity='warning',
    ),
    '02 no stamp': Mutation(
        rule='META-02',
        without=frozenset({'/etc/image-build'}),
        severity='warning',
    ),
    '02 stamp without a run': Mutation(
        rule='META-02',
        files={'/etc/image-build': 'recipe=sound\ndate=2026-01-31\n'},
        severity='warning',
        where='/etc/image-build',
    ),
    '02 password of the build': Mutation(
        rule='META-02',
        files={
            '/etc/dib-manifests/dib_environment': 'declare -x '
            'DIB_DEV_USER_PASSWORD="secret"\n'
        },
        also=frozenset({'HYG-12'}),
        where='/etc/dib-manifests/dib_environment',
    ),
    '03 value that Nova does not know': Mutation(
        rule='META-03', properties={'hw_video_model': 'VGA'}
    ),
    '03 kernel of its own': Mutation(
        rule='META-03', properties={'kernel_id': 'x'}
    ),
    '03 bus without a driver': Mutation(
        rule='META-03', properties={'hw_disk_bus': 'ide'}
    ),
    '03 disk that is too small': Mutation(
        rule='META-03', properties={'min_disk': '0'}
    ),
    '03 nothing says the version': Mutation(
        rule='META-03',
        properties={'os_version': None},
        severity='warning',
    ),
    '03 no user is said': Mutation(
        rule='META-03',
        properties={'os_admin_user': None},
        severity='info',
    ),
    '03 promoted without a least memory': Mutation(
        rule='META-03',
        properties={'min_ram': None},
        record={},
        severity='warning',
    ),
    '04 former image is shown': Mutation(
        rule='META-04',
        record={'state': STATE.PREVIOUS},
        severity='warning',
    ),
    '04 current image has another name': Mutation(
        rule='META-04',
        record={'name': 'sound-2026'},
        severity='warning',
    ),
    '04 too old': Mutation(
        rule='META-04',
        properties={
            'replace_frequency': 'monthly',
            'image_build_date': '2020-01-31',
        },
        record={},
        severity='warning',
    ),
    '04 two generic images': Mutation(
        rule='META-04',
        properties={'os_purpose': 'generic'},
        record={},
        others=({'id': 'other', 'name': 'b', 'final_name': 'b'},),
        severity='warning',
    ),
    '04 life that nobody knows': Mutation(
        rule='META-04',
        properties={'replace_frequency': None},
        record={},
        severity='info',
    ),
    '05 nobody booted it': Mutation(
        rule='META-05',
        record={'tested_sha256': None},
        severity='warning',
    ),
    '05 other content was booted': Mutation(
        rule='META-05',
        record={'tested_sha256': '0' * 64},
        severity='warning',
    ),
    '06 proprietary package': Mutation(
        rule='META-06',
        files=status(
            'Package: matlab-runtime\nStatus: install ok installed\n'
            'Version: 1\n'
        ),
        severity='warning',
    ),
    '06 section that is not free': Mutation(
        rule='META-06',
        files=status(
            'Package: unrar\nStatus: install ok installed\n'
            'Section: non-free/utils\nVersion: 1\n'
        ),
        severity='warning',
        where=STATUS,
    ),
    '07 nobody endorses it': Mutation(
        rule='META-07',
        properties={'endorser': None},
        severity='warning',
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)


@pytest.mark.parametrize(
    ('properties', 'record', 'others'),
    [
        ({}, None, ()),
        ({'min_ram': None}, None, ()),
        ({}, {}, (FORMER,)),
        ({}, {'state': STATE.PREVIOUS, 'hidden': True}, ()),
        (
            {'min_ram': None},
            {
                'name': 'sound.candidate-abababab',
                'state': STATE.CANDIDATE,
                'hidden': True,
                'visibility': 'private',
                'tested_sha256': None,
            },
            ({'id': 'now'},),
        ),
    ],
    ids=['planned', 'not tested', 'current', 'previous', 'candidate'],
)
def test_no_rule_fires_for_a_sound_image_that_is_registered(
    properties, record, others, sound
):
    found = mutations.audit(sound, properties, record, others)
    assert {result.outcome for result in found.results} <= {
        'pass',
        'not-applicable',
    }, found
