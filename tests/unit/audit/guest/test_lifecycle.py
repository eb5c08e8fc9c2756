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


import datetime

import pytest

from image_pipeline.audit.guest import lifecycle


@pytest.mark.parametrize(
    ('said', 'date'),
    [
        ({'ID': 'debian', 'VERSION_ID': '12'}, '2028-06-30'),
        ({'ID': 'ubuntu', 'VERSION_ID': '24.04'}, '2029-05-31'),
        ({'ID': 'rhel', 'VERSION_ID': '9.4'}, '2032-05-31'),
    ],
)
def test_end_is_that_of_the_table(said, date):
    end = lifecycle.end(said)
    assert end is not None
    assert end.date == datetime.date.fromisoformat(date)


def test_what_os_release_says_goes_first():
    said = {'ID': 'debian', 'VERSION_ID': '12', 'SUPPORT_END': '2030-01-01'}
    end = lifecycle.end(said)
    assert end is not None
    assert (end.date, end.source) == (
        datetime.date(2030, 1, 1),
        'SUPPORT_END in os-release',
    )


def test_rolling_release_has_no_end():
    end = lifecycle.end({'ID': 'arch'})
    assert end is not None
    assert end.date is None


@pytest.mark.parametrize(
    'said',
    [{}, {'ID': 'odd'}, {'ID': 'debian'}, {'ID': 'a', 'SUPPORT_END': 'x'}],
)
def test_unknown_release_is_unknown(said):
    assert lifecycle.end(said) is None
