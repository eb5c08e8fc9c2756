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

"""Reports as JUnit XML, which every CI system shows as tests.

An image is a test suite, a rule is a test case.  The colour of a case agrees
with the exit status: only a rule of severity error fails (``failure``) or,
if it cannot be judged, is in error (``error``).  What a lesser rule objects
to stands in the output of its case; what was not judged or is waived is
skipped, with the reason.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from image_pipeline import artifact
from image_pipeline.audit import report

if TYPE_CHECKING:
    import junitparser

#: What XML 1.0 cannot hold, https://www.w3.org/TR/xml/#charsets.
_NO_XML = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


def render(reports: Iterable[report.Report]) -> str:
    """Return reports as one JUnit XML document.

    :param reports: one for each image.
    """
    import junitparser

    document = junitparser.JUnitXml('image-pipeline audit')
    for found in reports:
        suite = junitparser.TestSuite(_clean(str(found.image)))
        suite.add_property('format', found.format)
        suite.add_property('virtual_size', str(found.virtual_size))
        suite.add_property('profile', _clean(found.profile))
        if found.reading:
            for key, value in found.reading.to_json().items():
                suite.add_property(f'reading.{key}', str(value))
        for result in found.results:
            suite.add_testcase(_case(result))
        document.add_testsuite(suite)
    text: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return text.decode() + '\n'


def _case(result: report.Result) -> 'junitparser.TestCase':
    import junitparser

    group = result.rule.rpartition('-')[0]
    case = junitparser.TestCase(
        f'{result.rule} {result.statement}', f'image-pipeline.{group}'
    )
    said = [_clean(report.one_line(one)) for one in result.evidence]
    first = said[0] if said else result.outcome.value
    whole = '\n'.join(
        [*said, *([f'remedy: {result.remedy}'] if result.remedy else [])]
    )
    if result.blocks:
        failed = result.outcome is artifact.Outcome.FAIL
        shape = junitparser.Failure if failed else junitparser.Error
        case.result = [shape(first, result.severity.value)]
        case.result[0].text = whole
    elif result.outcome is artifact.Outcome.FAIL:
        case.system_out = f'{result.severity.value}: {whole}'
    elif result.outcome is not artifact.Outcome.PASS:
        case.result = [junitparser.Skipped(f'{result.outcome.value}: {first}')]
    return case


def _clean(text: str) -> str:
    return _NO_XML.sub(lambda found: f'\\x{ord(found[0]):02x}', text)
